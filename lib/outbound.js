// @ts-check
'use strict';

/**
 * The sending half of a WebSocket: what a user hands over becomes frames of the
 * engine, in the order of the calls. A Blob takes time to be read; whatever is
 * sent meanwhile waits behind it. Users know an object of this class as
 * `ws._sender`.
 */

const { Buffer } = require('buffer');

const { bindCallback } = require('./async-scope.js');
const { SEND } = require('./binding.js');
const closePayload = require('./close-payload.js');
const PerMessageDeflate = require('./compat/permessage-deflate.js');
const { EMPTY_BUFFER, kConnection } = require('./constants.js');
const { compressionAborted } = require('./socket-errors.js');
const { isBlob } = require('./validation.js');

// Kept, so that a test's fake timers do not stop what has been sent.
const { nextTick } = process;

const FastBuffer = /** @type {any} */ (Buffer)[Symbol.species];

const { hasOwn } = Object;
const { compress: originalCompress } = PerMessageDeflate.prototype;

/** Opcodes (RFC 6455 11.8). */
const OPCODE = Object.freeze({
  CONTINUATION: 0,
  TEXT: 1,
  BINARY: 2,
  CLOSE: 8,
  PING: 9,
  PONG: 10
});

const MAX_CONTROL_PAYLOAD = 125;

/** The first frame of a message that is compressed (RFC 7692 6.1). */
const COMPRESSED = SEND.COMPRESS | SEND.RSV1;

/**
 * @typedef {(error?: Error | null) => void} Ack
 */

/**
 * @typedef {object} Waiting What waits for a Blob
 * @property {() => void} run
 * @property {Ack | undefined} ack
 */

/**
 * @typedef {object} MessageOptions
 * @property {boolean} [binary]
 * @property {boolean} [compress]
 * @property {boolean} [fin]
 * @property {boolean} [mask]
 */

/**
 * The bytes of anything that may be sent, without a copy where there is a view.
 *
 * @param {any} data
 * @returns {Buffer}
 */
function toBuffer(data) {
  // A Proxy of one passes for a Buffer, but its length throws.
  if (Buffer.isBuffer(data) && data.length >= 0) return data;
  if (data instanceof ArrayBuffer) return new FastBuffer(data);
  if (ArrayBuffer.isView(data)) {
    return new FastBuffer(data.buffer, data.byteOffset, data.byteLength);
  }
  return Buffer.from(data);
}

class Outbound {
  /**
   * @param {import('./connection.js').Connection} connection
   * @param {any} deflate The extension that compresses, if one is in use
   * @param {((mask: Buffer) => void) | undefined} generateMask
   */
  constructor(connection, deflate, generateMask) {
    /** @type {any} */ (this)[kConnection] = connection;
    this._deflate = deflate;
    /** Bytes that were sent and wait for a Blob, or were sent too late. */
    this._bufferedBytes = 0;
    this._firstFragment = true;
    /** The message in progress is compressed. */
    this._compress = false;

    // The prototype has these, for nearly all senders.
    /**
     * Messages were compressed by a function of the user's.
     *
     * @type {boolean}
     */
    this._byHand;
    /**
     * Told what fails without being a peer's or the socket's fault.
     *
     * @type {(error: Error) => void}
     */
    this._onError;
    /** @type {Waiting[] | null} */
    this._waiting;
    /** @type {((mask: Buffer) => void) | undefined} */
    this._generateMask;
    if (generateMask !== undefined) this._generateMask = generateMask;
  }

  /** @returns {import('./connection.js').Connection} */
  get _connection() {
    return /** @type {any} */ (this)[kConnection];
  }

  get _socket() {
    return this._connection.socket;
  }

