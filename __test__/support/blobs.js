'use strict';

// Objects that pass for a Blob, and that a test controls.

/**
 * @param {() => any} arrayBuffer Its method of that name
 * @param {any} [size] Its size
 * @return {any} An object that `send` takes for a Blob
 */
function fakeBlob(arrayBuffer, size = 4) {
  return {
    [Symbol.toStringTag]: 'Blob',
    arrayBuffer,
    size,
    stream() {},
    type: ''
  };
}

/**
 * @param {string} text
 * @return {ArrayBuffer} Its bytes, in their own memory
 */
function bytesOf(text) {
  return /** @type {ArrayBuffer} */ (new TextEncoder().encode(text).buffer);
}

module.exports = { bytesOf, fakeBlob };
