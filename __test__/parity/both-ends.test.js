'use strict';

/**
 * Both ends of a connection in one process: which of them sees the end first.
 */

const { once } = require('node:events');
const http = require('node:http');

const { parity } = require('../support/parity.js');

/** The engine works beside JavaScript: what is a matter of luck fails here. */
const TIMES = 25;

/** How a server comes to its connections. */
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

/** What breaks a connection off while a message is delivered. */
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
