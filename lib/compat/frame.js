// @ts-check
'use strict';

/** Frames built by hand, byte by byte: what `Sender.frame` is. */

const { randomFillSync } = require('crypto');

const FIN = 0x80;
const RSV1 = 0x40;
const MASKED = 0x80;

/** Carries the size of what was given to be sent, before compression. */
const kByteLength = Symbol('kByteLength');

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

/**
 * Builds a frame (RFC 6455 5.2).
 *
 * @param {any} data The payload
 * @param {FrameOptions} options What the frame is like
 * @returns {any[]} The bytes of the frame in one or two pieces
 */
function frame(data, options) {
  const mask = options.mask ? options.maskBuffer || Buffer.alloc(4) : null;
  let isMasking = false;

  if (mask) {
    if (options.generateMask) options.generateMask(mask);
    else drawMask(mask);

    // Masking with zeros changes nothing, and the key tells no secret.
    isMasking = (mask[0] | mask[1] | mask[2] | mask[3]) !== 0;
  }

  const isText = typeof data === 'string';
  const known = /** @type {any} */ (options)[kByteLength];
  // The stream may encode a text, if its size is known and nobody masks it.
  const isKept = !isText || (!isMasking && known !== undefined);
  const payload = isKept ? data : Buffer.from(data);
  const length = isText && isKept ? known : payload.length;
  // What has no length counts as empty.
  const lengthBytes = length >= 65536 ? 8 : length > 125 ? 2 : 0;
  const headerBytes = 2 + lengthBytes + (mask ? 4 : 0);
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

  if (!length) return [target];

  if (isMerging) {
    maskInto(payload, /** @type {Buffer} */ (mask), target, headerBytes);
    return [target];
  }

  if (isMasking) {
    maskInto(payload, /** @type {Buffer} */ (mask), payload, 0);
  }

  return [target, payload];
}

module.exports = { frame, kByteLength };
