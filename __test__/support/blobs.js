'use strict';

/** What passes for a Blob and reads as a test wants it. */

/**
 * @param {() => any} arrayBuffer What its method of that name does
 * @param {any} [size] What it says its size is
 * @return {any} Something that `send` takes for a Blob
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
 * @return {ArrayBuffer} Its bytes, in memory of their own
 */
function bytesOf(text) {
  return /** @type {ArrayBuffer} */ (new TextEncoder().encode(text).buffer);
}

module.exports = { bytesOf, fakeBlob };
