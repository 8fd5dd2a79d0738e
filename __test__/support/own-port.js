'use strict';

// Servers with their own port, and plain sockets that talk to them.

const { once } = require('node:events');
const net = require('node:net');

/**
 * @param {any} WebSocket The module
 * @param {any} notebook The notebook
 * @param {object} [options] Those of the server
 * @return {Promise<{ port: number, wss: any }>} A server that listens
 */
async function listen(WebSocket, notebook, options) {
  const { Server = WebSocket.Server, ...rest } = options ?? {};
  const wss = new Server({ host: '127.0.0.1', port: 0, ...rest });

  notebook.defer(async () => {
    for (const ws of wss.clients ?? []) ws.terminate();
    if (wss._state === 2) return;
    wss.close();
    await once(wss, 'close');
  });
  await once(wss, 'listening');

  return { port: notebook.seePort(wss.address().port), wss };
}

/**
 * @param {any} notebook The notebook
 * @param {any} wss A server that ends each connection
 */
function endAll(notebook, wss) {
  wss.on('connection', (ws, request) => {
    notebook.note('connection', request.method, request.url);
    ws.on('error', () => {});
    ws.terminate();
  });
}

/**
 * @param {number} port Where to
 * @return {Promise<net.Socket>} Connected
 */
async function dial(port) {
  const socket = net.connect(port, '127.0.0.1');

  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/**
 * @param {net.Socket} socket Any
 * @return {Promise<void>} Settles when it is closed
 */
function gone(socket) {
  return new Promise((resolve) => {
    socket.on('close', () => resolve());
  });
}

/**
 * @param {net.Socket} socket A socket that is being answered
 * @return {Promise<string>} The answer
 */
async function everything(socket) {
  let answer = '';

  socket.setEncoding('latin1');
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  if (!socket.closed) await gone(socket);
  return answer.replaceAll(/Date: [^\r]*/g, 'Date: then');
}

const plain = (...lines) => `${lines.join('\r\n')}\r\n\r\n`;
const get = (...headers) =>
  plain('GET / HTTP/1.1', 'Host: h', ...headers, 'Connection: close');

module.exports = { dial, endAll, everything, get, gone, listen, plain };
