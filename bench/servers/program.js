'use strict';

/**
 * The server programs of the scenarios, written once against the API of `ws`:
 * what `ws` and ours run is the same source.
 */

const fs = require('node:fs');
const https = require('node:https');
const path = require('node:path');

const { announce } = require('./announce');

/**
 * @typedef {import('ws').WebSocket} WebSocket
 * @typedef {import('ws').WebSocketServer} WebSocketServer
 * @typedef {(wss: WebSocketServer, ws: WebSocket) => void} Program
 */

/** @type {Record<string, Program>} */
const programs = {
  echo(wss, ws) {
    ws.on('message', (data, isBinary) => {
      ws.send(data, { binary: isBinary });
    });
  },

  // What a program does that looks at its messages: a string in between.
  'echo-string'(wss, ws) {
    ws.on('message', (data) => {
      ws.send(data.toString());
    });
  },

  broadcast(wss, ws) {
    ws.on('message', (data) => {
      wss.clients.forEach((client) => client.send(data));
    });
  },

  // What a chat server does: text in, the same string to everybody.
  'broadcast-string'(wss, ws) {
    ws.on('message', (data) => {
      const text = data.toString();

      wss.clients.forEach((client) => client.send(text));
    });
  },

  accept(wss, ws) {
    ws.on('message', () => {});
  }
};

/** @type {Record<string, () => import('ws').ServerOptions>} */
const setups = {
  plain: () => ({ ...tcp, perMessageDeflate: false }),

  deflate: () => ({ ...tcp, perMessageDeflate: { threshold: 0 } }),

  stateless: () => ({
    ...tcp,
    perMessageDeflate: {
      threshold: 0,
      serverNoContextTakeover: true,
      clientNoContextTakeover: true
    }
  }),

  tls: () => ({ server: secureServer(), perMessageDeflate: false })
};

const tcp = { port: 0, host: '127.0.0.1' };

/**
 * @return {https.Server} A server that will listen
 */
function secureServer() {
  const fixtures = path.join(__dirname, '..', '..', '__test__', 'fixtures');
  const server = https.createServer({
    cert: fs.readFileSync(path.join(fixtures, 'certificate.pem')),
    key: fs.readFileSync(path.join(fixtures, 'key.pem'))
  });

  return server.listen(tcp);
}

/**
 * Serves the program that the command line names, set up as it says.
 *
 * @param {typeof import('ws').WebSocketServer} Server The class to serve with
 */
function serve(Server) {
  const program = programs[process.argv[2]];
  const wss = new Server(setups[process.argv[3]]());

  wss.on('connection', (ws) => {
    ws.on('error', () => {});
    program(wss, ws);
  });
  wss.on('listening', () => {
    const address = /** @type {import('net').AddressInfo} */ (wss.address());

    announce(address.port);
  });
}

module.exports = { serve };
