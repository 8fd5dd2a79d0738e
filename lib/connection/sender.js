// @ts-check
'use strict';

/**
 * The sending half of a WebSocket: what a user hands over becomes frames of the
 * engine, in the order of the calls. A Blob takes time to be read; whatever is
 * sent meanwhile waits behind it. Users know an object of this class as
 * `ws._sender`.
 */

const { Buffer } = require('buffer');

const { callAll } = require('./ack-queue.js');
const { bindCallback } = require('../engine/async-scope.js');
const { SEND } = require('../engine/wire.js');
const closePayload = require('./close-payload.js');
const PerMessageDeflate = require('../compat/permessage-deflate.js');
const {
  EMPTY_BUFFER,
  MAX_CONTROL_PAYLOAD,
  OPCODE,
  kConnection
} = require('../constants.js');
const { Fifo } = require('./fifo.js');
const { compressionAborted, unknownEncoding } = require('./socket-errors.js');
const { copyOf, lengthOf, memoryOf, offsetOf } = require('./true-bytes.js');
const { isBlob } = require('../validation.js');

// Kept, so that a test's fake timers do not stop what has been sent.
const { setImmediate } = globalThis;
const { nextTick } = process;

const FastBuffer = /** @type {any} */ (Buffer)[Symbol.species];

const { hasOwn } = Object;
const { compress: originalCompress } = PerMessageDeflate.prototype;

/** The first frame of a message that is compressed (RFC 7692 6.1). */
const COMPRESSED = SEND.COMPRESS | SEND.RSV1;

/**
 * @typedef {(error?: Error | null) => void} Ack
 */

