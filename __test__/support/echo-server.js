'use strict';

const { serve } = require('./handshake.js');

/**
 * @param {any} WebSocket The module
 * @param {any} notebook The notebook
 * @param {http.Server} server Its HTTP server
 * @param {object} [options] More options of the server
 * @return {Promise<{ port: number, wss: any }>} An echo server that listens
 */
async function echo(WebSocket, notebook, server, options) {
  const wss = new WebSocket.Server({ server, ...options });

  wss.on('connection', (ws) => {
    ws.on('error', () => {});
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
  });

  const port = await serve(notebook, { server });

  notebook.defer(() => {
    for (const client of wss.clients) client.terminate();
    wss.close();
  });

  return { port, wss };
}

module.exports = { echo };
