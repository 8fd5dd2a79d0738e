'use strict';

/**
 * What the body of a child process gets from `Play.child`.
 */

const path = require('node:path');

const support = path.join(path.dirname(__dirname), 'support');
const transports = require(path.join(support, 'transports.js'));

/**
 * @param {{ modulePath: string, role: string, transport: string,
 *     address?: string|number, options: object }} setup What to play
 * @return {{ WebSocket: any, role: string, setup: object,
 *     block: (milliseconds: number) => void,
 *     open: (onOpen: (ws: any, server?: any) => void) => void,
 *     tell: (message: any) => void }} `open` calls back with each WebSocket
 *     that is open, and on a server with the HTTP server; `tell` sends
 *     something to the parent
 */
function kit(setup) {
  const WebSocket = require(setup.modulePath);
  const tell = (message) => process.send(message);

  return {
    WebSocket,
    role: setup.role,
    setup,
    tell,
    block(milliseconds) {
      Atomics.wait(
        new Int32Array(new SharedArrayBuffer(4)),
        0,
        0,
        milliseconds
      );
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
