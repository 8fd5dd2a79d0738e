// @ts-check
'use strict';

/**
 * The parser of frames as a class of its own, for those who drive one by hand:
 * a Writable over the same codec that serves the connections.
 */

const { Writable } = require('stream');

const { BINARY_TYPES, kWebSocket } = require('../constants.js');
const { Connection } = require('../connection.js');
const { engine } = require('../binding.js');
const deflateOptions = require('../deflate-options.js');
const { protocolError } = require('../errors.js');
const { extensionName } = require('./permessage-deflate.js');
const { shape } = require('../message-shape.js');

/** Codecs of receivers that nobody ended. */
const abandoned = new FinalizationRegistry((/** @type {number} */ id) =>
  engine.free(id)
);

/** @type {import('../connection.js').Handler} */
const handler = {
  message(receiver, data, isBinary, fragments) {
    receiver.emit(
      'message',
      isBinary ? shape(receiver._binaryType, data, fragments) : data,
      isBinary
    );
  },

  ping(receiver, data) {
    receiver.emit('ping', data);
  },

  pong(receiver, data) {
    receiver.emit('pong', data);
  },

  conclude(receiver, code, reason) {
    receiver._concluded = true;
    receiver.emit('conclude', code, Buffer.from(reason));
    receiver.end();
  },

  violation(receiver, index, parameter) {
    receiver._violation = protocolError(index, parameter);
  }
};

class Receiver extends Writable {
  /**
   * @param {object} [options]
   * @param {boolean} [options.allowSynchronousEvents]
   * @param {string} [options.binaryType]
   * @param {object} [options.extensions]
   * @param {boolean} [options.isServer]
   * @param {number} [options.maxBufferedChunks]
   * @param {number} [options.maxFragments]
   * @param {number} [options.maxPayload]
   * @param {boolean} [options.skipUTF8Validation]
   */
  constructor(options = {}) {
    super();

    this._binaryType = options.binaryType || BINARY_TYPES[0];
    this._extensions = /** @type {any} */ (options.extensions || {});
    this._isServer = Boolean(options.isServer);
    this._concluded = false;
    this._violation = /** @type {Error | null} */ (null);
    /** @type {any} */ (this)[kWebSocket] = undefined;

    const id = engine.open({
      server: this._isServer,
      maxPayload: (options.maxPayload || 0) | 0,
      maxFragments: (options.maxFragments || 0) | 0,
      maxBufferedChunks: (options.maxBufferedChunks || 0) | 0,
      skipUtf8Validation: Boolean(options.skipUTF8Validation),
      deflate: deflateOptions(this._extensions[extensionName])
    });

    this._connection = new Connection(
      /** @type {any} */ (this),
      this,
      handler,
      id,
      false
    );
    this._connection.deferring =
      options.allowSynchronousEvents !== undefined &&
      !options.allowSynchronousEvents;
    abandoned.register(this, id, this);
  }

  /**
   * @param {Buffer} chunk
   * @param {BufferEncoding} encoding
   * @param {(error?: Error | null) => void} callback
   */
  _write(chunk, encoding, callback) {
    if (this._concluded) {
      callback();
      return;
    }

    this._connection.feed(chunk);
    this._connection.whenDelivered(() =>
      callback(this._violation ?? undefined)
    );
  }

  /**
   * @param {Error | null} error
   * @param {(error?: Error | null) => void} callback
   */
  _destroy(error, callback) {
    abandoned.unregister(this);
    this._connection.detach();
    callback(error);
  }
}

module.exports = Receiver;
