// @ts-check
'use strict';

/**
 * What users know as `ws._receiver`: the bounds that the frames of one
 * connection are held to, to be read, and to be changed in mid-life (after a
 * login, say). The parser itself is the engine's.
 */

const EventEmitter = require('events');

const { engine } = require('../binding.js');

class ReceiverView extends EventEmitter {
  /**
   * @param {any} ws The WebSocket whose parser this stands for
   * @param {{ maxPayload: number, skipUtf8Validation: boolean }} limits
   */
  constructor(ws, limits) {
    super();
    /** @type {any} */ (this)._ws = ws;
    this._limits = limits;
    Object.defineProperty(this, '_ws', { enumerable: false });
  }

  /** @returns {number} Bytes of a message; 0 for no bound */
  get _maxPayload() {
    return this._limits.maxPayload;
  }

  set _maxPayload(bytes) {
    this._limits.maxPayload = bytes | 0;
    this._apply();
  }

  /** @returns {boolean} Whether text and close reasons go through unchecked */
  get _skipUTF8Validation() {
    return this._limits.skipUtf8Validation;
  }

  set _skipUTF8Validation(skip) {
    this._limits.skipUtf8Validation = Boolean(skip);
    this._apply();
  }

  get _binaryType() {
    return /** @type {any} */ (this)._ws._binaryType;
  }

  get _extensions() {
    return /** @type {any} */ (this)._ws._extensions;
  }

  get _isServer() {
    return /** @type {any} */ (this)._ws._isServer;
  }

  _apply() {
    const { _connection } = /** @type {any} */ (this)._ws;

    if (_connection.closed) return;
    engine.limit(
      _connection.id,
      this._limits.maxPayload,
      this._limits.skipUtf8Validation
    );
  }
}

module.exports = ReceiverView;
