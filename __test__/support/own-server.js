'use strict';

// A server with its own port, and a client of the same module.

const { once } = require('node:events');

const PLAIN = { perMessageDeflate: false };

/**
 * @param {any} WebSocket The module
 * @param {any} notebook The notebook
 * @param {object} [options] Those of the server
 * @return {Promise<{ port: number, wss: any }>} A server with its own port
 */
async function start(WebSocket, notebook, options) {
  const wss = new WebSocket.Server({ host: '127.0.0.1', port: 0, ...options });

  await once(wss, 'listening');
  notebook.defer(() => {
    if (wss.clients) for (const client of wss.clients) client.terminate();
    wss.close();
  });
  wss.on('connection', (ws) => ws.on('error', () => {}));

  return { port: notebook.seePort(wss.address().port), wss };
}

/**
 * @param {any} WebSocket The module
 * @param {any} notebook The notebook
 * @param {object} [options] Those of the server
 * @return {Promise<{ peer: any, ws: any, wss: any }>} Both ends, open
 */
async function pair(WebSocket, notebook, options) {
  const { port, wss } = await start(WebSocket, notebook, options);
  const connection = once(wss, 'connection');
  const ws = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);

  ws.on('error', () => {});
  await once(ws, 'open');

  const [peer] = await connection;

  return { peer, ws, wss };
}

/**
 * @param {any} notebook The notebook
 * @param {any} wss The server whose events are noted
 */
function watchServer(notebook, wss) {
  wss.on('listening', () => notebook.note('listening'));
  wss.on('error', (error) => notebook.note('error', error.code || error));
  wss.on('close', () => notebook.note('close', wss._state));
}

module.exports = { pair, start, watchServer };
