// @ts-check
'use strict';

/**
 * The numbers by which JavaScript and the engine understand each other.
 * `src/binding/wire.rs` defines them, and says what each means. Here they are
 * constants of plain objects, which costs nothing where they are used.
 */

const native = require('./load-native.js');

/**
 * @template {object} T
 * @param {T} group
 * @returns {Readonly<T>}
 */
function constants(group) {
  return Object.freeze({ ...group });
}

/** @type {Readonly<typeof import('../../native').answer>} */
const ANSWER = constants(native.answer);

/** @type {Readonly<typeof import('../../native').digest>} */
const DIGEST = constants(native.digest);

/** @type {Readonly<typeof import('../../native').Kind>} */
const KIND = constants(native.Kind);

/** @type {Readonly<typeof import('../../native').record>} */
const RECORD = constants(native.record);

/** @type {Readonly<typeof import('../../native').send>} */
const SEND = constants(native.send);

module.exports = { ANSWER, DIGEST, KIND, RECORD, SEND };
