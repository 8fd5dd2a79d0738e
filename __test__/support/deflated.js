'use strict';

// Helpers for scenarios with permessage-deflate.

const zlib = require('node:zlib');

/** An offer that leaves the choice to the server. */
const OFFER = 'permessage-deflate; client_max_window_bits';

/**
 * Opens a connection with permessage-deflate.
 *
 * @param {any} play A scenario's play
 * @param {boolean|object} [perMessageDeflate] The module's options
 * @param {object} [more] Other options of the module
 * @param {object} [how] As `open` takes it; `parameters` is what the peer adds to
 *     its offer or its answer
 * @return {Promise<any>} As `open` returns it
 */
function openDeflated(play, perMessageDeflate = true, more = {}, how = {}) {
  const { parameters = '', ...rest } = /** @type {any} */ (how);
  const name = play.role === 'server' ? OFFER : 'permessage-deflate';

  return play.open(
    { perMessageDeflate, ...more },
    { deflate: `${name}${parameters && `; ${parameters}`}`, ...rest }
  );
}

/**
 * @param {number} length The length
 * @return {string} Text of words, which compresses well
 */
function words(length) {
  const all = [];

  for (let i = 0; all.length * 8 < length + 8; i++) {
    all.push(((i * 7919) % 9973).toString(36).padStart(7, 'w') + ' ');
  }

  return all.join('').slice(0, length);
}

/**
 * @param {number} length The length
 * @return {Buffer} Bytes that do not compress, the same in every run
 */
function noise(length) {
  const bytes = Buffer.alloc(length);
  let state = 0x9e3779b9;

  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }

  return bytes;
}

/**
 * @param {string|Buffer} data Plain bytes
 * @param {object} [options] Of zlib
 * @return {Buffer} A payload that does not refer to earlier messages
 */
function alone(data, options) {
  return zlib
    .deflateRawSync(data, {
      finishFlush: zlib.constants.Z_SYNC_FLUSH,
      ...options
    })
    .subarray(0, -4);
}

module.exports = { OFFER, alone, noise, openDeflated, words };