/**
 * @typedef {object} Waiting What waits for a Blob
 * @property {number} size
 * @property {Ack | undefined} ack
 * @property {() => void} run
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
  if (Buffer.isBuffer(data)) {
    // Throws for a Proxy, which passes for a Buffer.
    const length = lengthOf(data);

    if (data.length === length) return data;
    // Everybody else may believe what this one says of its length.
    return new FastBuffer(memoryOf(data), offsetOf(data), length);
  }
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
    /**
     * What is sent has to wait: for a Blob, or for that function.
     *
     * @type {boolean}
     */
    this._blocked;
    /**
     * What waits is being sent, further down the stack.
     *
     * @type {boolean}
     */
    this._resuming;
    /** @type {Fifo<Waiting> | null} */
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

    const blob = !isText && !Buffer.isBuffer(data) && isBlob(data);
    const bytes = isText || blob ? data : toBuffer(data);
    // Asked once: a Blob of the user's may say something else the next time.
    const size = blob ? data.size : 0;
    let flags = fin ? SEND.FIN : 0;

    if (this._firstFragment) {
      flags |= binary ? OPCODE.BINARY : OPCODE.TEXT;
      this._compress =
        compress &&
        this._deflate !== null &&
        this.shouldCompress(blob, bytes, size);
      if (this._compress) flags |= COMPRESSED;
    } else {
      flags |= OPCODE.CONTINUATION;
      if (this._compress) flags |= SEND.COMPRESS;
    }

    this._firstFragment = fin;
    if (blob) this.sendBlob(flags, data, size, mask, ack);
    else this.sendOne(flags, bytes, mask, ack);
  }

  /**
   * Whether a message that begins with this is worth compressing. Where the
   * next message may refer to it, it always is.
   *
   * @param {boolean} blob Whether it is a Blob, of that size
   * @param {any} data
   * @param {number} size
   * @returns {boolean}
   */
  shouldCompress(blob, data, size) {
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
      (blob ? size : sizeOf(data)) >= deflate._threshold
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
    const blob = isBlob(data);
    const bytes = blob ? data : toBuffer(data);
    const size = sizeOf(bytes);

    if (size > MAX_CONTROL_PAYLOAD) throw tooLong();

    if (blob) this.sendBlob(opcode | SEND.FIN, data, size, mask, ack);
    else this.sendOne(opcode | SEND.FIN, bytes, mask, ack);
  }

  /**
   * Sends buffers that are frames already, in order with everything else.
   *
   * @param {Uint8Array[]} list
   * @param {Ack} [ack]
   */
  sendList(list, ack) {
    const callback = bindCallback(ack);

    if (this._blocked) {
      const kept = list.map((bytes) => Buffer.from(bytes));

      this.wait(0, callback, () => this.sendList(kept, callback));
      return;
    }
    // Nothing at all is an error of the stream's, too.
    if (this._connection.isEnded || list.length === 0) {
      this._socket.write(list[0], callback);
      return;
    }

    if (callback !== undefined && typeof callback !== 'function') {
      throw unknownEncoding(callback);
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
   * @param {string | Buffer} data
   * @param {boolean | undefined} mask
   * @param {Ack | undefined} ack
   */
  sendOne(flags, data, mask, ack) {
    if (this._blocked) {
      // The user may use his memory again as soon as the call returns.
      const kept = typeof data === 'string' ? data : copyOf(data);

      this.wait(sizeOf(data), ack, () => this.sendOne(flags, kept, mask, ack));
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
   * @param {number} size What it says its size is
   * @param {boolean | undefined} mask
   * @param {Ack | undefined} ack
   */
  sendBlob(flags, blob, size, mask, ack) {
    if (this._blocked) {
      this.wait(size, ack, () => this.sendBlob(flags, blob, size, mask, ack));
      return;
    }

    this._blocked = true;
    this._bufferedBytes += size;

    blob
      .arrayBuffer()
      .then((memory) => {
        if (this._socket.destroyed) {
          const error = new Error(
            'The socket was closed while the blob was being read'
          );

          // Out of the promise, where a callback that throws would be one of
          // its failures.
          nextTick(() => this.failWaiting(error, ack, false));
          return;
        }

        this._bufferedBytes -= size;

        const bytes = toBuffer(memory);

        // It may have more than it says.
        if (
          (flags & 0xf) >= OPCODE.CLOSE &&
          sizeOf(bytes) > MAX_CONTROL_PAYLOAD
        ) {
          throw tooLong();
        }

        this.resume(() => this.sendOne(flags, bytes, mask, ack));
      })
      // Whatever fails in there, such as the user's function for the masks.
      .catch((error) => {
        try {
          // The callbacks of what was sent before come first.
          this._connection.flush();
        } catch {
          // A stream that throws is what ends this connection, if anything.
        }
        nextTick(() => this.failWaiting(error, ack, true));
      });
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
    this._blocked = true;
    this._bufferedBytes += size;

    this._deflate.compress(
      data,
      (flags & SEND.FIN) !== 0,
      (/** @type {unknown} */ _, /** @type {any} */ compressed) => {
        if (this._socket.destroyed) {
          this.failWaiting(compressionAborted(), ack, false);
          return;
        }

        this._bufferedBytes -= size;

        try {
          this.resume(() =>
            this.sendOne(
              flags & ~SEND.COMPRESS,
              typeof compressed === 'string'
                ? compressed
                : toBuffer(compressed),
              mask,
              ack
            )
          );
        } catch (error) {
          // The rest has its turn, unless somebody takes this for the end.
          setImmediate(() => this.sendWaiting());
          throw error;
        }
      }
    );
  }

  /**
   * @param {number} size
   * @param {Ack | undefined} ack
   * @param {() => void} run Sends it
   */
  wait(size, ack, run) {
    this._waiting ??= new Fifo();
    this._waiting.push({ size, ack, run });
    this._bufferedBytes += size;
  }

  /**
   * Nothing of what waits will be sent.
   *
   * @param {Error} error
   * @param {Ack | undefined} first The callback of what it waits for
   * @param {boolean} isFailure Whether that is news for the WebSocket
   */
  failWaiting(error, first, isFailure) {
    const due = [first, ...this.takeAcks()].filter(isFunction);

    // What the callbacks have sent is waiting now.
    due.push(() => callAll(this.takeAcks().filter(isFunction), error));
    if (isFailure) due.push(() => this._onError(error));
    callAll(due, error);
  }

  /** @returns {any[]} The callbacks of what waits, and waits no more */
  takeAcks() {
    const waiting = this._waiting;

    return waiting === null
      ? []
      : waiting.take(waiting.length).map(({ ack }) => ack);
  }

  /**
   * Sends what the others have waited for, and then these.
   *
   * @param {() => void} first
   */
  resume(first) {
    this._blocked = false;
    first();
    this.sendWaiting();
  }

  /** Sends what waits, up to the next Blob. */
  sendWaiting() {
    const waiting = this._waiting;

    // Not in one of its own calls: so many fit on no stack.
    if (waiting === null || this._resuming) return;

    this._resuming = true;

    try {
      while (!this._blocked && waiting.length > 0) {
        const { size, run } = /** @type {Waiting} */ (waiting.takeFirst());

        this._bufferedBytes -= size;
        run();
      }
    } finally {
      this._resuming = false;
    }
  }

  get _isServer() {
    return /** @type {any} */ (this._connection.ws)._isServer;
  }
}

/**
 * @param {unknown} value
 * @returns {boolean}
 */
function isFunction(value) {
  return typeof value === 'function';
}

/**
 * @param {string | Buffer | Blob} data
 * @returns {number} Its bytes
 */
function sizeOf(data) {
  if (typeof data === 'string') return Buffer.byteLength(data);
  return Buffer.isBuffer(data)
    ? lengthOf(data)
    : /** @type {any} */ (data).size;
}

/**
 * @returns {RangeError} That of a ping or a pong
 */
function tooLong() {
  return new RangeError('The data size must not be greater than 125 bytes');
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
  _blocked: false,
  _byHand: false,
  _generateMask: undefined,
  _resuming: false,
  _waiting: null
});

module.exports = { Outbound, sizeOf, toBuffer, tooLong };
