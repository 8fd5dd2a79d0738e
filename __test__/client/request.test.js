'use strict';

// The addresses and options of the client's constructor, and the request that it
// sends.

const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const { describe } = require('node:test');
const tls = require('node:tls');

const { serve, upgradeResponse } = require('../support/handshake.js');
const { parity } = require('../support/scenario.js');

/**
 * Compares what a constructor does with its arguments: what it throws, or the
 * options that an agent gets.
 *
 * @param {string} name The name of the test
 * @param {...any} args The arguments
 */
function asks(name, ...args) {
  parity(name, (WebSocket, notebook) => {
    const seen = {};

    for (const module of [http, https]) {
      const { request } = module;

      notebook.defer(() => {
        module.request = request;
      });
      module.request = (options) => {
        seen.module = module === https ? 'https' : 'http';
        seen.options = options;

        return request(options);
      };
    }

    const ws = notebook.attempt('constructor', () => {
      const made = new WebSocket(...args);

      const closed = new Promise((resolve) => made.on('close', resolve));

      notebook.defer(() => closed);
      made.on('error', () => {});
      made.terminate();

      return made.url;
    });

    if (ws === undefined) return;

    const { createConnection, headers, ...options } = seen.options;

    headers['Sec-WebSocket-Key'] = headers['Sec-WebSocket-Key'].length;
    notebook.note(seen.module, typeof createConnection);
    // The order of headers shows on the wire; the order of options does not matter.
    notebook.note(Object.entries(headers));
    notebook.note(Object.entries(options).sort());
  });
}

describe('An address', () => {
  const PLAIN = { perMessageDeflate: false };

  for (const address of [
    '',
    'foo',
    'ws://',
    'ftp://localhost',
    'wss+unix:/x',
    'ws://localhost#fragment',
    'ws://localhost/#',
    'ws+unix:',
    'ws+unix:#fragment',
    'ws+unix://host',
    'ws+unix:/x#y',
    undefined,
    5,
    {},
    'ws://localhost',
    'WS://LOCALHOST/Path',
    'ws://localhost/path?query=1',
    'ws://localhost?query',
    'ws://localhost:80',
    'ws://localhost:443',
    'wss://localhost',
    'wss://localhost:443/x',
    'wss://localhost:80/x',
    'http://localhost/x',
    'https://localhost:8443/x',
    'https://localhost:443/x',
    'ws://[::1]:8080/x',
    'ws://127.1/x',
    'wss://127.0.0.1/x',
    'ws://user:password@localhost',
    'ws://user@localhost',
    'ws://:password@localhost',
    'ws://a%40b:c%3Ad@localhost',
    'ws://a%:b%41@localhost',
    'ws+unix:/tmp/socket',
    'ws+unix:/tmp/socket:',
    'ws+unix:/tmp/socket:/path?query',
    'ws+unix:/tmp/socket:/path:with:colons',
    'ws+unix:/tmp/socket?query',
    'ws+unix:relative:?query',
    'ws+unix::/path',
    'ws+unix:/tmp/so%20ck et:/x'
  ]) {
    asks(String(address), address, PLAIN);
  }

  asks('as a URL', new URL('https://localhost:80/x?y'), PLAIN);

  parity('is not changed', (WebSocket, notebook) => {
    const url = new URL('http://localhost:1/x');
    const ws = new WebSocket(url, PLAIN);

    ws.on('error', () => {});
    notebook.note(url.href, ws.url);
    ws.terminate();
  });
});

describe('The arguments', () => {
  const URL = 'ws://localhost';
  const off = { perMessageDeflate: false };

  for (const protocols of [
    null,
    '',
    'a,b',
    'a b',
    ['a', 'a'],
    ['a', ''],
    [null],
    [1],
    1,
    true,
    'a',
    ['a', 'b'],
    [],
    undefined
  ]) {
    asks(`protocols ${JSON.stringify(protocols)}`, URL, protocols, off);
    asks(`option protocols ${JSON.stringify(protocols)}`, URL, {
      ...off,
      protocols
    });
  }

  asks('the argument wins over the option', URL, 'a', {
    ...off,
    protocols: 'b'
  });
  asks('so does an empty list', URL, [], { ...off, protocols: 'b' });
  asks('but not undefined', URL, undefined, { ...off, protocols: 'b' });
  asks('no headers', URL, [], { ...off, headers: null });
  asks('no protocols and no options', URL, undefined, null);
  asks('a list of protocols with a hole', URL, new Array(1), off);

  for (const protocolVersion of [8, 13, 9, '13', null, undefined]) {
    asks(`protocolVersion ${protocolVersion}`, URL, {
      ...off,
      origin: 'https://origin',
      protocolVersion
    });
  }

  asks('a wrong version before a wrong address', 'foo', { protocolVersion: 1 });
  asks('a wrong address before a wrong protocol', 'foo', '');
  asks('headers', URL, {
    ...off,
    headers: {
      Foo: 'bar',
      Host: 'elsewhere',
      upgrade: 'mine',
      'Sec-WebSocket-Version': 7
    }
  });
  asks('what is not for the user to set', URL, {
    ...off,
    host: 'elsewhere',
    hostname: 'elsewhere',
    method: 'POST',
    path: '/mine',
    port: 1,
    protocol: 'ftp:',
    socketPath: '/tmp/mine',
    timeout: 7
  });
  asks('what goes on to the request', URL, {
    ...off,
    auth: 'a:b',
    family: 4,
    handshakeTimeout: 1000,
    localAddress: '127.0.0.1',
    maxHeaderSize: 1000
  });
  asks('auth, which the address wins over', 'ws://c:d@localhost', {
    ...off,
    auth: 'a:b'
  });
  for (const userinfo of ['%zz:%E9', '%E9%41:+', '%F0%9F%98%80:%3A', '%:']) {
    asks(`userinfo ${userinfo}`, `ws://${userinfo}@localhost`, off);
  }

  asks('followRedirects', 'ws://c:d@localhost', {
    ...off,
    followRedirects: true,
    headers: { Foo: 'bar' },
    maxRedirects: 3
  });
  asks('options for TLS', 'wss://localhost', {
    ...off,
    maxVersion: 'TLSv1.2',
    rejectUnauthorized: false,
    servername: ''
  });
  asks('limits', URL, {
    ...off,
    allowSynchronousEvents: false,
    autoPong: false,
    closeTimeout: 1,
    maxBufferedChunks: 2,
    maxFragments: 3,
    maxPayload: 4,
    maxPendingAutoPongs: 5,
    skipUTF8Validation: true
  });
});

