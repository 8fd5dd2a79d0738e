'use strict';

// Where a server listens, and what it answers to plain requests.

const { once } = require('node:events');
const net = require('node:net');
const { describe } = require('node:test');

const { ask, serve } = require('../support/handshake.js');
const { start, watchServer } = require('../support/own-server.js');
const { parity } = require('../support/scenario.js');

const PLAIN = { perMessageDeflate: false };

describe('A server with its own port', () => {
  parity('listens', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 }, () => {
      notebook.note('called back');
    });

    watchServer(notebook, wss);
    await once(wss, 'listening');

    const { port, ...address } = wss.address();

    notebook.note(typeof port, address, wss._server.listening);
    notebook.note(wss._server.eventNames());
    wss.close((...args) => notebook.note('closed', ...args));
    notebook.note(wss.address(), wss._state);
    await once(wss, 'close');
  });

  parity('listens on the given host', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({
      backlog: 5,
      host: '127.0.0.1',
      port: 0
    });

    await once(wss, 'listening');

    const { address, family } = wss.address();

    notebook.note(address, family);
    wss.close();
    await once(wss, 'close');
  });

  parity('emits that its port is taken', async (WebSocket, notebook) => {
    const taken = net.createServer();
    const port = await serve(notebook, { server: taken });
    const wss = new WebSocket.Server({ host: '127.0.0.1', port });

    watchServer(notebook, wss);
    await once(wss, 'error').catch(() => {});
    notebook.note(wss.address(), wss._state);
    wss.close((...args) => notebook.note('closed', ...args));
    await once(wss, 'close');
  });
});

describe('A server without a server', () => {
  parity('has no address', (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ noServer: true });

    notebook.attempt('address', () => wss.address());
    wss.close();
    notebook.attempt('address', () => wss.address());
  });
});

describe('A server', () => {
  parity(
    'binds both address families by default',
    async (WebSocket, notebook) => {
      const wss = new WebSocket.Server({ port: 0 });

      await once(wss, 'listening');

      const { port } = wss.address();

      for (const host of ['127.0.0.1', '[::1]']) {
        const ws = new WebSocket(`ws://${host}:${port}`, PLAIN);
        const [event] = await Promise.race([
          once(ws, 'open').then(() => ['open']),
          once(ws, 'error').then(([error]) => [error.code])
        ]);

        notebook.note(host, event);
        ws.terminate();
      }
      wss.close();
      await once(wss, 'close');
    }
  );

  parity('answers plain requests', async (WebSocket, notebook) => {
    const { port } = await start(WebSocket, notebook);

    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
      notebook.note(
        await ask(
          port,
          `${method} / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`
        )
      );
    }
  });
});
