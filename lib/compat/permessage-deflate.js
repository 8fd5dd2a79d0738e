// @ts-check
'use strict';

// The class that `ws` exports for permessage-deflate (RFC 7692): which
// parameters a side offers, and what it accepts of the other side's.

const EXTENSION_NAME = 'permessage-deflate';

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

class PerMessageDeflate {
  /**
   * @param {object} [options] The options
   * @param {boolean} [options.clientNoContextTakeover] Ask for, or allow, a
   *     client that forgets what it has compressed
   * @param {boolean | number} [options.clientMaxWindowBits] The client's window
   * @param {number} [options.concurrencyLimit=10] The most zlib jobs at a time
   * @param {boolean} [options.isServer=false] Which side this is
   * @param {number} [options.maxPayload=0] The most bytes of a message
   * @param {boolean} [options.serverNoContextTakeover] As that of the client
   * @param {boolean | number} [options.serverMaxWindowBits] As that of the
   *     client
   * @param {number} [options.threshold=1024] Messages with less bytes than
   *     this go out as they are, without context takeover
   * @param {object} [options.zlibDeflateOptions] Options for compressing
   * @param {object} [options.zlibInflateOptions] Options for decompressing
   */
  constructor(options) {
    /** @type {any} */
    this._options = options || {};
    this._threshold =
      this._options.threshold !== undefined ? this._options.threshold : 1024;
    this._maxPayload = this._options.maxPayload | 0;
    this._isServer = !!this._options.isServer;
    /** @type {any} */
    this._deflate = null;
    /** @type {any} */
    this._inflate = null;

    /** @type {Parameters | null} */
    this.params = null;
  }

  /** @type {string} */
  static get extensionName() {
    return EXTENSION_NAME;
  }

  /**
   * Makes the client's offer.
   *
   * @returns {Parameters}
   */
  offer() {
    const options = this._options;
    /** @type {Parameters} */
    const params = {};

    if (options.serverNoContextTakeover) {
      params.server_no_context_takeover = true;
    }
    if (options.clientNoContextTakeover) {
      params.client_no_context_takeover = true;
    }
    if (options.serverMaxWindowBits) {
      params.server_max_window_bits = options.serverMaxWindowBits;
    }
    if (options.clientMaxWindowBits) {
      params.client_max_window_bits = options.clientMaxWindowBits;
    } else if (options.clientMaxWindowBits == null) {
      params.client_max_window_bits = true;
    }

    return params;
  }

  /**
   * Takes the other side's offers or answer.
   *
   * @param {Parameters[]} configurations As the header's parser gives them
   * @returns {Parameters} What holds for the connection
   */
  accept(configurations) {
    const normalized = this.normalizeParams(configurations);

    this.params = this._isServer
      ? this.acceptAsServer(normalized)
      : this.acceptAsClient(normalized);

    return this.params;
  }

  /** Gives up what is kept for compressing. */
  cleanup() {
    this._inflate = null;
    this._deflate = null;
  }

  /**
   * Takes the first of a client's offers that this server can live with.
   *
   * @param {Parameters[]} offers The offers, normalized
   * @returns {Parameters} The answer
   */
  acceptAsServer(offers) {
    const options = this._options;
    const accepted = offers.find((offer) => isAcceptable(offer, options));

    if (!accepted) {
      throw new Error('None of the extension offers can be accepted');
    }

    if (options.serverNoContextTakeover) {
      accepted.server_no_context_takeover = true;
    }
    if (options.clientNoContextTakeover) {
      accepted.client_no_context_takeover = true;
    }
    if (typeof options.serverMaxWindowBits === 'number') {
      accepted.server_max_window_bits = options.serverMaxWindowBits;
    }
    if (typeof options.clientMaxWindowBits === 'number') {
      accepted.client_max_window_bits = options.clientMaxWindowBits;
    } else if (
      accepted.client_max_window_bits === true ||
      options.clientMaxWindowBits === false
    ) {
      delete accepted.client_max_window_bits;
    }

    return accepted;
  }

  /**
   * Takes a server's answer.
   *
   * @param {Parameters[]} response The answer, normalized
   * @returns {Parameters} What holds for the connection
   */
  acceptAsClient(response) {
    const { clientMaxWindowBits, clientNoContextTakeover } = this._options;
    const params = response[0];
    const bits = params.client_max_window_bits;

    if (
      clientNoContextTakeover === false &&
      params.client_no_context_takeover
    ) {
      throw new Error('Unexpected parameter "client_no_context_takeover"');
    }

    if (!bits) {
      if (typeof clientMaxWindowBits === 'number') {
        params.client_max_window_bits = clientMaxWindowBits;
      }
    } else if (
      clientMaxWindowBits === false ||
      (typeof clientMaxWindowBits === 'number' && bits > clientMaxWindowBits)
    ) {
      throw new Error(
        'Unexpected or invalid parameter "client_max_window_bits"'
      );
    }

    return params;
  }

  /**
   * Checks parameters and replaces the list of each by its one value.
   *
   * @param {Parameters[]} configurations As the header's parser gives them
   * @returns {Parameters[]} The same objects
   */
  normalizeParams(configurations) {
    for (const params of configurations) {
      for (const name of Object.keys(params)) {
        const values = params[name];

        if (values.length > 1) {
          throw new Error(`Parameter "${name}" must have only a single value`);
        }
        if (!readers[name]) throw new Error(`Unknown parameter "${name}"`);

        params[name] = readers[name](name, values[0], this._isServer);
      }
    }

    return configurations;
  }
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

module.exports = PerMessageDeflate;