  /**
   * A message, or a fragment of one. What the options do not say is as
   * `WebSocket#send` has it: they are looked at one by one, since a copy of them
   * costs more than the frame.
   *
   * @param {any} data
   * @param {MessageOptions | null | undefined} options
   * @param {Ack | undefined} ack
   */
  sendMessage(data, options, ack) {
    const isText = typeof data === 'string';
    let binary = !isText;
    let compress = true;
    let fin = true;
    let mask = !this._isServer;

    // What they say themselves counts, and of that what can be enumerated: as if
    // they were copied.
    const said = /** @type {any} */ (options);

    for (const name in said) {
      if (!hasOwn(said, name)) continue;
      if (name === 'binary') binary = Boolean(said.binary);
      else if (name === 'compress') compress = Boolean(said.compress);
      else if (name === 'fin') fin = Boolean(said.fin);
      else if (name === 'mask') mask = Boolean(said.mask);
    }

    const bytes =
      isText || (!Buffer.isBuffer(data) && isBlob(data))
        ? data
        : toBuffer(data);
    let flags = fin ? SEND.FIN : 0;

    if (this._firstFragment) {
      flags |= binary ? OPCODE.BINARY : OPCODE.TEXT;
      this._compress =
        compress && this._deflate !== null && this.shouldCompress(bytes);
      if (this._compress) flags |= COMPRESSED;
    } else {
      flags |= OPCODE.CONTINUATION;
      if (this._compress) flags |= SEND.COMPRESS;
    }

    this._firstFragment = fin;
    this.sendOne(flags, bytes, mask, ack);
  }

  /**
   * Whether a message that begins with this is worth compressing. Where the
   * next message may refer to it, it always is.
   *
   * @param {string | Buffer | Blob} data
   * @returns {boolean}
   */
  shouldCompress(data) {
    const deflate = this._deflate;

    // A user may have taken the extension away.
    if (
      /** @type {any} */ (this._connection.ws)._extensions[
        deflate.constructor.extensionName
      ] === undefined
    ) {
      return false;
    }

    const side = deflate._isServer ? 'server' : 'client';

    return (
      !deflate.params[`${side}_no_context_takeover`] ||
      sizeOf(data) >= deflate._threshold
    );
  }

  /**
   * @param {any} data
   * @param {boolean | undefined} mask
   * @param {Ack | undefined} ack
   */
  sendPing(data, mask, ack) {
    this.sendControl(OPCODE.PING, data, mask, ack);
  }

  /**
   * @param {any} data
   * @param {boolean | undefined} mask
   * @param {Ack | undefined} ack
   */
  sendPong(data, mask, ack) {
    this.sendControl(OPCODE.PONG, data, mask, ack);
  }

  /**
   * @param {number | undefined} code
   * @param {string | Uint8Array | undefined} reason
   * @param {boolean | undefined} mask
   * @param {Ack | undefined} ack
   */
  sendClose(code, reason, mask, ack) {
    const payload = closePayload(code, reason);

    this.sendOne(OPCODE.CLOSE | SEND.FIN, payload, mask, ack);
  }

  /**
   * @param {number} opcode
   * @param {any} data
   * @param {boolean | undefined} mask
   * @param {Ack | undefined} ack
   */
  sendControl(opcode, data, mask, ack) {
    const bytes = isBlob(data) ? data : toBuffer(data);
    const length = isBlob(data) ? data.size : bytes.length;

    if (length > MAX_CONTROL_PAYLOAD) {
      throw new RangeError('The data size must not be greater than 125 bytes');
    }

    this.sendOne(opcode | SEND.FIN, bytes, mask, ack);
  }

  /**
   * Sends buffers that are frames already, in order with everything else.
   *
   * @param {Uint8Array[]} list
   * @param {Ack} [ack]
   */
  sendList(list, ack) {
    const callback = bindCallback(ack);

    if (this._waiting !== null) {
      const kept = list.map((bytes) => Buffer.from(bytes));

      this._waiting.push({
        run: () => this.sendList(kept, callback),
        ack: callback
      });
      return;
    }
    // Nothing at all is an error of the stream's, too.
    if (this._connection.isEnded || list.length === 0) {
      this._socket.write(list[0], callback);
      return;
    }

    for (let i = 0; i < list.length; i++) {
      const bytes =
        typeof list[i] === 'string' ? Buffer.from(list[i]) : list[i];

      this._connection.sendRaw(
        bytes,
        i === list.length - 1 ? callback : undefined
      );
    }
  }

