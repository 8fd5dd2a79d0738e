'use strict';

// The argument of a body that `Play.child` runs in a child process.

const fs = require('node:fs');

const transports = require('./transports.js');

/**
 * @param {{ modulePath: string, role: string, transport: string, address?:
 *     string|number, options: object }} setup The play
 * @return {{ WebSocket: any, role: string, setup: object, block: () => void,
 *     open: (onOpen: (ws: any, server?: any) => void) => void, tell: (message:
 *     any) => void }} `open` calls back with each open WebSocket, and on a server
 *     with the HTTP server; `tell` sends a message to the parent; `block` blocks
 *     the loop until the parent releases it
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
