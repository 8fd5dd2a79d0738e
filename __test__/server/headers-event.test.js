'use strict';

// The event 'headers' of a server.

const { describe } = require('node:test');

const { answers } = require('../support/answers.js');
const { upgradeRequest } = require('../support/handshake.js');
const { start } = require('../support/own-server.js');
const { parity } = require('../support/scenario.js');

const PLAIN = { perMessageDeflate: false };

describe('A server', () => {
  answers('lets headers be added', {}, upgradeRequest(), (wss, notebook) => {
    wss.on('headers', (headers) => {
      notebook.note(headers[0]);
      headers.push('Set-Cookie: a=b', 'Foo: bar');
    });
  });

  answers('lets all headers be removed', {}, upgradeRequest(), (wss) => {
    wss.on('headers', (headers) => headers.splice(0));
  });
});

describe('A server', () => {
  parity('lets headers be added', async (WebSocket, notebook) => {
    const { port, wss } = await start(WebSocket, notebook);

    wss.on('headers', (headers, request) => {
      notebook.note(headers.length, request.url, wss.clients.size);
      headers.push('Set-Cookie: a=b', 'X-More: 1');
    });
    wss.on('connection', (ws) => ws.close());

    const ws = new WebSocket(`ws://127.0.0.1:${port}/x`, PLAIN);

    ws.on('upgrade', ({ headers }) => {
      notebook.note(headers['set-cookie'], headers['x-more']);
    });
    await notebook.watch(ws);
  });
});
