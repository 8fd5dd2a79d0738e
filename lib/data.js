// @ts-check
'use strict';

/** The shapes in which a binary message is handed out: `binaryType`. */

const { hasBlob } = require('./constants.js');

/**
 * @param {string} type
 * @param {Buffer} data
 * @param {Buffer | null} lengths The lengths of its fragments, if it came in
 *   several
 * @returns {any}
 */
function shape(type, data, lengths) {
  switch (type) {
    case 'arraybuffer':
      return data.buffer.slice(
        data.byteOffset,
        data.byteOffset + data.byteLength
      );
    case 'blob':
      return hasBlob ? new Blob([data]) : data;
    case 'fragments':
      return split(data, lengths);
    default:
      return data;
  }
}

/**
 * @param {Buffer} data
 * @param {Buffer | null} lengths As 32-bit words, in native order
 * @returns {Buffer[]}
 */
function split(data, lengths) {
  if (lengths === null) return data.length === 0 ? [] : [data];

  const parts = [];
  // Its place in the slab need not be aligned.
  const words = new Uint32Array(Uint8Array.from(lengths).buffer);
  let at = 0;

  for (const length of words) {
    parts.push(data.subarray(at, at + length));
    at += length;
  }

  return parts;
}

module.exports = { shape };
