// @ts-check
'use strict';

// The payload of a close frame (RFC 6455 5.5.1).

const { isUint8Array } = require('util').types;

const { EMPTY_BUFFER } = require('../constants.js');
const { lengthOf } = require('./true-bytes.js');
const { isValidStatusCode } = require('../validation.js');

/** What is left of a control frame's 125 bytes behind the code. */
const MAX_REASON = 123;

/**
 * @param {number | undefined} code The close code; without one there is no
 *     reason either
 * @param {string | Uint8Array} [reason] The reason
 * @returns {Buffer}
 * @throws {TypeError} When the code may not be sent, or the reason is of
 *     another type
 * @throws {RangeError} When the reason is too long
 */
function closePayload(code, reason) {
  if (code === undefined) return EMPTY_BUFFER;

  if (typeof code !== 'number' || !isValidStatusCode(code)) {
    throw new TypeError('First argument must be a valid error code number');
  }

  const length =
    reason === undefined || !reason.length
      ? 0
      : isUint8Array(reason)
        ? lengthOf(reason)
        : Buffer.byteLength(reason);

  if (length > MAX_REASON) {
    throw new RangeError('The message must not be greater than 123 bytes');
  }

  const payload = Buffer.allocUnsafe(2 + length);

  payload.writeUInt16BE(code, 0);

  if (typeof reason === 'string') {
    payload.write(reason, 2);
  } else if (length > 0) {
    if (!isUint8Array(reason)) {
      throw new TypeError('Second argument must be a string or a Uint8Array');
    }

    payload.set(reason, 2);
  }

  return payload;
}

module.exports = closePayload;
