'use strict';

// The event 'connection': what its WebSocket has, and what can be sent at once.

const { describe } = require('node:test');

const { start } = require('../support/own-server.js');
const { parity } = require('../support/scenario.js');

const PLAIN = { perMessageDeflate: false };

describe('A server', () => {
  parity(
    'has clients with the negotiated protocol',
    async (WebSocket, note) => {
      const { port, wss } = await start(WebSocket, note);

      wss.on('connection', (ws) => {
        note.note(ws.protocol, ws.extensions, ws.url, ws.binaryType);
        note.note(ws._isServer, ws._autoPong, ws._closeTimeout, ws.isPaused);
        ws.close();
      });
      for (const protocols of [[], ['a'], ['b', 'a']]) {
        const ws = new WebSocket(`ws://127.0.0.1:${port}`, protocols, PLAIN);

        await note.watch(ws);
        note.note(ws.protocol, ws.extensions);
      }
    }
  );

  parity('sends when it is connected', async (WebSocket, notebook) => {
    const { port, wss } = await start(WebSocket, notebook);

    wss.on('connection', (ws) => {
      ws.send('first');
      ws.ping('ping');
      ws.send(Buffer.from('second'));
      ws.close(4321, 'third');
    });

    const ws = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);

    ws.on('ping', (data) => notebook.note('ping', data));
    await notebook.watch(ws);
  });
});
