'use strict';

// The Set clients of a server.

const { once } = require('node:events');
const { describe } = require('node:test');

const { ask, upgradeRequest } = require('../support/handshake.js');
const { start } = require('../support/own-server.js');
const { parity } = require('../support/scenario.js');
const { turn } = require('../support/wait.js');

const PLAIN = { perMessageDeflate: false };

describe('clients', () => {
  parity('holds the open connections', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 });

    await once(wss, 'listening');
    wss.on('connection', (ws) => {
      notebook.note('connection', wss.clients.size, wss.clients.has(ws));
      ws.on('close', () => notebook.note('close', wss.clients.size));
      if (wss.clients.size === 2) {
        for (const client of wss.clients) client.terminate();
      }
    });

    const port = wss.address().port;

    await Promise.all([
      ask(port, upgradeRequest()),
      ask(port, upgradeRequest())
    ]);
    wss.close();
    await once(wss, 'close');
    notebook.note(wss.clients.size);
  });

  parity('may be replaced', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 });

    await once(wss, 'listening');
    wss.on('connection', (ws) => {
      const before = wss.clients;

      wss.clients = new Set(before);
      ws.terminate();
      ws.on('close', () => notebook.note(before.size, wss.clients.size));
    });
    await ask(wss.address().port, upgradeRequest());
    wss.close();
    await once(wss, 'close');
  });
});

describe('A server', () => {
  parity(
    'removes clients before their close event',
    async (WebSocket, notebook) => {
      const { port, wss } = await start(WebSocket, notebook);

      wss.on('connection', (ws) => {
        notebook.note('connection', wss.clients.size);
        ws.on('close', () => notebook.note('close', wss.clients.size));
      });
      for (let i = 0; i < 2; i++) {
        const ws = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);

        ws.on('open', () => ws.close());
        await once(ws, 'close');
        while (wss.clients.size > 0) await turn();
      }
    }
  );
});
