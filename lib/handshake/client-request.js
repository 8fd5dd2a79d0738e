// @ts-check
'use strict';

// What a client asks for: the checked address, and the options of the HTTP
// request that opens the connection. Sends nothing.

const { randomBytes } = require('crypto');
const net = require('net');
const { unescape } = require('querystring');
const tls = require('tls');

const extension = require('./extension.js');

/**
 * @typedef {object} Target
 * @property {URL} url The address, its scheme one of a WebSocket
 * @property {boolean} isSecure Whether TLS is used
 * @property {boolean} isIpc Whether it is the path of a local socket
 */

/** The schemes of HTTP, which may stand for those of a WebSocket. */
const ALIASES = new Map([
  ['http:', 'ws:'],
  ['https:', 'wss:']
]);

/**
 * Reads an address.
 *
 * @param {string | URL} address The address
 * @param {string | URL} [base] What it is relative to
 * @returns {URL} The address with the scheme of a WebSocket, never the object
 *     that was given
 */
function parseAddress(address, base) {
  let url;

  try {
    url = new URL(address, base);
  } catch {
    throw new SyntaxError(`Invalid URL: ${address}`);
  }

  url.protocol = ALIASES.get(url.protocol) || url.protocol;

  return url;
}

/**
 * Tells what an address leads to.
 *
 * @param {URL} url As `parseAddress` gives it
 * @returns {Target}
 */
function resolveTarget(url) {
  const isSecure = url.protocol === 'wss:';
  const isIpc = url.protocol === 'ws+unix:';

  if (!isSecure && !isIpc && url.protocol !== 'ws:') {
    throw new SyntaxError(
      'The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", ' +
        'or "ws+unix:"'
    );
  }

  if (isIpc && !url.pathname) {
    throw new SyntaxError("The URL's pathname is empty");
  }

  if (url.hash) {
    throw new SyntaxError('The URL contains a fragment identifier');
  }

  return { url, isSecure, isIpc };
}

/**
 * Builds the options of the request.
 *
 * @param {Target} target Where it goes
 * @param {any} settings The user's options, with defaults
 * @param {string[]} protocols The subprotocols to ask for
 * @param {any} deflate The extension to offer, if any
 * @returns {any} Options for `http.request` or `https.request`
 */
function requestOptions(target, settings, protocols, deflate) {
  const { url, isSecure, isIpc } = target;
  const { hostname, password, username } = url;
  const port = isSecure ? 443 : 80;
  const path = `${url.pathname}${url.search}`;
  const colon = isIpc ? path.indexOf(':') : -1;
  /** @type {any} */
  const options = {
    ...settings,
    hostname: undefined,
    protocol: undefined,
    protocols: undefined,
    timeout: settings.handshakeTimeout,
    method: 'GET',
    host: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port: url.port || port,
    path,
    socketPath: undefined,
    createConnection:
      settings.createConnection || (isSecure ? connectTls : connectPlain),
    defaultPort: settings.defaultPort || port
  };

  if (isIpc) {
    options.socketPath = colon === -1 ? path : path.slice(0, colon);
    options.path = colon === -1 ? '' : path.slice(colon + 1);
  }

  if (username || password) {
    // Takes what is no percent encoding as it is, and decodes the rest.
    options.auth = `${unescape(username)}:${unescape(password)}`;
  }

  options.headers = {
    ...settings.headers,
    'Sec-WebSocket-Version': settings.protocolVersion,
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    Connection: 'Upgrade',
    Upgrade: 'websocket'
  };

  if (deflate) {
    options.headers['Sec-WebSocket-Extensions'] = extension.format({
      [deflate.constructor.extensionName]: deflate.offer()
    });
  }

  if (protocols.length > 0) {
    options.headers['Sec-WebSocket-Protocol'] = protocols.join(',');
  }

  if (settings.origin) {
    options.headers[
      settings.protocolVersion < 13 ? 'Sec-WebSocket-Origin' : 'Origin'
    ] = settings.origin;
  }

  return options;
}

/**
 * The connector of plain connections. `path` is that of the request until
 * here, where it means a local socket.
 *
 * @param {any} options The options of the request
 * @returns {net.Socket}
 */
function connectPlain(options) {
  options.path = options.socketPath;

  return net.connect(options);
}

/**
 * The connector of TLS connections.
 *
 * @param {any} options The options of the request
 * @returns {tls.TLSSocket}
 */
function connectTls(options) {
  options.path = undefined;

  // An empty name is a user's way to send none.
  if (!options.servername && options.servername !== '') {
    options.servername = net.isIP(options.host) ? '' : options.host;
  }

  return tls.connect(options);
}

module.exports = { parseAddress, requestOptions, resolveTarget };
