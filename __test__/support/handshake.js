'use strict';

// The opening handshake as text, and functions that send it.

const { createHash } = require('node:crypto');
const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/**
 * @param {string} start The first line
 * @param {object} headers Headers; `undefined` omits one, a list repeats it
 * @return {string} The head of a message of HTTP
 */
function head(start, headers) {
  const lines = Object.entries(headers)
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}`));

  return `${[start, ...lines].join('\r\n')}\r\n\r\n`;
}

/**
 * @param {object} [headers] Headers to change
 * @param {string} [start] The request line
 * @return {string} A client's request
 */
function upgradeRequest(headers, start = 'GET / HTTP/1.1') {
  return head(start, {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': 13,
    ...headers
  });
}

/**
 * @param {http.IncomingMessage} request A client's request
 * @param {object} [headers] Headers to change
 * @param {string} [status] The status
 * @return {string} A server's answer
 */
function upgradeResponse(request, headers, status = '101 Switching Protocols') {
  const key = request.headers['sec-websocket-key'];

  return head(`HTTP/1.1 ${status}`, {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Accept': createHash('sha1')
      .update(key + GUID)
      .digest('base64'),
    ...headers
  });
}

/**
 * Sends text to a server.
 *
 * @param {number} port The port of the server
 * @param {string} text The text; each character is a byte
 * @param {{ end?: boolean }} [how] `end` closes the writable side after it
 * @return {Promise<string>} The answer up to the end of the connection
 */
async function ask(port, text, { end = false } = {}) {
  const socket = net.connect(port, '127.0.0.1');
  let answer = '';

  socket.setEncoding('latin1');
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => {});
  if (end) socket.end(text, 'latin1');
  else socket.write(text, 'latin1');
  await once(socket, 'close');

  return answer.replace(/Date: [^\r]*/, 'Date: then');
}

/**
 * Starts an HTTP server, and ends it after the play.
 *
 * @param {import('./log.js').Log} notebook The log
 * @param {{ upgrade?: Function, request?: Function, server?: http.Server }}
 *     [handlers] Listeners, and the server to use
 * @return {Promise<number>} Its port
 */
async function serve(
  notebook,
  { request, upgrade, server = http.createServer() } = {}
) {
  const sockets = new Set();

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  if (request) server.on('request', request);
  if (upgrade) server.on('upgrade', upgrade);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  notebook.defer(async () => {
    for (const socket of sockets) socket.destroy();

    if (server.listening) {
      server.close();
      await once(server, 'close');
    }
  });

  return notebook.seePort(server.address().port);
}

module.exports = { KEY, ask, head, serve, upgradeRequest, upgradeResponse };
