// @ts-check
'use strict';

// What the engine is told of permessage-deflate (RFC 7692): the parameters that
// were negotiated and the options that a user gave, as zlib's numbers.

const { constants } = require('node:zlib');

const usual = require('./reuse-if-equal.js');

const {
  Z_DEFAULT_MEMLEVEL,
  Z_DEFAULT_STRATEGY,
  Z_DEFAULT_WINDOWBITS,
  Z_MAX_LEVEL,
  Z_MAX_MEMLEVEL,
  Z_MIN_MEMLEVEL
} = constants;

/**
 * What was used last: mostly the same for all connections.
 *
 * @type {import('../../native').DeflateOptions | undefined}
 */
let last;

/** What zlib makes of its own -1. */
const DEFAULT_LEVEL = 6;

/**
 * @param {any} value What a user gave
 * @param {number} least
 * @param {number} most
 * @param {number} otherwise What holds when that is no number within the bounds
 * @returns {number}
 */
function bounded(value, least, most, otherwise) {
  return Number.isInteger(value) && value >= least && value <= most
    ? value
    : otherwise;
}

/**
 * @param {any} bits A negotiated window
 * @returns {number}
 */
function windowBits(bits) {
  return typeof bits === 'number' ? bits : Z_DEFAULT_WINDOWBITS;
}

/**
 * @param {any} deflate The extension in use, if any
 * @returns {import('../../native').DeflateOptions | undefined}
 */
function deflateOptions(deflate) {
  if (deflate === undefined || deflate === null || !deflate.params) {
    return undefined;
  }

  const { params } = deflate;
  const given = deflate._options.zlibDeflateOptions || {};
  const [own, peer] = deflate._isServer
    ? ['server', 'client']
    : ['client', 'server'];

  const options = {
    level: bounded(given.level, 0, Z_MAX_LEVEL, DEFAULT_LEVEL),
    memLevel: bounded(
      given.memLevel,
      Z_MIN_MEMLEVEL,
      Z_MAX_MEMLEVEL,
      Z_DEFAULT_MEMLEVEL
    ),
    strategy: bounded(given.strategy, 0, 4, Z_DEFAULT_STRATEGY),
    deflateWindowBits: windowBits(params[`${own}_max_window_bits`]),
    deflateTakeover: !params[`${own}_no_context_takeover`],
    inflateWindowBits: windowBits(params[`${peer}_max_window_bits`]),
    inflateTakeover: !params[`${peer}_no_context_takeover`]
  };

  last = usual(last, options);

  return last;
}

module.exports = deflateOptions;
