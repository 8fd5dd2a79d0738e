// @ts-check
'use strict';

/**
 * What users know as `ws._receiver`: the parser of one connection as a
 * Receiver. The parsing is the engine's; once somebody asks for this object, it
 * stands between the engine and the WebSocket, with listeners that can be
 * removed, added to, and called by hand. Its bounds may be changed in mid-life
 * (after a login, say).
 */

const Receiver = require('./receiver.js');
const { release } = require('../connection/adopted-socket.js');
const { kWebSocket } = require('../constants.js');

class ReceiverView extends Receiver {
  /**
   * @param {any} ws The WebSocket whose parser this stands for
   * @param {import('../connection/connection.js').Connection} connection
   */
  constructor(ws, connection) {
    super(connection.limits, connection);
    /** @type {any} */ (this)[kWebSocket] = ws;
  }

  /**
   * Bytes that somebody has read himself.
   *
   * @param {Buffer} chunk
   * @param {BufferEncoding} encoding
   * @param {(error?: Error | null) => void} callback
   */
  _write(chunk, encoding, callback) {
    // Only a stream's frames can come from two sides.
    release(this._connection.socket);
    super._write(chunk, encoding, callback);
  }

  /**
   * @param {Error | null} error
   * @param {(error?: Error | null) => void} callback
   */
  _destroy(error, callback) {
    callback(error);
  }
}

// What the WebSocket has is what the parser has.
Object.defineProperties(ReceiverView.prototype, {
  constructor: { configurable: true, value: Receiver, writable: true },
  _binaryType: {
    configurable: true,
    /** @this {any} */
    get() {
      return this[kWebSocket]._binaryType;
    },
    /** @this {any} @param {string} type */
    set(type) {
      if (this[kWebSocket] !== undefined) this[kWebSocket]._binaryType = type;
    }
  },
  _extensions: {
    configurable: true,
    /** @this {any} */
    get() {
      return this[kWebSocket]._extensions;
    },
    set() {}
  }
});

module.exports = ReceiverView;