  /**
   * @param {number} flags Opcode and FIN
   * @param {string | Buffer | Blob} data
   * @param {boolean | undefined} mask
   * @param {Ack | undefined} ack
   */
  sendOne(flags, data, mask, ack) {
    if (this._waiting !== null) {
      const size = sizeOf(data);
      // The user may use his memory again as soon as the call returns.
      const kept = Buffer.isBuffer(data) ? Buffer.from(data) : data;

      this._bufferedBytes += size;
      this._waiting.push({
        run: () => {
          this._bufferedBytes -= size;
          this.sendOne(flags, kept, mask, ack);
        },
        ack
      });
      return;
    }
    if (typeof data !== 'string' && !Buffer.isBuffer(data)) {
      this.sendBlob(flags, /** @type {any} */ (data), mask, ack);
      return;
    }
    if (flags & SEND.COMPRESS && this.compressesByHand()) {
      this.compressByHand(flags, data, mask, ack);
      return;
    }
    if (this._connection.isEnded) {
      // Node's own error, for the callback and for the socket.
      this._socket.write(EMPTY_BUFFER, ack);
      return;
    }

    const masked = Boolean(mask);
    const generate = masked ? this._generateMask : undefined;
    const key = generate === undefined ? 0 : generatedKey(generate);
    const all =
      flags |
      (masked ? SEND.MASK : 0) |
      (generate === undefined ? 0 : SEND.GIVEN_MASK);

    if (typeof data === 'string') {
      this._connection.sendText(all, data, key, ack);
    } else {
      this._connection.sendBytes(
        all,
        /** @type {Uint8Array} */ (data),
        key,
        ack
      );
    }
  }

  /**
   * @param {number} flags
   * @param {Blob} blob
   * @param {boolean | undefined} mask
   * @param {Ack | undefined} ack
   */
  sendBlob(flags, blob, mask, ack) {
    this._waiting = [];
    this._bufferedBytes += blob.size;

    blob.arrayBuffer().then(
      (memory) => {
        if (this._socket.destroyed) {
          const error = new Error(
            'The socket was closed while the blob was being read'
          );

          nextTick(() => this.failWaiting(error, ack));
          return;
        }

        this._bufferedBytes -= blob.size;
        this.proceed(() => this.sendOne(flags, toBuffer(memory), mask, ack));
      },
      (error) => {
        nextTick(() => {
          this.failWaiting(error, ack);
          this._onError(error);
        });
      }
    );
  }

  /**
   * Whether somebody has put a function of his own in the place of the one that
   * compresses. Once it was used the engine does not know what the next message
   * may refer to, and stays out of it.
   *
   * @returns {boolean}
   */
  compressesByHand() {
    return (
      this._deflate !== null &&
      (this._byHand || this._deflate.compress !== originalCompress)
    );
  }

  /**
   * @param {number} flags
   * @param {any} data
   * @param {boolean | undefined} mask
   * @param {Ack | undefined} ack
   */
  compressByHand(flags, data, mask, ack) {
    const size = sizeOf(data);

    this._byHand = true;
    this._waiting = [];
    this._bufferedBytes += size;

    this._deflate.compress(
      data,
      (flags & SEND.FIN) !== 0,
      (/** @type {unknown} */ _, /** @type {Buffer} */ compressed) => {
        if (this._socket.destroyed) {
          this.failWaiting(compressionAborted(), ack);
          return;
        }

        this._bufferedBytes -= size;
        this.proceed(() =>
          this.sendOne(flags & ~SEND.COMPRESS, compressed, mask, ack)
        );
      }
    );
  }

  /**
   * @param {Error} error
   * @param {Ack | undefined} first
   */
  failWaiting(error, first) {
    const waiting = this._waiting || [];

    this._waiting = null;
    if (first !== undefined) first(error);

    for (const { ack } of waiting) {
      if (ack !== undefined) ack(error);
    }
  }

  /**
   * @param {() => void} first
   */
  proceed(first) {
    const waiting = this._waiting || [];

    this._waiting = null;
    first();

    while (waiting.length > 0) {
      /** @type {Waiting} */ (waiting.shift()).run();
      // Another Blob: the rest waits behind it, and before what came later.
      if (this._waiting !== null) {
        /** @type {Waiting[]} */ (this._waiting).unshift(...waiting);
        return;
      }
    }
  }

  get _isServer() {
    return /** @type {any} */ (this._connection.ws)._isServer;
  }
}

/**
 * @param {string | Buffer | Blob} data
 * @returns {number} Its bytes
 */
function sizeOf(data) {
  if (isBlob(data)) return /** @type {any} */ (data).size;
  return Buffer.byteLength(/** @type {string | Buffer} */ (data));
}

/**
 * @param {(mask: Buffer) => void} generate The user's
 * @returns {number} The key
 */
function generatedKey(generate) {
  const mask = Buffer.alloc(4);

  generate(mask);
  return mask.readUInt32BE(0);
}

// The same for nearly all senders, until one has its own.
Object.assign(Outbound.prototype, {
  _byHand: false,
  _generateMask: undefined,
  _waiting: null
});

module.exports = { Outbound, sizeOf, toBuffer };
