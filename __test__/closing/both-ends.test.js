'use strict';

// Both ends of a connection in one process: which of them sees the end first.

const { once } = require('node:events');
const http = require('node:http');
const { describe } = require('node:test');

const { pair } = require('../support/own-server.js');
const { parity } = require('../support/scenario.js');

/** Repetitions, which reveal races between the engine and JavaScript. */
const TIMES = 25;

/** The ways in which a server gets its connections. */
const servers = {
  'a port of its own': (WebSocket) =>
    new WebSocket.Server({ port: 0, host: '127.0.0.1' }),
  'a server of its user': (WebSocket) => {
    const server = http.createServer();
    const wss = new WebSocket.Server({ server });

    server.listen(0, '127.0.0.1');
    wss.on('close', () => server.close());
    return wss;
  }
};

/** Ways to break a connection while a message is delivered. */
const breaks = {
  'terminate()': (ws) => ws.terminate(),
  'destroy() of the socket': (ws) => ws._socket.destroy(),
  'send() and terminate()': (ws) => {
    ws.send('farewell');
    ws.terminate();
  },
  'terminate() in a microtask': (ws) => queueMicrotask(() => ws.terminate())
};

for (const [title, serve] of Object.entries(servers)) {
  for (const [name, breakOff] of Object.entries(breaks)) {
    parity(`${name}, ${title}`, async (WebSocket, notebook) => {
      const wss = serve(WebSocket);

      await once(wss, 'listening');
      notebook.defer(() => wss.close());

      for (let i = 0; i < TIMES; i++) {
        const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`);
        const [served] = await once(wss, 'connection');
        const closed = [once(served, 'close'), notebook.watch(ws, 'client ')];

        served.on('message', () => breakOff(served));
        served.on('close', (code) => {
          notebook.note('server close', code, wss.clients.size);
        });
        if (ws.readyState !== WebSocket.OPEN) await once(ws, 'open');
        ws.send('go');
        await Promise.all(closed);
      }
    });
  }
}

describe('Both ends', () => {
  for (const [name, act] of [
    ['close()', (end) => end.close(1001, 'mine')],
    ['terminate()', (end) => end.terminate()],
    ['a bad frame', (end) => end._socket.write(Buffer.from([0x83, 0x80]))]
  ]) {
    parity(`${name} at once`, async (WebSocket, notebook) => {
      const { peer, ws } = await pair(WebSocket, notebook);
      const seen = { ws: [], peer: [] };
      const over = Object.entries({ ws, peer }).map(([title, end]) => {
        end.on('error', ({ code }) => seen[title].push(code));
        return new Promise((resolve) => {
          end.on('close', (code, reason) => {
            seen[title].push([code, String(reason)]);
            resolve();
          });
        });
      });

      act(ws);
      act(peer);
      await Promise.all(over);
      notebook.note(seen);
    });
  }

  parity('fail after both have called close()', async (WebSocket, notebook) => {
    const { peer, ws } = await pair(WebSocket, notebook);
    const bad = Buffer.from([0x83, 0x80]);
    const seen = { ws: [], peer: [] };
    const over = Object.entries({ ws, peer }).map(([title, end]) => {
      end.on('error', ({ code }) => seen[title].push(code));
      return new Promise((resolve) => {
        end.on('close', (code) => {
          seen[title].push(code);
          resolve();
        });
      });
    });

    ws._socket.write(bad);
    peer._socket.write(bad);
    ws.close();
    peer.close();
    await Promise.all(over);
    notebook.note(seen);
  });
});
