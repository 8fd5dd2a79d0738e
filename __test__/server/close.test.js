'use strict';

// close() of a server.

const { once } = require('node:events');
const http = require('node:http');
const { describe } = require('node:test');

const { ask, serve, upgradeRequest } = require('../support/handshake.js');
const { watchServer } = require('../support/own-server.js');
const { parity, scenario } = require('../support/scenario.js');
const { turn } = require('../support/wait.js');

/** @return {any} A promise and its resolve function */
function deferred() {
  const result = {};

  result.promise = new Promise((resolve) => {
    result.resolve = resolve;
  });

  return result;
}

const PLAIN = { perMessageDeflate: false };

describe('A server with its own port', () => {
  parity('closes after its connections', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 });

    await once(wss, 'listening');
    watchServer(notebook, wss);

    const connected = once(wss, 'connection');
    const asked = ask(wss.address().port, upgradeRequest());
    const [ws] = await connected;

    ws.on('close', () => notebook.note('client', wss.clients.size));
    wss.close(() => notebook.note('closed', wss.clients.size));
    notebook.note(wss._state, wss.clients.size, wss._shouldEmitClose);
    await turn();
    notebook.note('a turn later', wss._state);

    const closed = once(ws, 'close');

    ws.terminate();
    await Promise.all([asked, closed]);
    if (wss._state !== 2) await once(wss, 'close');
  });

  parity('closes any number of times', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 });

    await once(wss, 'listening');
    watchServer(notebook, wss);
    wss.close((...args) => notebook.note('first', ...args));
    wss.close((...args) => notebook.note('second', ...args));
    wss.close();
    await once(wss, 'close');
    wss.close((...args) => notebook.note('third', ...args));
    wss.close((...args) => notebook.note('fourth', ...args));
    notebook.note('later');
    await turn();
  });
});

describe('A server without a server', () => {
  parity('closes on a later tick', async (WebSocket, notebook) => {
    for (const clientTracking of [true, false]) {
      const wss = new WebSocket.Server({ clientTracking, noServer: true });

      watchServer(notebook, wss);
      wss.close((...args) => notebook.note('closed', ...args));
      notebook.note(wss._state);
      await once(wss, 'close');
      wss.close((...args) => notebook.note('closed again', ...args));
      await once(wss, 'close');
    }
  });

  for (const clientTracking of [true, false]) {
    parity(
      `${clientTracking ? 'waits' : 'does not wait'} for its clients`,
      async (WebSocket, notebook) => {
        const wss = new WebSocket.Server({ clientTracking, noServer: true });
        const upgraded = deferred();
        const port = await serve(notebook, {
          upgrade(request, socket, head) {
            wss.handleUpgrade(request, socket, head, upgraded.resolve);
          }
        });
        const asked = ask(port, upgradeRequest());
        const ws = await upgraded.promise;
        const closed = once(ws, 'close');

        watchServer(notebook, wss);
        ws.on('close', () => {
          notebook.note('client', wss.clients && wss.clients.size, wss._state);
        });
        wss.close();
        await turn();
        notebook.note(wss._state, wss._shouldEmitClose);
        ws.terminate();
        await Promise.all([asked, closed]);
        await turn();
        notebook.note(wss._state);
      }
    );
  }
});

describe('A server', () => {
  parity('refuses while it closes', async (WebSocket, notebook) => {
    const server = http.createServer();
    const wss = new WebSocket.Server({ noServer: true });

    server.on('upgrade', (request, socket, head) => {
      wss.handleUpgrade(request, socket, head, (ws) => {
        notebook.note('connection');
        ws.on('error', () => {});
        wss.emit('connection', ws, request);
      });
    });

    const port = await serve(notebook, { server });
    const first = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);

    await once(first, 'open');
    wss.close(() => notebook.note('closed'));
    notebook.note(await ask(port, upgradeRequest()));
    await notebook.watch(new WebSocket(`ws://127.0.0.1:${port}`, PLAIN));
    first.terminate();
    await once(wss, 'close');
    notebook.note(await ask(port, upgradeRequest()));
  });

  parity('may be closed while it starts', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 });

    for (const event of ['listening', 'error', 'close']) {
      wss.on(event, () => notebook.note(event, wss._state));
    }
    wss.close((...args) => notebook.note('closed', ...args));
    await once(wss, 'close');
    await turn();
  });
});

scenario(
  'a server that closes with connections',
  { roles: ['server'] },
  async (play) => {
    const { ws, peer, wss, server } = await play.open();

    play.watch(ws);
    play.note(wss.clients.size, wss.clients.has(ws));
    ws.on('close', () => play.note('clients', wss.clients.size));
    wss.on('close', () => play.note('server closed'));
    const over = new Promise((resolve) => server.on('close', resolve));
    wss.close((err) => play.note('callback', err ?? 'fine'));
    server.close();
    await new Promise(setImmediate);
    play.note('still', ws.readyState);
    peer.write(peer.frame('text', 'as before'), peer.closeFrame(1000));
    await play.over(ws, peer);
    await over;
  }
);
