// @ts-check
'use strict';

/** The parameters of permessage-deflate (RFC 7692 7.1): what they may be. */

/**
 * Parameters by their name on the wire.
 *
 * @typedef {{ [parameter: string]: any }} Parameters
 */

/**
 * @param {string} name The parameter
 * @param {any} value Its value
 * @returns {TypeError}
 */
function invalidValue(name, value) {
  return new TypeError(`Invalid value for parameter "${name}": ${value}`);
}

/**
 * Reads the size of a window.
 *
 * @param {string} name The parameter
 * @param {any} value Its value
 * @returns {number} The base-2 logarithm of the size
 */
function toWindowBits(name, value) {
  const bits = Number(value);

  // A bare parameter is no number, though `true` converts to one.
  if (value === true || !Number.isInteger(bits) || bits < 8 || bits > 15) {
    throw invalidValue(name, value);
  }

  return bits;
}

/**
 * Reads a parameter that has no value.
 *
 * @param {string} name The parameter
 * @param {any} value Its value
 * @returns {true}
 */
function toFlag(name, value) {
  if (value !== true) throw invalidValue(name, value);

  return true;
}

/**
 * For each parameter that there is, what checks and converts its value.
 *
 * @type {{ [name: string]: (name: string, value: any, isServer: boolean)
 *     => any }}
 */
const readers = {
  __proto__: /** @type {any} */ (null),

  // A client may give no number: it then takes any.
  client_max_window_bits: (name, value, isServer) =>
    value === true && isServer ? true : toWindowBits(name, value),
  server_max_window_bits: toWindowBits,
  client_no_context_takeover: toFlag,
  server_no_context_takeover: toFlag
};

/**
 * Checks parameters and replaces the list of each by its one value.
 *
 * @param {Parameters[]} configurations As the header's parser gives them
 * @param {boolean} isServer Which side reads them
 * @returns {Parameters[]} The same objects
 */
function normalize(configurations, isServer) {
  for (const params of configurations) {
    for (const name of Object.keys(params)) {
      const values = params[name];

      if (values.length > 1) {
        throw new Error(`Parameter "${name}" must have only a single value`);
      }
      if (!readers[name]) throw new Error(`Unknown parameter "${name}"`);

      params[name] = readers[name](name, values[0], isServer);
    }
  }

  return configurations;
}

/**
 * Tells whether a server can live with an offer.
 *
 * @param {Parameters} offer The offer, normalized
 * @param {any} options The options of the server
 * @returns {boolean}
 */
function isAcceptable(offer, options) {
  const serverBits = offer.server_max_window_bits;
  const clientBits = offer.client_max_window_bits;

  if (
    offer.server_no_context_takeover &&
    options.serverNoContextTakeover === false
  ) {
    return false;
  }

  if (
    serverBits &&
    (options.serverMaxWindowBits === false ||
      (typeof options.serverMaxWindowBits === 'number' &&
        options.serverMaxWindowBits > serverBits))
  ) {
    return false;
  }

  // A client that says nothing of its window cannot be told one, and none can
  // be told a bigger one than it speaks of.
  return (
    typeof options.clientMaxWindowBits !== 'number' ||
    clientBits === true ||
    clientBits >= options.clientMaxWindowBits
  );
}

module.exports = { isAcceptable, normalize };
