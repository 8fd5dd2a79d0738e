// @ts-check
'use strict';

// The client's half of the opening handshake (RFC 6455 4.1): from the
// constructor of a WebSocket, over Node's own HTTP request and its redirects,
// to the stream that it is given or the error that it ends with.

const http = require('http');
const https = require('https');

const { makeScope, storesLast } = require('../engine/async-scope.js');
const {
  CLOSE_TIMEOUT,
  CONNECTION_DEFAULTS,
  READY_STATE,
  kScope
} = require('../constants.js');
const PerMessageDeflate = require('../compat/permessage-deflate.js');
const {
  parseAddress,
  requestOptions,
  resolveTarget
} = require('./client-request.js');
const checkResponse = require('./client-response.js');
const { isToken } = require('../validation.js');

const { CLOSING, CONNECTING } = READY_STATE;

const PROTOCOL_VERSIONS = [8, 13];

/** Marks a request that ends for a reason of ours, not for that it reports. */
const kAborted = Symbol('kAborted');

/**
 * Reads the arguments that may be left out of the constructor.
 *
 * @param {any} protocols The subprotocols, or the options
 * @param {any} options The options
 * @returns {{ protocols: any[], options: any }}
 */
function readArguments(protocols, options) {
  if (
    typeof protocols === 'object' &&
    protocols !== null &&
    !Array.isArray(protocols)
  ) {
    options = protocols;
    protocols = undefined;
  }

  if (protocols === undefined) {
    protocols = options?.protocols;
    if (protocols === undefined) protocols = [];
  }

  return {
    protocols: Array.isArray(protocols) ? protocols : [protocols],
    options
  };
}

/**
 * @param {any[]} protocols The subprotocols to ask for
 */
function checkProtocols(protocols) {
  if (
    // A hole in the list is no subprotocol either.
    ![...protocols].every(isToken) ||
    new Set(protocols).size !== protocols.length
  ) {
    throw new SyntaxError('An invalid or duplicated subprotocol was specified');
  }
}

/** The opening handshake of one WebSocket, over all its redirects. */
class ClientHandshake {
  /**
   * @param {any} websocket The WebSocket
   * @param {string[]} protocols The subprotocols to ask for
   * @param {any} settings The user's options, with defaults
   */
  constructor(websocket, protocols, settings) {
    this.websocket = websocket;
    this.protocols = protocols;
    this.settings = settings;
  }

  /**
   * Sends a request.
   *
   * @param {import('./client-request.js').Target} target Where to
   */
  open(target) {
    const { protocols, settings, websocket } = this;
    const deflate = settings.perMessageDeflate
      ? new PerMessageDeflate({
          ...settings.perMessageDeflate,
          isServer: false,
          maxPayload: settings.maxPayload
        })
      : undefined;
    const options = requestOptions(target, settings, protocols, deflate);
    const key = options.headers['Sec-WebSocket-Key'];

    if (settings.followRedirects) this.guardCredentials(target, options);

    const request = (target.isSecure ? https : http).request(options);

    websocket._req = request;

    if (websocket._redirects > 0) {
      websocket.emit('redirect', websocket.url, request);
    }

    this.listen(request, { url: target.url, key, deflate }, options.timeout);

    if (options.finishRequest) options.finishRequest(request, websocket);
    else request.end();
  }

  /**
   * Keeps credentials from a place that they were not meant for, and those of
   * the first request for the others.
   *
   * @param {import('./client-request.js').Target} target Where the request goes
   * @param {any} options The options of the request; they are changed
   */
  guardCredentials(target, options) {
    const { settings, websocket } = this;
    const { isIpc, isSecure, url } = target;
    const place = isIpc ? options.socketPath : url.host;

    if (websocket._redirects === 0) {
      // Where the first request goes, which is the place that credentials are
      // meant for.
      websocket._originalIpc = isIpc;
      websocket._originalSecure = isSecure;
      websocket._originalHostOrSocketPath = place;

      // Names of one case are needed to delete a header by its name.
      this.settings = {
        ...settings,
        headers: Object.fromEntries(
          Object.entries(settings.headers || {}).map(([name, value]) => [
            name.toLowerCase(),
            value
          ])
        )
      };
    } else if (websocket.listenerCount('redirect') === 0) {
      const isSamePlace =
        isIpc === websocket._originalIpc &&
        place === websocket._originalHostOrSocketPath;

      if (!isSamePlace || (websocket._originalSecure && !isSecure)) {
        delete options.headers.authorization;
        delete options.headers.cookie;
        if (!isSamePlace) delete options.headers.host;
        options.auth = undefined;
      }
    }

    const { headers } = this.settings;

    // As a header it holds for each request, and wins over a redirect's own.
    if (options.auth && !headers.authorization) {
      headers.authorization =
        'Basic ' + Buffer.from(options.auth).toString('base64');
    }
  }

