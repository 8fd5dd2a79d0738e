'use strict';

// Clients of a Unix domain socket: ws+unix: addresses.

const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { describe } = require('node:test');

const { parity } = require('../support/scenario.js');

const PLAIN = { perMessageDeflate: false };

describe('A client of a local socket', () => {
  for (const [name, rest] of [
    ['nothing more', ''],
    ['a colon', ':'],
    ['a path', ':/path'],
    ['a path and a query', ':/path?query=1&b'],
    ['a path with colons', ':/a:b:c']
  ]) {
    parity(`asks with ${name}`, async (WebSocket, notebook) => {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ws-native-'));
      const name = path.join(directory, 'socket');
      const server = http.createServer();
      const wss = new WebSocket.Server({ server });

      notebook.defer(() => fs.rmSync(directory, { recursive: true }));
      wss.on('connection', (ws, { headers, url }) => {
        notebook.note(url, headers.host, headers.origin);
        ws.on('error', () => {});
        ws.on('message', (data) => ws.send(data));
        ws.send('hello');
      });
      server.listen(name);
      await once(server, 'listening');

      const ws = new WebSocket(`ws+unix:${name}${rest}`, PLAIN);

      notebook.note(ws.url === `ws+unix:${name}${rest}`);
      ws.once('message', (data) => {
        notebook.note('message', data);
        ws.close(1000, 'bye');
      });

      const closed = await once(ws, 'close');

      notebook.note(...closed);
      wss.close();
      server.close();
      await once(server, 'close');
    });
  }

  parity('may not find it', async (WebSocket, notebook) => {
    const name = path.join(os.tmpdir(), 'ws-native-no-such-socket');

    await notebook.watch(new WebSocket(`ws+unix:${name}:/x`, PLAIN));
  });
});
