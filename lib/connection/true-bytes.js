// @ts-check
'use strict';

/**
 * What a typed array is, whatever its own properties, or those of its class, say.
 */

const { Buffer } = require('buffer');

const { prototype } = Object.getPrototypeOf(Uint8Array);

/**
 * @param {string} name
 * @returns {(array: any) => any} Its getter. It throws for what is no typed array
 */
function getter(name) {
  const { get } = /** @type {any} */ (
    Object.getOwnPropertyDescriptor(prototype, name)
  );

  return Function.prototype.call.bind(get);
}

/** @type {(array: any) => number} */
const lengthOf = getter('length');
/** @type {(array: any) => number} */
const offsetOf = getter('byteOffset');
/** @type {(array: any) => ArrayBuffer} */
const memoryOf = getter('buffer');

/**
 * @param {Uint8Array} bytes
 * @returns {Buffer}
 */
function copyOf(bytes) {
  const copy = Buffer.allocUnsafe(lengthOf(bytes));

  copy.set(bytes);
  return copy;
}

module.exports = { copyOf, lengthOf, memoryOf, offsetOf };