  /**
   * Waits for what becomes of a request.
   *
   * @param {any} request The request
   * @param {import('./client-response.js').Hop} hop What was asked for
   * @param {number | undefined} timeout The most milliseconds
   */
  listen(request, hop, timeout) {
    const { websocket } = this;
    // Errors of a request that has given way to a WebSocket, or that has been
    // reported, are nobody's.
    let isOver = false;

    if (timeout) {
      request.on('timeout', () => {
        abortHandshake(websocket, request, 'Opening handshake has timed out');
      });
    }

    request.on('error', (/** @type {Error} */ error) => {
      if (isOver || request[kAborted]) return;

      isOver = true;
      websocket._req = null;
      failHandshake(websocket, error);
    });

    request.on('response', (/** @type {any} */ response) => {
      const { headers, statusCode } = response;

      if (
        headers.location &&
        this.settings.followRedirects &&
        statusCode >= 300 &&
        statusCode < 400
      ) {
        this.redirect(request, hop.url, headers.location);
      } else if (!websocket.emit('unexpected-response', request, response)) {
        abortHandshake(
          websocket,
          request,
          `Unexpected server response: ${statusCode}`
        );
      }
    });

    request.on(
      'upgrade',
      (
        /** @type {any} */ response,
        /** @type {any} */ socket,
        /** @type {Buffer} */ head
      ) => {
        // What a listener enters is for the later events where stores last.
        const scope = storesLast ? undefined : makeScope(true);

        websocket.emit('upgrade', response);

        // A listener may have closed the WebSocket.
        if (websocket.readyState !== CONNECTING) return;

        isOver = true;
        websocket._req = null;
        this.finish(response, socket, head, hop, scope);
      }
    );
  }

  /**
   * Goes on to where a response points.
   *
   * @param {any} request The request that was responded to
   * @param {URL} base Where it went
   * @param {string} location Where to go
   */
  redirect(request, base, location) {
    const { settings, websocket } = this;

    websocket._redirects++;

    if (websocket._redirects > settings.maxRedirects) {
      abortHandshake(websocket, request, 'Maximum redirects exceeded');
      return;
    }

    request.abort();

    let target;

    try {
      const url = parseAddress(location, base);

      websocket._url = url.href;
      target = resolveTarget(url);
    } catch (error) {
      failHandshake(websocket, /** @type {Error} */ (error));
      return;
    }

    this.open(target);
  }

  /**
   * Hands the stream of an upgraded connection to the WebSocket.
   *
   * @param {any} response The response
   * @param {any} socket The stream
   * @param {Buffer} head What has been read behind the response
   * @param {import('./client-response.js').Hop} hop What was asked for
   * @param {import('async_hooks').AsyncResource | undefined} scope What the
   *     events of the connection see, if that is not what is current now
   */
  finish(response, socket, head, hop, scope) {
    const { protocols, settings, websocket } = this;
    const message = checkResponse(websocket, response.headers, hop, protocols);

    if (message) {
      abortHandshake(websocket, socket, message);
      return;
    }

    websocket.setSocket(socket, head, {
      allowSynchronousEvents: settings.allowSynchronousEvents,
      generateMask: settings.generateMask,
      maxBufferedChunks: settings.maxBufferedChunks,
      maxFragments: settings.maxFragments,
      maxPayload: settings.maxPayload,
      skipUTF8Validation: settings.skipUTF8Validation,
      [kScope]: scope
    });
  }
}

