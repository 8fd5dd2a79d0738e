// @ts-check
'use strict';

// The class that `ws` exports for permessage-deflate (RFC 7692): which
// parameters a side offers, and what it accepts of the other side's; and, for
// those who drive it by hand, compression with Node.js's zlib. WebSockets only
// negotiate with it: theirs is the engine's.

const zlib = require('zlib');

const { isAcceptable, normalize } = require('./deflate-parameters.js');
const Limiter = require('./limiter.js');
const zlibStream = require('./zlib-stream.js');

const { Z_DEFAULT_WINDOWBITS } = zlib.constants;

/** What a sender leaves out at the end of a message (RFC 7692 7.2.1). */
const TRAILER = Buffer.from([0x00, 0x00, 0xff, 0xff]);

const DEFAULT_CONCURRENCY = 10;

/**
 * All instances share the threads that do the work, and so one limiter; who
 * comes first sets its limit.
 *
 * @type {Limiter | undefined}
 */
let limiter;

const EXTENSION_NAME = 'permessage-deflate';

/**
 * @typedef {import('./zlib-stream.js').Done} Done
 */

/**
 * @typedef {import('./deflate-parameters.js').Parameters} Parameters
 */

class PerMessageDeflate {
  /**
   * @param {object} [options] The options
   * @param {boolean} [options.clientNoContextTakeover] Ask for, or allow, a
   *     client that forgets what it has compressed
   * @param {boolean | number} [options.clientMaxWindowBits] The client's window
   * @param {number} [options.concurrencyLimit=10] The most zlib jobs at a time,
   *     of all instances; only that of the first instance counts
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

    limiter ??= new Limiter(
      this._options.concurrencyLimit !== undefined
        ? this._options.concurrencyLimit
        : DEFAULT_CONCURRENCY
    );
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

  /** Gives up what is kept of former messages, and the jobs under way. */
  cleanup() {
    const { _deflate, _inflate } = this;

    this._inflate = null;
    this._deflate = null;

    if (_inflate) zlibStream.close(_inflate);
    if (_deflate) zlibStream.close(_deflate);
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
    return normalize(configurations, this._isServer);
  }

  /**
   * Decompresses a message, or a fragment of one, in its turn.
   *
   * @param {any} data The bytes of it
   * @param {boolean | undefined} fin The last fragment
   * @param {Done} callback Gets the result
   */
  decompress(data, fin, callback) {
    limit((done) => this._decompress(data, fin, done), callback);
  }

  /**
   * Compresses a message, or a fragment of one, in its turn.
   *
   * @param {any} data The bytes of it, or a text
   * @param {boolean | undefined} fin The last fragment
   * @param {Done} callback Gets the result
   */
  compress(data, fin, callback) {
    limit((done) => this._compress(data, fin, done), callback);
  }

  /**
   * Decompresses at once.
   *
   * @param {any} data The bytes
   * @param {boolean | undefined} fin The last fragment
   * @param {Done} callback Gets the result
   */
  _decompress(data, fin, callback) {
    const options = this._options.zlibInflateOptions;
    const pieces = fin ? [data, TRAILER] : [data];

    run(this, '_inflate', pieces, fin, callback, (windowBits) =>
      zlibStream.open(
        zlib.createInflateRaw({ ...options, windowBits }),
        'inflate',
        () => this._maxPayload
      )
    );
  }

  /**
   * Compresses at once.
   *
   * @param {any} data The bytes, or a text
   * @param {boolean | undefined} fin The last fragment
   * @param {Done} callback Gets the result
   */
  _compress(data, fin, callback) {
    const options = this._options.zlibDeflateOptions;

    run(
      this,
      '_deflate',
      [data],
      fin,
      (error, result) => {
        // The other side puts it back.
        if (result && fin) result = result.subarray(0, -TRAILER.length);
        callback(error, result);
      },
      (windowBits) =>
        zlibStream.open(
          zlib.createDeflateRaw({ ...options, windowBits }),
          'deflate'
        )
    );
  }
}

/**
 * Runs a job when the limit allows it.
 *
 * @param {(done: Done) => void} job
 * @param {Done} callback Gets its result
 */
function limit(job, callback) {
  /** @type {Limiter} */ (limiter).add((release) => {
    job((error, result) => {
      release();
      callback(error, result);
    });
  });
}

/**
 * Runs a job on the stream of its direction.
 *
 * @param {PerMessageDeflate} deflate Whose job it is
 * @param {'_deflate' | '_inflate'} field Where the stream is kept
 * @param {any[]} pieces What goes into the stream
 * @param {boolean | undefined} fin The last fragment
 * @param {Done} callback Gets what comes out
 * @param {(windowBits: number) => any} open Makes a stream
 */
function run(deflate, field, pieces, fin, callback, open) {
  const params = /** @type {Parameters} */ (deflate.params);
  // Whose compressor it is, here or there.
  const isServers = deflate._isServer === (field === '_deflate');
  const endpoint = isServers ? 'server' : 'client';
  const windowBits = params[`${endpoint}_max_window_bits`];
  const isForgetful = params[`${endpoint}_no_context_takeover`];

  deflate[field] ??= open(
    typeof windowBits === 'number' ? windowBits : Z_DEFAULT_WINDOWBITS
  );

  const stream = deflate[field];

  zlibStream.feed(stream, {
    pieces,
    isLast: Boolean(fin && isForgetful),
    done(error, result) {
      // Behind a final block, as behind an error, comes nothing any more.
      const isOver = error !== null || stream.readableEnded;

      if (isOver && deflate[field] === stream) deflate[field] = null;

      try {
        callback(error, result);
      } finally {
        if (isOver) zlibStream.close(stream);
      }
    }
  });
}

module.exports = PerMessageDeflate;
