'use strict';

/** What the scenarios about compressed connections have in common. */

/** What a peer offers that lets the other choose. */
const OFFER = 'permessage-deflate; client_max_window_bits';

/**
 * Opens a connection on which messages may be compressed.
 *
 * @param {any} play A scenario's play
 * @param {boolean|object} [perMessageDeflate] The module's options
 * @param {object} [more] Other options of the module
 * @param {object} [how] As `open` takes it; `parameters` is what the peer adds
 *     to its offer or its answer
 * @return {Promise<any>} As `open` gives it
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
 * @param {number} length How much is wanted
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
 * @param {number} length How much is wanted
 * @return {Buffer} Bytes that do not compress, the same ones every time
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

module.exports = { OFFER, noise, openDeflated, words };