/**
 * Connects a WebSocket to a server. Takes the arguments of the constructor as
 * they are, and throws what the constructor throws.
 *
 * @param {any} websocket The WebSocket, whose `setSocket` is called in the end
 * @param {string | URL} address Where to connect to
 * @param {any} [protocols] The subprotocols to ask for, or the options
 * @param {object} [options] The options
 * @param {boolean} [options.allowSynchronousEvents=true] Whether several
 *     events may be emitted in one turn of the event loop
 * @param {boolean} [options.autoPong=true] Answer pings
 * @param {number} [options.closeTimeout=30000] Milliseconds that a closing
 *     handshake may take
 * @param {Function} [options.createConnection] Connects in place of `net` or
 *     `tls`
 * @param {Function} [options.finishRequest] Ends the request in our place
 * @param {boolean} [options.followRedirects=false] Follow redirects
 * @param {Function} [options.generateMask] Fills the masks of frames
 * @param {number} [options.handshakeTimeout] The most milliseconds without
 *     activity during the handshake
 * @param {number} [options.maxBufferedChunks=262144] The most chunks that an
 *     incomplete frame may come in
 * @param {number} [options.maxFragments=16384] The most frames of a message
 * @param {number} [options.maxPayload=104857600] The most bytes of a message
 * @param {number} [options.maxPendingAutoPongs=60] The most automatic pongs
 *     not written yet
 * @param {number} [options.maxRedirects=10] The most redirects to follow
 * @param {string} [options.origin] The Origin header
 * @param {boolean | object} [options.perMessageDeflate=true] Offer
 *     permessage-deflate
 * @param {string | string[]} [options.protocols] Subprotocols, if the argument
 *     is missing
 * @param {number} [options.protocolVersion=13] The Sec-WebSocket-Version header
 * @param {boolean} [options.skipUTF8Validation=false] Take text as it comes
 * @returns {any} The options, with defaults
 */
function connect(websocket, address, protocols, options) {
  const given = readArguments(protocols, options);
  const settings = {
    ...CONNECTION_DEFAULTS,
    closeTimeout: CLOSE_TIMEOUT,
    protocolVersion: PROTOCOL_VERSIONS[1],
    perMessageDeflate: true,
    followRedirects: false,
    maxRedirects: 10,
    ...given.options
  };

  if (!PROTOCOL_VERSIONS.includes(settings.protocolVersion)) {
    throw new RangeError(
      `Unsupported protocol version: ${settings.protocolVersion} ` +
        `(supported versions: ${PROTOCOL_VERSIONS.join(', ')})`
    );
  }

  const url = parseAddress(address);

  websocket._url = url.href;

  const target = resolveTarget(url);

  checkProtocols(given.protocols);
  new ClientHandshake(websocket, given.protocols, settings).open(target);

  return settings;
}

/**
 * Ends the handshake of a WebSocket with an error, which is emitted later.
 *
 * @param {any} websocket The WebSocket
 * @param {any} stream Its request, or its socket if there is one already
 * @param {string} message The message of the error
 */
function abortHandshake(websocket, stream, message) {
  const error = new Error(message);

  Error.captureStackTrace(error, abortHandshake);
  websocket._readyState = CLOSING;

  if (!stream.setHeader) {
    stream.destroy(error);
    stream.once('error', (/** @type {Error} */ reason) => {
      websocket.emit('error', reason);
    });
    stream.once('close', () => websocket.emitClose());
    return;
  }

  stream[kAborted] = true;
  stream.abort();

  // Aborting does not reach the socket of a request that has its response.
  if (stream.socket && !stream.socket.destroyed) stream.socket.destroy();

  process.nextTick(failHandshake, websocket, error);
}

/**
 * Emits the two events that a failed handshake has.
 *
 * @param {any} websocket The WebSocket
 * @param {Error} error Why it failed
 */
function failHandshake(websocket, error) {
  websocket._readyState = CLOSING;
  websocket._errorEmitted = true;
  websocket.emit('error', error);
  websocket.emitClose();
}

module.exports = { abortHandshake, connect };
