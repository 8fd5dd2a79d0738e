'use strict';

/**
 * The server programs of the scenarios, written once against the API of `ws`:
 * what `ws` and ours run is the same source.
 */

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

  accept(wss, ws) {
    ws.on('message', () => {});
  }
};

/**
 * Serves the program that the command line names.
 *
 * @param {typeof import('ws').WebSocketServer} Server The class to serve with
 */
function serve(Server) {
  const program = programs[process.argv[2]];
  const wss = new Server({
    port: 0,
    host: '127.0.0.1',
    perMessageDeflate: false
  });

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
