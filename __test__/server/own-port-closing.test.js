'use strict';

// A server with its own port that closes, or that reveals its HTTP server, at any point
// of a request.

const { once } = require('node:events');
const net = require('node:net');
const { describe } = require('node:test');

const { ask, upgradeRequest } = require('../support/handshake.js');
const { dial, endAll, everything, listen } = require('../support/own-port.js');
const { parity } = require('../support/scenario.js');

const upgrade = upgradeRequest();

const plain = 'GET /plain HTTP/1.1\r\nHost: h\r\n\r\n';

const post = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n';

/** What a client sends before the moment, and after it. */
const REQUESTS = {
  nothing: ['', upgrade],
  'nothing, ever': ['', ''],
  'one byte': ['G', upgrade.slice(1)],
  'a half line': [upgrade.slice(0, 7), upgrade.slice(7)],
  'half the headers': [upgrade.slice(0, 60), upgrade.slice(60)],
  'all but a byte': [upgrade.slice(0, -1), upgrade.slice(-1)],
  'half the headers of a plain request': [plain.slice(0, 26), plain.slice(26)],
  'a request, and half of the next': [
    plain + upgrade.slice(0, 60),
    upgrade.slice(60)
  ],
  'half a body': [`${post}ab`, 'cd'],
  'a line feed': ['\r\n', upgrade],
  rubbish: ['rub', 'bish\r\n\r\n']
};

const MOMENTS = {
  close: (wss) => wss.close(),
  'close, the server being known': (wss) => {
    const server = wss._server;

    wss.close();
    server.closeIdleConnections();
  },
  closeIdleConnections: (wss) => wss._server.closeIdleConnections(),
  closeAllConnections: (wss) => wss._server.closeAllConnections(),
  _server: (wss) => wss._server.listening
};

describe('The end', () => {
  parity('comes during verifyClient', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook, {
      verifyClient() {
        wss.close(() => notebook.note('closed'));
        return true;
      }
    });

    endAll(notebook, wss);
    notebook.note(await ask(port, upgradeRequest()));
    if (wss._state !== 2) await once(wss, 'close');
  });

  parity('comes during requests', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const clients = await Promise.all([dial(port), dial(port), dial(port)]);
    const answers = clients.map(everything);
    const last = await dial(port);

    clients[1].write(upgradeRequest().slice(0, 50));
    last.write(upgradeRequest());
    // The clients before it have been accepted by now.
    await once(wss, 'connection');
    endAll(notebook, wss);
    wss.close(() => notebook.note('closed'));
    for (const ws of wss.clients) ws.terminate();
    clients[0].write(upgradeRequest());
    clients[1].write(upgradeRequest().slice(50));
    clients[2].end();
    notebook.note(await Promise.all(answers));
    if (wss._state !== 2) await once(wss, 'close');
  });

  parity('frees the port', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);

    wss.close();
    notebook.note(wss.address());

    const next = new WebSocket.Server({ host: '127.0.0.1', port });

    next.on('error', (error) => notebook.note('error', error.code));
    await once(next, 'listening');
    next.close();
    await once(next, 'close');
  });
});

for (const [moment, act] of Object.entries(MOMENTS)) {
  describe(moment, () => {
    for (const [title, [before, after]] of Object.entries(REQUESTS)) {
      parity(title, async (WebSocket, notebook) => {
        const wss = new WebSocket.Server({ host: '127.0.0.1', port: 0 });

        await once(wss, 'listening');

        const port = notebook.seePort(wss.address().port);
        const client = net.connect(port, '127.0.0.1');
        let answer = '';

        wss.on('connection', (ws, request) => {
          notebook.note('connection', request.url);
          ws.terminate();
        });
        client.setNoDelay();
        client.on('error', () => {});
        client.setEncoding('latin1').on('data', (text) => {
          answer += text;
        });

        const gone = new Promise((resolve) => client.on('close', resolve));

        await once(client, 'connect');
        client.write(before);
        // The engine or Node.js has read it by then.
        await new Promise((resolve) => setTimeout(resolve, 50));
        notebook.note(before.length > 0 || 'silent');
        act(wss);
        notebook.note('answered at once', answer.length > 0);
        client.write(after);
        client.end();
        await gone;
        notebook.note(answer.replaceAll(/Date: [^\r]*/g, 'Date: then'));
        if (wss._state === 0) wss.close();
        if (wss._state !== 2) await once(wss, 'close');
      });
    }
  });
}
