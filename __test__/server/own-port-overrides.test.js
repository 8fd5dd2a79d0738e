'use strict';

// Methods and listeners that a program puts between a server with its own port and its
// connections.

const http = require('node:http');
const net = require('node:net');
const { describe } = require('node:test');

const { ask, upgradeRequest } = require('../support/handshake.js');
const { endAll, get, listen } = require('../support/own-port.js');
const { parity } = require('../support/scenario.js');

describe('Overrides', () => {
  const describeCall = (notebook, name, args) => {
    notebook.note(
      name,
      args.map((value) =>
        value instanceof net.Socket || value instanceof http.IncomingMessage
          ? value.constructor.name
          : Buffer.isBuffer(value) || value instanceof Set
            ? value
            : typeof value
      )
    );
  };

  for (const method of ['handleUpgrade', 'completeUpgrade', 'shouldHandle']) {
    parity(`overrides ${method}`, async (WebSocket, notebook) => {
      class Mine extends WebSocket.Server {
        [method](...args) {
          describeCall(notebook, 'class', args);
          return super[method](...args);
        }
      }

      const { port, wss } = await listen(WebSocket, notebook, { Server: Mine });
      const { [method]: before } = wss;

      endAll(notebook, wss);
      notebook.note(await ask(port, upgradeRequest()));
      wss[method] = function patched(...args) {
        describeCall(notebook, 'object', args);
        return before.apply(this, args);
      };
      return ask(port, upgradeRequest());
    });

    parity(`patches ${method}`, async (WebSocket, notebook) => {
      const { prototype } = WebSocket.Server;
      const { [method]: before } = prototype;
      const { port, wss } = await listen(WebSocket, notebook);

      notebook.defer(() => {
        prototype[method] = before;
      });
      prototype[method] = function patched(...args) {
        describeCall(notebook, 'prototype', args);
        return before.apply(this, args);
      };
      endAll(notebook, wss);
      return ask(port, upgradeRequest());
    });
  }

  for (const method of ['setSocket', 'emit', 'terminate']) {
    parity(`extends the class by ${method}`, async (WebSocket, notebook) => {
      class Mine extends WebSocket {
        [method](...args) {
          describeCall(notebook, method, args);
          return super[method](...args);
        }
      }

      const { port, wss } = await listen(WebSocket, notebook, {
        WebSocket: Mine
      });

      endAll(notebook, wss);
      wss.on('connection', (ws) => notebook.note(ws instanceof Mine));
      return ask(port, upgradeRequest());
    });
  }

  parity('wraps emit of the server', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);

    wss.emit = function patched(...args) {
      describeCall(notebook, `emit ${args[0]}`, args);
      return WebSocket.Server.prototype.emit.apply(this, args);
    };
    endAll(notebook, wss);
    return ask(port, upgradeRequest());
  });

  for (const event of ['connection', 'request', 'upgrade', 'clientError']) {
    parity(`listens to ${event} of _server`, async (WebSocket, notebook) => {
      const { port, wss } = await listen(WebSocket, notebook);

      endAll(notebook, wss);
      notebook.note(await ask(port, upgradeRequest()));
      wss._server.on(event, (...args) => {
        describeCall(notebook, event, args);
        if (event === 'clientError') args[1].end('broken');
      });
      notebook.note(Object.keys(wss));
      notebook.note(await ask(port, upgradeRequest()));
      notebook.note(await ask(port, get()));
      return ask(port, 'rubbish\r\n\r\n');
    });
  }

  parity('accesses the server of a socket', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);

    endAll(notebook, wss);
    wss.once('connection', (_ws, { socket: { server } }) => {
      server.prependListener('connection', (socket) => {
        notebook.note('connected', socket instanceof net.Socket);
      });
    });
    await ask(port, upgradeRequest());
    return ask(port, upgradeRequest());
  });
});
