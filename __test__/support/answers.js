'use strict';

// Differential tests of the answer to one upgrade request.

const { once } = require('node:events');

const { ask } = require('./handshake.js');
const { parity } = require('./scenario.js');

/**
 * Compares what a server with its own port does with one request, read by the
 * engine and read by Node.js.
 *
 * @param {string} name The name of the test
 * @param {object | ((notebook: any) => object)} options Those of the server
 * @param {string} request The request
 * @param {(wss: any, notebook: any) => void} [prepare] Called with the server
 */
function answers(name, options, request, prepare) {
  for (const shown of [false, true]) {
    const title = shown ? `${name}, as Node reads it` : name;

    parity(title, (WebSocket, notebook) =>
      answer(WebSocket, notebook, { options, prepare, request, shown })
    );
  }
}

/**
 * @param {any} WebSocket The module
 * @param {any} notebook The notebook
 * @param {any} scenario As for `answers`
 * @return {Promise<string>} The answer
 */
async function answer(
  WebSocket,
  notebook,
  { options, prepare, request, shown }
) {
  const wss = new WebSocket.Server({
    port: 0,
    ...(typeof options === 'function' ? options(notebook) : options)
  });

  await once(wss, 'listening');

  if (shown) notebook.note(wss._server.listening);

  const { port } = wss.address();

  notebook.defer(async () => {
    if (wss._state === 2) return;
    wss.close();
    await once(wss, 'close');
  });

  wss.on('connection', (ws, { url }) => {
    notebook.note('connection', ws.protocol, ws.readyState, ws.extensions);
    notebook.note(url, wss.clients.size, wss.clients.has(ws));
    ws.terminate();
  });
  wss.on('headers', (headers, { url }) => {
    notebook.note('headers', headers, url);
  });

  if (prepare) prepare(wss, notebook);

  return ask(port, request);
}

module.exports = { answers };
