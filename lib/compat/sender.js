// @ts-check
'use strict';

// The class that `ws` exports for building and sending frames. The WebSockets
// of this package send through the engine; this class is for those who frame
// by hand, above all with `Sender.frame`, and write to a stream of their own.

const { randomFillSync } = require('crypto');

const closePayload = require('../close-payload.js');
const { NOOP } = require('../constants.js');
const { toBuffer } = require('../outbound.js');
const { isBlob } = require('../validation.js');

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

const FIN = 0x80;
const RSV1 = 0x40;
const MASKED = 0x80;

const MAX_CONTROL_PAYLOAD = 125;

/** `_state`: nothing in the way, or a Blob is being read. */
const READY = 0;
const READING_BLOB = 2;

/** Masks are drawn from here, since each draw from the system has its price. */
const pool = Buffer.alloc(8 * 1024);
let poolPosition = pool.length;

/**
 * @param {Buffer} mask Filled with four random bytes
 */
function drawMask(mask) {
  if (poolPosition === pool.length) {
    randomFillSync(pool);
    poolPosition = 0;
  }

  pool.copy(mask, 0, poolPosition, poolPosition + 4);
  poolPosition += 4;
}

/**
 * @param {any} bytes What to mask
 * @param {Buffer} mask The four bytes of the key
 * @param {any} output Where the result goes
 * @param {number} offset The place of the result's first byte
 */
function maskInto(bytes, mask, output, offset) {
  for (let i = 0; i < bytes.length; i++) {
    output[offset + i] = bytes[i] ^ mask[i & 3];
  }
}

/**
 * @typedef {(error?: Error | null) => void} Callback
 */

/**
 * What a frame is like.
 *
 * @typedef {object} FrameOptions
 * @property {boolean} [fin] The last fragment
 * @property {(mask: Buffer) => void} [generateMask] Fills the mask
 * @property {boolean} [mask] Mask the payload
 * @property {Buffer} [maskBuffer] Four bytes to hold the mask
 * @property {number} [opcode] The opcode
 * @property {boolean} [readOnly] The payload must not be changed
 * @property {boolean} [rsv1] The payload is compressed
 */

class Sender {
  /**
   * @param {any} socket The stream to write to
   * @param {{ [name: string]: any }} [extensions] The extensions in use
   * @param {(mask: Buffer) => void} [generateMask] Fills the masks
   */
  constructor(socket, extensions, generateMask) {
    this._extensions = extensions || {};

    if (generateMask) {
      this._generateMask = generateMask;
      this._maskBuffer = Buffer.alloc(4);
    }

    this._socket = socket;
    this._firstFragment = true;
    this._compress = false;
    this._bufferedBytes = 0;
    /** @type {{ start: () => void, size: number, callback?: Callback }[]} */
    this._queue = [];
    this._state = READY;
    /** @type {(error: Error) => void} */
    this.onerror = NOOP;
  }

  /**
   * Builds a frame (RFC 6455 5.2).
   *
   * @param {any} data The payload
   * @param {FrameOptions} options What the frame is like
   * @returns {any[]} The bytes of the frame in one or two pieces
   */
  static frame(data, options) {
    const isText = typeof data === 'string';
    const payload = isText ? Buffer.from(data) : data;
    const { length } = payload;
    const mask = options.mask ? options.maskBuffer || Buffer.alloc(4) : null;
    const lengthBytes = length < 126 ? 0 : length < 65536 ? 2 : 8;
    const headerBytes = 2 + lengthBytes + (mask ? 4 : 0);
    let isMasking = false;

    if (mask) {
      if (options.generateMask) options.generateMask(mask);
      else drawMask(mask);

      // Masking with zeros changes nothing, and the key tells no secret.
      isMasking = (mask[0] | mask[1] | mask[2] | mask[3]) !== 0;
    }

    const isMerging = isMasking && length > 0 && options.readOnly && !isText;
    const target = Buffer.allocUnsafe(headerBytes + (isMerging ? length : 0));

    target[0] =
      (options.fin ? FIN : 0) |
      (options.rsv1 ? RSV1 : 0) |
      /** @type {number} */ (options.opcode);

    if (lengthBytes === 0) {
      target[1] = length;
    } else if (lengthBytes === 2) {
      target[1] = 126;
      target.writeUInt16BE(length, 2);
    } else {
      target[1] = 127;
      target.writeBigUInt64BE(BigInt(length), 2);
    }

    if (mask) {
      target[1] |= MASKED;
      mask.copy(target, headerBytes - 4);
    }

    if (length === 0) return [target];

    if (isMerging) {
      maskInto(payload, /** @type {Buffer} */ (mask), target, headerBytes);
      return [target];
    }

    if (isMasking) {
      maskInto(payload, /** @type {Buffer} */ (mask), payload, 0);
    }

    return [target, payload];
  }

  /**
   * Sends a close frame.
   *
   * @param {number} [code] The close code
   * @param {string | Buffer} [data] The reason
   * @param {boolean} [mask] Mask the payload
   * @param {Callback} [cb] Called when the frame has been written
   */
  close(code, data, mask, cb) {
    const payload = closePayload(code, data);

    this.queue(payload, this.describe(CLOSE, true, mask, false), cb);
  }

