'use strict';

// The option server: an HTTP server of the user's.

const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { describe } = require('node:test');

const { ask, serve, upgradeRequest } = require('../support/handshake.js');
const { watchServer } = require('../support/own-server.js');
const { parity } = require('../support/scenario.js');

const PLAIN = { perMessageDeflate: false };

describe('A server with an external HTTP server', () => {
  parity('adds and removes listeners', async (WebSocket, notebook) => {
    const server = http.createServer();
    const count = () => {
      notebook.note(
        ['error', 'listening', 'request', 'upgrade'].map((event) =>
          server.listenerCount(event)
        )
      );
    };

    count();

    const wss = new WebSocket.Server({ server });

    watchServer(notebook, wss);
    count();

    const port = await serve(notebook, { server });

    notebook.note(wss.address().port === port, wss._server === server);
    server.emit('error', new Error('passed on'));
    wss.close(() => notebook.note('closed', server.listening));
    count();
    notebook.note(wss._server, wss.address(), wss._state);
    await once(wss, 'close');
  });

  parity(
    'listens on a path of the file system',
    async (WebSocket, notebook) => {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ws-native-'));
      const name = path.join(directory, 'socket');
      const server = http.createServer();
      const wss = new WebSocket.Server({ server });

      notebook.defer(() => fs.rmSync(directory, { recursive: true }));
      server.listen(name);
      await once(wss, 'listening');
      notebook.note(wss.address() === name);

      const connected = once(wss, 'connection');
      const ws = new WebSocket(`ws+unix:${name}:/path?query`);
      const [peer, request] = await connected;

      notebook.note(request.url, request.headers.host);
      ws.on('error', () => {});
      peer.close();
      await once(ws, 'close');
      wss.close();
      server.close();
      await once(server, 'close');
    }
  );

  parity(
    'shares the server with other handlers',
    async (WebSocket, notebook) => {
      const server = http.createServer((_request, response) => {
        response.end('plain');
      });
      const wss = new WebSocket.Server({ path: '/ws', server });
      const port = await serve(notebook, { server });

      wss.on('connection', (ws) => {
        notebook.note('connection');
        ws.terminate();
      });
      notebook.note(
        await ask(
          port,
          'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
        )
      );
      notebook.note(await ask(port, upgradeRequest({}, 'GET /ws HTTP/1.1')));
      wss.close();
      await once(wss, 'close');
      notebook.note(
        await ask(
          port,
          'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
        )
      );
    }
  );
});

describe('A server', () => {
  parity('shares a socket that had a timeout', async (WebSocket, notebook) => {
    const server = http.createServer();

    server.setTimeout(123);

    const wss = new WebSocket.Server({ server });
    const port = await serve(notebook, { server });

    wss.on('connection', (ws, request) => {
      notebook.note(ws._socket.timeout, request.socket === ws._socket);
      ws.close();
    });
    await notebook.watch(new WebSocket(`ws://127.0.0.1:${port}`, PLAIN));
    wss.close();
  });
});
