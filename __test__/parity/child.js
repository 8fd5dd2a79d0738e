'use strict';

/**
 * What the body of a child process gets from `Play.child`.
 */

const fs = require('node:fs');
const path = require('node:path');

const support = path.join(path.dirname(__dirname), 'support');
const transports = require(path.join(support, 'transports.js'));

/**
 * @param {{ modulePath: string, role: string, transport: string,
 *     address?: string|number, options: object }} setup What to play
 * @return {{ WebSocket: any, role: string, setup: object,
 *     block: () => void,
 *     open: (onOpen: (ws: any, server?: any) => void) => void,
 *     tell: (message: any) => void }} `open` calls back with each WebSocket
 *     that is open, and on a server with the HTTP server; `tell` sends
 *     something to the parent; `block` blocks the loop until it is released
 */
function kit(setup) {
  const WebSocket = require(setup.modulePath);
  const tell = (message) => process.send(message);

  return {
    WebSocket,
    role: setup.role,
    setup,
    tell,
    block() {
      fs.readSync(0, Buffer.alloc(1));
    },
    open(onOpen) {
      const { transport, address, options } = setup;

      if (setup.role === 'client') {
        const ws = transports.connect(WebSocket, transport, address, options);
        ws.on('open', () => onOpen(ws));
        return;
      }

      let server;
      transports
        .serve(WebSocket, transport, options, (ws) => onOpen(ws, server))
        .then((serving) => {
          server = serving.server;
          tell({ address: serving.address });
        });
    }
  };
}

module.exports = { kit };