  /**
   * Sends a ping.
   *
   * @param {any} data The payload
   * @param {boolean} [mask] Mask the payload
   * @param {Callback} [cb] Called when the frame has been written
   */
  ping(data, mask, cb) {
    this.control(PING, data, mask, cb);
  }

  /**
   * Sends a pong.
   *
   * @param {any} data The payload
   * @param {boolean} [mask] Mask the payload
   * @param {Callback} [cb] Called when the frame has been written
   */
  pong(data, mask, cb) {
    this.control(PONG, data, mask, cb);
  }

  /**
   * Sends a message, or a fragment of one.
   *
   * @param {any} data The message
   * @param {{ binary?: boolean, compress?: boolean, fin?: boolean,
   *     mask?: boolean }} options What it is like
   * @param {Callback} [cb] Called when the frame has been written
   */
  send(data, options, cb) {
    const { binary, fin, mask } = options;
    const isText = typeof data === 'string';
    const opcode = !this._firstFragment ? 0 : binary ? BINARY : TEXT;

    this._firstFragment = !!fin;
    this.queue(
      isText || isBlob(data) ? data : toBuffer(data),
      this.describe(opcode, fin, mask, !isText),
      cb
    );
  }

  /**
   * Writes a frame.
   *
   * @param {any[]} list Its pieces
   * @param {Callback} [cb] Called when it has been written
   */
  sendFrame(list, cb) {
    if (list.length === 1) {
      this._socket.write(list[0], cb);
      return;
    }

    this._socket.cork();
    this._socket.write(list[0]);
    this._socket.write(list[1], cb);
    this._socket.uncork();
  }

  /**
   * @param {number} opcode The opcode
   * @param {any} data The payload
   * @param {boolean} [mask] Mask the payload
   * @param {Callback} [cb] Called when the frame has been written
   */
  control(opcode, data, mask, cb) {
    const isText = typeof data === 'string';
    const payload = isText || isBlob(data) ? data : toBuffer(data);

    if (sizeOf(payload) > MAX_CONTROL_PAYLOAD) {
      throw new RangeError('The data size must not be greater than 125 bytes');
    }

    this.queue(payload, this.describe(opcode, true, mask, !isText), cb);
  }

  /**
   * @param {number} opcode The opcode
   * @param {boolean | undefined} fin The last fragment
   * @param {boolean | undefined} mask Mask the payload
   * @param {boolean} readOnly The payload is the user's
   * @returns {FrameOptions}
   */
  describe(opcode, fin, mask, readOnly) {
    return {
      fin,
      generateMask: this._generateMask,
      mask,
      maskBuffer: this._maskBuffer,
      opcode,
      readOnly,
      rsv1: false
    };
  }

  /**
   * Writes a frame in its turn.
   *
   * @param {any} data The payload
   * @param {FrameOptions} options What the frame is like
   * @param {Callback} [callback] Called when it has been written
   */
  queue(data, options, callback) {
    const isReading = isBlob(data);
    const start = () => {
      if (isReading) this.readBlob(data, options, callback);
      else this.sendFrame(Sender.frame(data, options), callback);
    };

    if (this._state === READY) {
      start();
      return;
    }

    const size = sizeOf(data);

    this._bufferedBytes += size;
    this._queue.push({ start, size, callback });
  }

  /**
   * Reads a Blob and sends it; what is sent meanwhile waits.
   *
   * @param {any} blob The payload
   * @param {FrameOptions} options What the frame is like
   * @param {Callback} [callback] Called when it has been written
   */
  readBlob(blob, options, callback) {
    this._bufferedBytes += blob.size;
    this._state = READING_BLOB;

    blob.arrayBuffer().then(
      (/** @type {ArrayBuffer} */ memory) => {
        if (this._socket.destroyed) {
          // Out of the promise, where a throwing callback would be swallowed.
          process.nextTick(() => this.giveUp(callback));
          return;
        }

        this._bufferedBytes -= blob.size;
        this._state = READY;
        this.sendFrame(Sender.frame(toBuffer(memory), options), callback);
        this.dequeue();
      },
      (/** @type {Error} */ error) => {
        process.nextTick(() => {
          this.fail(error, callback);
          this.onerror(error);
        });
      }
    );
  }

  /** Starts what has waited. */
  dequeue() {
    while (this._state === READY && this._queue.length > 0) {
      const { start, size } = /** @type {any} */ (this._queue.shift());

      this._bufferedBytes -= size;
      start();
    }
  }

  /**
   * @param {Callback} [callback] That of what was being read
   */
  giveUp(callback) {
    this.fail(
      new Error('The socket was closed while the blob was being read'),
      callback
    );
  }

  /**
   * Tells all who wait that nothing will be sent.
   *
   * @param {Error} error Why
   * @param {Callback} [callback] That of what was being read
   */
  fail(error, callback) {
    if (typeof callback === 'function') callback(error);

    for (const waiting of this._queue) {
      if (typeof waiting.callback === 'function') waiting.callback(error);
    }
  }
}

/**
 * @param {any} data A payload
 * @returns {number} The bytes that it takes
 */
function sizeOf(data) {
  if (typeof data === 'string') return Buffer.byteLength(data);

  return isBlob(data) ? data.size : data.length;
}

module.exports = Sender;
