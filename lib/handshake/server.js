// @ts-check
'use strict';

// The server's half of the opening handshake (RFC 6455 4.2) as functions of
// one request: whether it may be upgraded, and what is written in answer. Who
// is asked, and what becomes of the stream, is up to the WebSocketServer.

const { STATUS_CODES } = require('http');

const { acceptValue } = require('../engine/engine.js');
const PerMessageDeflate = require('../compat/permessage-deflate.js');
const extension = require('./extension.js');
const subprotocol = require('./subprotocol.js');
const usual = require('./reuse-if-equal.js');

/** 16 bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/**
 * An answer that refuses a request.
 *
 * @typedef {object} Refusal
 * @property {number} code The status code
 * @property {string} message The body
 * @property {{ [name: string]: any }} [headers] Headers beside the usual ones
 */

/**
 * Looks at what every opening handshake must have.
 *
 * @param {any} request The request
 * @returns {Refusal | undefined} What is wrong with it
 */
function checkRequest(request) {
  const { headers, method } = request;
  const key = headers['sec-websocket-key'];
  const upgrade = headers.upgrade;
  const version = Number(headers['sec-websocket-version']);

  if (method !== 'GET') {
    return { code: 405, message: 'Invalid HTTP method' };
  }

  if (upgrade === undefined || upgrade.toLowerCase() !== 'websocket') {
    return { code: 400, message: 'Invalid Upgrade header' };
  }

  if (key === undefined || !KEY.test(key)) {
    return {
      code: 400,
      message: 'Missing or invalid Sec-WebSocket-Key header'
    };
  }

  if (version !== 13 && version !== 8) {
    return {
      code: 400,
      message: 'Missing or invalid Sec-WebSocket-Version header',
      headers: { 'Sec-WebSocket-Version': '13, 8' }
    };
  }

  return undefined;
}

/**
 * Reads the subprotocols that a client asks for.
 *
 * @param {any} request The request
 * @returns {Set<string> | undefined} The subprotocols, none when the header is
 *     malformed
 */
function readProtocols(request) {
  const header = request.headers['sec-websocket-protocol'];

  if (header === undefined) return new Set();

  try {
    return subprotocol.parse(header);
  } catch {
    return undefined;
  }
}

/** @type {any} */
let usualSettings;

/**
 * Chooses among the extensions that a client offers.
 *
 * @param {any} request The request
 * @param {any} options The options of the server
 * @returns {{ [name: string]: any } | undefined} The accepted ones, `undefined`
 *     when the header is malformed or offers what cannot be accepted
 */
function negotiateExtensions(request, options) {
  const header = request.headers['sec-websocket-extensions'];
  /** @type {{ [name: string]: any }} */
  const accepted = {};

  if (!options.perMessageDeflate || header === undefined) return accepted;

  const name = PerMessageDeflate.extensionName;
  const deflate = new PerMessageDeflate(deflateSettings(options));

  try {
    const offers = extension.parse(header);

    if (offers[name]) {
      deflate.accept(offers[name]);
      accepted[name] = deflate;
    }
  } catch {
    return undefined;
  }

  return accepted;
}

/**
 * What the extension of a connection is made with: the same object for all
 * connections that have the same options.
 *
 * @param {any} options The options of the server
 * @returns {any}
 */
function deflateSettings({ maxPayload, perMessageDeflate }) {
  usualSettings = usual(usualSettings, {
    ...perMessageDeflate,
    isServer: true,
    maxPayload
  });

  return usualSettings;
}

/**
 * What a user's `verifyClient` is told.
 *
 * @param {any} request The request
 * @param {any} [socket] Its stream, or what is known of it
 * @returns {{ origin: string, secure: boolean, req: any }}
 */
function clientInfo(request, socket = request.socket) {
  const { headers } = request;
  const name =
    Number(headers['sec-websocket-version']) === 8
      ? 'sec-websocket-origin'
      : 'origin';

  return {
    origin: headers[name],
    secure: Boolean(socket.authorized || socket.encrypted),
    req: request
  };
}

/**
 * The head of the answer that accepts a request.
 *
 * @param {string} key The key that the client sent
 * @returns {string[]} The status line and the headers
 */
function acceptanceLines(key) {
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptValue(`${key}`)}`
  ];
}

/**
 * Refuses a request, and gives its stream up once the answer is out.
 *
 * @param {import('stream').Duplex} socket The stream of the request
 * @param {Refusal | { code: number, message?: string, headers?: any }} refusal
 *     The answer; without a message the body is the status text
 */
function refuse(socket, { code, message, headers }) {
  const body = message || /** @type {string} */ (STATUS_CODES[code]);
  const fields = {
    Connection: 'close',
    'Content-Type': 'text/html',
    'Content-Length': Buffer.byteLength(body),
    ...headers
  };
  const head = Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');

  // A peer that does not end its side must not keep the stream.
  socket.once('finish', socket.destroy);
  socket.end(`HTTP/1.1 ${code} ${STATUS_CODES[code]}\r\n${head}\r\n${body}`);
}

module.exports = {
  acceptanceLines,
  checkRequest,
  clientInfo,
  negotiateExtensions,
  readProtocols,
  refuse
};
