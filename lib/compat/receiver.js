// @ts-check
'use strict';

/**
 * The parser of frames as a class of its own, for those who drive one by hand:
 * a Writable over the same codec that serves the connections.
 */

const { Writable } = require('stream');

const {
  BINARY_TYPES,
  NOOP,
  kConnection,
  kWebSocket
} = require('../constants.js');
const { Connection } = require('../connection/connection.js');
const { engine } = require('../engine/engine.js');
const deflateOptions = require('../handshake/deflate-options.js');
const { protocolError } = require('../errors.js');
const { extensionName } = require('./permessage-deflate.js');
const { shape } = require('../data.js');

/** Codecs of receivers that nobody ended. */
const abandoned = new FinalizationRegistry((/** @type {number} */ id) =>
  engine.free(id)
);

/** @type {import('../connection/connection.js').Handler} */
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
   * @param {Connection} [connection] What parses already
   */
  constructor(options = {}, connection = undefined) {
    const deferring =
      options.allowSynchronousEvents !== undefined &&
      !options.allowSynchronousEvents;

    super();

    this._binaryType = options.binaryType || BINARY_TYPES[0];
    this._extensions = /** @type {any} */ (options.extensions || {});
    this._concluded = false;
    this._violation = /** @type {Error | null} */ (null);
    /** Whether events are to come later than the write, as zlib makes them. */
    this._isLate = false;
    /** @type {any} */ (this)[kWebSocket] = undefined;

    if (connection !== undefined) {
      this._connection = connection;
      return;
    }

    const limits = {
      server: Boolean(options.isServer),
      maxPayload: (options.maxPayload || 0) | 0,
      maxFragments: (options.maxFragments || 0) | 0,
      maxBufferedChunks: (options.maxBufferedChunks || 0) | 0,
      skipUtf8Validation: Boolean(options.skipUTF8Validation),
      deflate: deflateOptions(this._extensions[extensionName])
    };
    const id = engine.open(limits);

    // In the place of the stream that the chunks of a WebSocket come from.
    const source = {
      destroy: (/** @type {Error} */ error) => this.destroy(error),
      pause: NOOP,
      resume: NOOP
    };

    this._connection = new Connection(
      /** @type {any} */ (source),
      this,
      handler,
      id,
      false
    );
    this._connection.limits = limits;
    this._connection.deferring = deferring;
    this._isLate = limits.deflate !== undefined;
    abandoned.register(this, id, this);
  }

  /** @returns {Connection} */
  get _connection() {
    return /** @type {any} */ (this)[kConnection];
  }

  set _connection(connection) {
    /** @type {any} */ (this)[kConnection] = connection;
  }

  /** @returns {boolean} Whether several events may come in one turn */
  get _allowSynchronousEvents() {
    return !this._connection.deferring;
  }

  set _allowSynchronousEvents(allow) {
    this._connection.deferring = !allow;
  }

  /** @returns {boolean} Whether the peer is a client */
  get _isServer() {
    return this._connection.limits.server;
  }

  /** @returns {number} Chunks held for an incomplete frame; 0 for no bound */
  get _maxBufferedChunks() {
    return this._connection.limits.maxBufferedChunks;
  }

  set _maxBufferedChunks(chunks) {
    this._limit('maxBufferedChunks', chunks | 0);
  }

  /** @returns {number} Frames of a message; 0 for no bound */
  get _maxFragments() {
    return this._connection.limits.maxFragments;
  }

  set _maxFragments(frames) {
    this._limit('maxFragments', frames | 0);
  }

  /** @returns {number} Bytes of a message; 0 for no bound */
  get _maxPayload() {
    return this._connection.limits.maxPayload;
  }

  set _maxPayload(bytes) {
    this._limit('maxPayload', bytes | 0);
  }

  /** @returns {boolean} Whether text and close reasons go through unchecked */
  get _skipUTF8Validation() {
    return this._connection.limits.skipUtf8Validation;
  }

  set _skipUTF8Validation(skip) {
    this._limit('skipUtf8Validation', Boolean(skip));
  }

  /**
   * Changes a bound, for the frames that come.
   *
   * @param {string} name
   * @param {number | boolean} value
   */
  _limit(name, value) {
    const { _connection } = this;
    // Others may have the same.
    const limits = { ..._connection.limits, [name]: value };

    _connection.limits = limits;
    if (_connection.closed) return;
    engine.limit(
      _connection.id,
      limits.maxPayload,
      limits.maxFragments,
      limits.maxBufferedChunks,
      limits.skipUtf8Validation
    );
  }

  /** @returns {number} Bytes that the frames of a message have announced */
  get _totalPayloadLength() {
    return this._progress()[0];
  }

  /** @returns {number} Bytes of the whole frames of a message */
  get _messageLength() {
    return this._progress()[1];
  }

  /** @returns {number} Bytes that wait for the rest of a frame */
  get _bufferedBytes() {
    return this._progress()[2];
  }

  /**
   * @returns {number[]} What there is of a message whose end has not come
   */
  _progress() {
    const { closed, id } = this._connection;

    return closed ? [0, 0, 0] : engine.progress(id);
  }

  /**
   * @param {Buffer} chunk
   * @param {BufferEncoding} encoding
   * @param {(error?: Error | null) => void} callback
   */
  _write(chunk, encoding, callback) {
    if (this._concluded) {
      callback();
    } else if (this._isLate) {
      setImmediate(parse, this, chunk, callback);
    } else {
      parse(this, chunk, callback);
    }
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

/**
 * @param {Receiver} receiver
 * @param {Buffer} chunk
 * @param {(error?: Error | null) => void} callback
 */
function parse(receiver, chunk, callback) {
  const { _connection } = receiver;

  if (_connection.closed) return;
  _connection.feed(chunk);
  _connection.whenDelivered(() => callback(receiver._violation ?? undefined));
}

module.exports = Receiver;
