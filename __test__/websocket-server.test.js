'use strict';

// The life of a server: its options, its HTTP server, its clients, its end.

const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { describe } = require('node:test');

const { ask, serve, upgradeRequest } = require('./support/handshake.js');
const { parity } = require('./support/parity.js');

/** @return {Promise<void>} Everything that is due has run */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/**
 * @param {any} notebook What is noted
 * @param {any} wss The server whose events are noted
 */
function watchServer(notebook, wss) {
  wss.on('listening', () => notebook.note('listening'));
  wss.on('error', (error) => notebook.note('error', error.code || error));
  wss.on('close', () => notebook.note('close', wss._state));
}

/**
 * @param {any} wss A server
 * @return {object} Its options, except for the class
 */
function optionsOf({ options }) {
  return { ...options, WebSocket: options.WebSocket.name };
}

describe('The constructor', () => {
  const server = () => http.createServer();

  for (const [name, options] of [
    ['nothing', () => undefined],
    ['null', () => null],
    ['no option', () => ({})],
    ['a port and a server', () => ({ port: 0, server: server() })],
    ['a port and no server', () => ({ noServer: true, port: 0 })],
    ['a server and no server', () => ({ noServer: true, server: server() })],
    ['no server, but false', () => ({ noServer: false })],
    ['a server, but null', () => ({ server: null })],
    ['a port, but null', () => ({ port: null })],
    ['no server, by a number', () => ({ noServer: 1, port: null })],
    ['an unknown option', () => ({ foo: 1, noServer: true })],
    ['compression', () => ({ noServer: true, perMessageDeflate: true })],
    [
      'options of compression',
      () => ({ noServer: true, perMessageDeflate: { threshold: 1 } })
    ],
    [
      'limits',
      () => ({ maxFragments: 1, maxPayload: 2, noServer: true, path: '/x' })
    ]
  ]) {
    parity(`takes ${name}`, (WebSocket, notebook) => {
      notebook.attempt('options', () =>
        optionsOf(new WebSocket.Server(options()))
      );
    });
  }

  parity('has the fields of ws', (WebSocket, notebook) => {
    for (const options of [
      { noServer: true },
      { clientTracking: false, noServer: true },
      { server: server() }
    ]) {
      const wss = new WebSocket.Server(options);

      notebook.note(Object.keys(wss));
      notebook.note(wss.clients, wss._state, wss._server === options.server);
    }
  });

  parity('needs no callback without a port', async (WebSocket, notebook) => {
    const noted = () => notebook.note('called back');
    const given = server();
    const wss = new WebSocket.Server({ server: given }, noted);

    notebook.note(new WebSocket.Server({ noServer: true }, noted).clients);
    await serve(notebook, { server: given });
    wss.close();
  });

  parity('is that of a class to be extended', (WebSocket, notebook) => {
    class Mine extends WebSocket.Server {
      constructor() {
        super({ noServer: true });
        this.mine = true;
      }
    }

    notebook.note(Object.keys(new Mine()));
    notebook.note(WebSocket.Server.name, WebSocket.Server.length);
    notebook.note(
      Object.entries(
        Object.getOwnPropertyDescriptors(WebSocket.Server.prototype)
      ).map(([name, { enumerable, value }]) => [name, enumerable, value.length])
    );
  });
});

describe('A server of its own', () => {
  parity('listens', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 }, () => {
      notebook.note('called back');
    });

    watchServer(notebook, wss);
    await once(wss, 'listening');

    const { port, ...address } = wss.address();

    notebook.note(typeof port, address, wss._server.listening);
    notebook.note(wss._server.eventNames());
    wss.close((...args) => notebook.note('closed', ...args));
    notebook.note(wss.address(), wss._state);
    await once(wss, 'close');
  });

  parity('listens where it is told to', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({
      backlog: 5,
      host: '127.0.0.1',
      port: 0
    });

    await once(wss, 'listening');

    const { address, family } = wss.address();

    notebook.note(address, family);
    wss.close();
    await once(wss, 'close');
  });

  parity('emits that its port is taken', async (WebSocket, notebook) => {
    const taken = net.createServer();
    const port = await serve(notebook, { server: taken });
    const wss = new WebSocket.Server({ host: '127.0.0.1', port });

    watchServer(notebook, wss);
    await once(wss, 'error').catch(() => {});
    notebook.note(wss.address(), wss._state);
    wss.close((...args) => notebook.note('closed', ...args));
    await once(wss, 'close');
  });

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

describe('A server on top of another', () => {
  parity('adds listeners and removes them', async (WebSocket, notebook) => {
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

  parity('shares it with others', async (WebSocket, notebook) => {
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
  });
});

describe('A server without a server', () => {
  parity('has no address', (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ noServer: true });

    notebook.attempt('address', () => wss.address());
    wss.close();
    notebook.attempt('address', () => wss.address());
  });

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

/** @return {any} A promise, and what resolves it */
function deferred() {
  const result = {};

  result.promise = new Promise((resolve) => {
    result.resolve = resolve;
  });

  return result;
}

describe('clients', () => {
  parity('has who is connected', async (WebSocket, notebook) => {
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

  parity('may be another set', async (WebSocket, notebook) => {
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

describe('A connection of a server', () => {
  parity('sets and clears one timer', async (WebSocket, notebook) => {
    const { clearTimeout, setTimeout } = globalThis;
    const wss = new WebSocket.Server({ port: 0 });

    notebook.defer(() =>
      Object.assign(globalThis, { clearTimeout, setTimeout })
    );
    await once(wss, 'listening');
    wss.on('connection', (ws) => {
      const isOurs = (timer) => timer === ws._closeTimer;

      globalThis.setTimeout = (callback, milliseconds, ...rest) => {
        notebook.note('set', milliseconds);
        return setTimeout(callback, milliseconds, ...rest);
      };
      globalThis.clearTimeout = (timer) => {
        notebook.note('clear', isOurs(timer));
        clearTimeout(timer);
      };
      ws.on('close', () => {
        Object.assign(globalThis, { clearTimeout, setTimeout });
      });
      ws.close();
      ws.terminate();
    });
    await ask(wss.address().port, upgradeRequest());
    wss.close();
    await once(wss, 'close');
  });
});
