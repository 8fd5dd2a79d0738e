'use strict';

// The socket of a client: its options, its lookup, and what a client has before and
// after its handshake.

const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const { describe } = require('node:test');

const { echo } = require('../support/echo-server.js');
const { parity } = require('../support/scenario.js');

const PLAIN = { perMessageDeflate: false };

describe('A client', () => {
  parity('disables the Nagle algorithm', async (WebSocket, notebook) => {
    const { port, wss } = await echo(
      WebSocket,
      notebook,
      http.createServer({ noDelay: false })
    );
    const { setNoDelay, setTimeout: setSocketTimeout } = net.Socket.prototype;

    notebook.defer(() => {
      net.Socket.prototype.setNoDelay = setNoDelay;
      net.Socket.prototype.setTimeout = setSocketTimeout;
    });

    const calls = [];

    net.Socket.prototype.setNoDelay = function noted(...args) {
      calls.push(['setNoDelay', this.server ? 'server' : 'client', ...args]);
      return setNoDelay.apply(this, args);
    };
    net.Socket.prototype.setTimeout = function noted(...args) {
      calls.push(['setTimeout', this.server ? 'server' : 'client', args[0]]);
      return setSocketTimeout.apply(this, args);
    };
    wss.on('connection', (ws) => ws.close());

    const ws = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);

    await once(ws, 'close');
    for (const side of ['client', 'server']) {
      notebook.note(calls.filter((call) => call[1] === side));
    }
  });

  parity(
    'has the fields of ws before and after',
    async (WebSocket, notebook) => {
      const { port, wss } = await echo(
        WebSocket,
        notebook,
        http.createServer()
      );

      wss.on('connection', (ws) => ws.send('x'));

      const ws = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);
      const names = [
        '_socket',
        '_req',
        '_autoPong',
        '_closeTimeout',
        '_paused'
      ];

      for (const name of names) notebook.note(name, typeof ws[name]);
      await once(ws, 'open');
      for (const name of names) notebook.note(name, typeof ws[name]);
      notebook.note(ws._socket.timeout, ws._socket.listenerCount('timeout'));
      ws.close();
      await once(ws, 'close');
      notebook.note(ws._socket.destroyed, ws._req);
    }
  );

  parity('may be ended in its upgrade event', async (WebSocket, notebook) => {
    const { port } = await echo(WebSocket, notebook, http.createServer());

    for (const how of ['close', 'terminate']) {
      const ws = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);

      ws.on('upgrade', () => {
        ws[how]();
        notebook.note('called', ws.readyState);
      });
      await notebook.watch(ws);
    }
  });

  parity('connects with a custom lookup', async (WebSocket, notebook) => {
    const { port, wss } = await echo(WebSocket, notebook, http.createServer());

    wss.on('connection', (ws, { headers }) => {
      notebook.note(headers.host);
      ws.close(4000, 'found');
    });
    await notebook.watch(
      new WebSocket(`ws://nowhere.test:${port}`, {
        ...PLAIN,
        lookup(host, options, callback) {
          notebook.note('lookup', host, options.all);
          if (options.all)
            callback(null, [{ address: '127.0.0.1', family: 4 }]);
          else callback(null, '127.0.0.1', 4);
        }
      })
    );
  });
});