describe('A connection', () => {
  const accept = (request, socket) => {
    socket.end(upgradeResponse(request));
  };

  parity('is made by createConnection', async (WebSocket, notebook) => {
    const port = await serve(notebook, { upgrade: accept });
    const ws = new WebSocket('ws://[::1]:1234/path', {
      createConnection(options, ...more) {
        notebook.note(options.host, options.port, options.path, more.length);

        return net.connect(port, '127.0.0.1');
      },
      perMessageDeflate: false
    });

    notebook.note(ws.url);
    await notebook.watch(ws);
  });

  parity('goes through an agent', async (WebSocket, notebook) => {
    const port = await serve(notebook, { upgrade: accept });
    const agent = new http.Agent({ keepAlive: true });
    const { addRequest } = agent;

    agent.addRequest = function noted(request, options) {
      notebook.note(request.constructor.name, options.host, options.port);
      notebook.note(Object.keys(request.getHeaders()));

      return addRequest.call(this, request, options);
    };

    const ws = new WebSocket(`ws://127.0.0.1:${port}`, {
      agent,
      perMessageDeflate: false
    });

    await notebook.watch(ws);
  });

  for (const [module, name] of [
    [net, 'net'],
    [tls, 'tls']
  ]) {
    parity(
      `is made by ${name}.connect as it is`,
      async (WebSocket, notebook) => {
        const { connect } = module;

        notebook.defer(() => {
          module.connect = connect;
        });
        module.connect = (options) => {
          const { headers, ...rest } = options;

          notebook.note(typeof headers, rest.host, rest.port, rest.path);
          notebook.note(rest.servername, rest.defaultPort);

          const socket = new net.Socket();

          process.nextTick(() => socket.destroy(new Error('no')));

          return socket;
        };

        for (const address of ['localhost', '127.0.0.1', '[::1]']) {
          for (const servername of [undefined, '', 'name']) {
            const ws = new WebSocket(
              `${name === 'tls' ? 'wss' : 'ws'}://${address}:1/path`,
              { perMessageDeflate: false, servername }
            );

            await notebook.watch(ws);
          }
        }

        if (name === 'net') {
          const ws = new WebSocket('ws+unix:/tmp/a:/b', {
            perMessageDeflate: false
          });

          await notebook.watch(ws);
        }
      }
    );
  }

  parity('waits for a lookup that never answers', async (WebSocket, note) => {
    const ws = new WebSocket('ws://nowhere.invalid', {
      lookup: (host) => note.note(host),
      perMessageDeflate: false
    });
    const closed = note.watch(ws);

    await new Promise((resolve) => setImmediate(resolve));
    note.note(ws.readyState);
    ws.terminate();
    await closed;
  });

  parity('is requested by finishRequest', async (WebSocket, notebook) => {
    const port = await serve(notebook, {
      upgrade(request, socket) {
        notebook.note(request.headers.late);
        accept(request, socket);
      }
    });
    const ws = new WebSocket(`ws://127.0.0.1:${port}`, {
      finishRequest(request, websocket) {
        notebook.note(websocket._req === request, request.headersSent);
        notebook.note(this.host, this.path, Object.keys(this.headers));
        setImmediate(() => {
          request.setHeader('Late', 'yes');
          request.end();
        });
      },
      perMessageDeflate: false
    });

    await notebook.watch(ws);
  });

  parity('has a key of its own', async (WebSocket, notebook) => {
    const keys = new Set();
    const port = await serve(notebook, {
      upgrade(request, socket) {
        const key = request.headers['sec-websocket-key'];

        notebook.note(Buffer.from(key, 'base64').length, keys.has(key));
        keys.add(key);
        accept(request, socket);
      }
    });

    for (let i = 0; i < 3; i++) {
      await notebook.watch(
        new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
      );
    }
  });

  parity(
    'finds plain text where TLS should be',
    async (WebSocket, notebook) => {
      const port = await serve(notebook);
      const ws = new WebSocket(`wss://127.0.0.1:${port}`, {
        perMessageDeflate: false,
        rejectUnauthorized: false
      });

      ws.on('error', ({ code }) => notebook.note('error', code));
      await new Promise((resolve) => ws.on('close', resolve));
      notebook.note('close', ws.readyState);
    }
  );
});
