'use strict';

/** Clients over TLS and local sockets, and the options that only they have. */

const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const tls = require('node:tls');
const { describe } = require('node:test');

const { serve } = require('../support/handshake.js');
const { parity } = require('../support/parity.js');

const fixtures = path.join(path.dirname(__dirname), 'fixtures');
const key = fs.readFileSync(path.join(fixtures, 'key.pem'));
const cert = fs.readFileSync(path.join(fixtures, 'certificate.pem'));
const PLAIN = { perMessageDeflate: false };
const TRUSTING = { ...PLAIN, host: '127.0.0.1', ca: cert };

/**
 * @param {any} WebSocket The module
 * @param {any} notebook What is noted
 * @param {http.Server} server What it is on top of
 * @param {object} [options] More of the server
 * @return {Promise<{ port: number, wss: any }>} An echo server that listens
 */
async function echo(WebSocket, notebook, server, options) {
  const wss = new WebSocket.Server({ server, ...options });

  wss.on('connection', (ws) => {
    ws.on('error', () => {});
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
  });

  const port = await serve(notebook, { server });

  notebook.defer(() => {
    for (const client of wss.clients) client.terminate();
    wss.close();
  });

  return { port, wss };
}

/**
 * @param {any} notebook What is noted
 * @param {any} ws A client
 * @return {Promise<void>} It is closed; whatever failed is named by its code,
 *     since OpenSSL's sentences hold addresses
 */
async function fails(notebook, ws) {
  ws.on('open', () => notebook.note('open'));
  ws.on('error', ({ code, name }) => {
    notebook.note('error', name, code, ws.readyState, ws._socket === null);
  });
  ws.on('close', (code, reason) => {
    notebook.note('close', code, reason, ws.readyState);
  });
  await new Promise((resolve) => {
    ws.once('close', resolve);
  });
}

describe('A client over TLS', () => {
  parity('shows its certificate', async (WebSocket, notebook) => {
    const server = https.createServer({
      key,
      cert,
      ca: cert,
      // With 1.3 the refusal comes behind the handshake, and races the request.
      maxVersion: 'TLSv1.2',
      requestCert: true
    });
    const { port, wss } = await echo(WebSocket, notebook, server);

    wss.on('connection', (ws, request) => {
      const { socket } = request;

      notebook.note(
        socket.authorized,
        socket.authorizationError,
        socket.getPeerCertificate().subject,
        ws._socket === socket
      );
      ws.close(1000);
    });
    for (const options of [{ key, cert }, {}]) {
      await fails(
        notebook,
        new WebSocket(`wss://localhost:${port}`, { ...TRUSTING, ...options })
      );
    }
  });

  parity('checks the certificate', async (WebSocket, notebook) => {
    const { port, wss } = await echo(
      WebSocket,
      notebook,
      https.createServer({ key, cert })
    );

    wss.on('connection', (ws) => ws.close(4000));
    for (const options of [
      { ca: undefined },
      { rejectUnauthorized: true, ca: undefined },
      { rejectUnauthorized: false, ca: undefined },
      { servername: 'elsewhere.test' },
      { servername: '' },
      { checkServerIdentity: () => undefined, servername: 'elsewhere.test' },
      { checkServerIdentity: () => new Error('no') },
      {}
    ]) {
      notebook.note('with', Object.keys(options));
      await fails(
        notebook,
        new WebSocket(`wss://localhost:${port}`, { ...TRUSTING, ...options })
      );
    }
  });

  parity('agrees on a version', async (WebSocket, notebook) => {
    for (const [theirs, ours] of [
      [{ minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' }],
      [{ maxVersion: 'TLSv1.2' }, { minVersion: 'TLSv1.3' }],
      [{ maxVersion: 'TLSv1.2' }, {}],
      [{}, { minVersion: 'TLSv1.3' }]
    ]) {
      const { port, wss } = await echo(
        WebSocket,
        notebook,
        https.createServer({ key, cert, ...theirs })
      );

      wss.on('connection', (ws, { socket }) => {
        notebook.note(socket.getProtocol());
        ws.close();
      });
      await fails(
        notebook,
        new WebSocket(`wss://localhost:${port}`, { ...TRUSTING, ...ours })
      );
    }
  });

  parity('calls tls.connect when it connects', async (WebSocket, notebook) => {
    const { port, wss } = await echo(
      WebSocket,
      notebook,
      https.createServer({ key, cert })
    );
    const { connect } = tls;

    wss.on('connection', (ws) => ws.close());
    notebook.defer(() => {
      tls.connect = connect;
    });
    tls.connect = function patched(options, ...more) {
      notebook.note('connect', options.servername, options.host, more.length);
      return connect.call(this, options, ...more);
    };
    await fails(notebook, new WebSocket(`wss://localhost:${port}`, TRUSTING));
    await fails(
      notebook,
      new WebSocket(`wss://localhost:${port}`, { ...TRUSTING, servername: '' })
    );
  });

  for (const secure of [false, true]) {
    parity(
      `sends 4 and 5 MiB, ${secure ? 'TLS' : 'plain'}`,
      async (WebSocket, notebook) => {
        const { port } = await echo(
          WebSocket,
          notebook,
          secure ? https.createServer({ key, cert }) : http.createServer()
        );
        const ws = secure
          ? new WebSocket(`wss://localhost:${port}`, TRUSTING)
          : new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);

        await once(ws, 'open');
        for (const size of [4 << 20, 5 << 20]) {
          const data = Buffer.alloc(size, 'every byte counts ');

          ws.send(data);
          ws.send(data.toString());

          const seen = [];

          await new Promise((resolve) => {
            ws.on('message', (got, isBinary) => {
              seen.push([isBinary, got.equals(data)]);
              if (seen.length === 2) resolve();
            });
          });
          ws.removeAllListeners('message');
          notebook.note(seen);
        }
        ws.close(1000);
        notebook.note(await once(ws, 'close'));
      }
    );
  }

  parity('speaks TLS to a plain server', async (WebSocket, notebook) => {
    const port = await serve(notebook, {
      server: net.createServer((socket) => {
        socket.on('error', () => {});
        socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      })
    });

    await fails(notebook, new WebSocket(`wss://localhost:${port}`, TRUSTING));
  });

  parity('speaks plain text to a TLS server', async (WebSocket, notebook) => {
    const { port } = await echo(
      WebSocket,
      notebook,
      https.createServer({ key, cert })
    );

    await fails(notebook, new WebSocket(`ws://127.0.0.1:${port}`, PLAIN));
  });

  parity('has a handshake that takes too long', async (WebSocket, notebook) => {
    const port = await serve(notebook, {
      server: net.createServer((socket) => {
        socket.on('error', () => {});
        socket.resume();
      })
    });

    for (const scheme of ['ws', 'wss']) {
      await notebook.watch(
        new WebSocket(`${scheme}://localhost:${port}`, {
          ...TRUSTING,
          handshakeTimeout: 30
        })
      );
    }
  });
});

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

describe('A client', () => {
  parity('has small packets leave at once', async (WebSocket, notebook) => {
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

  parity('has the socket for itself', async (WebSocket, notebook) => {
    const { port, wss } = await echo(WebSocket, notebook, http.createServer());

    wss.on('connection', (ws) => ws.send('x'));

    const ws = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);
    const names = ['_socket', '_req', '_autoPong', '_closeTimeout', '_paused'];

    for (const name of names) notebook.note(name, typeof ws[name]);
    await once(ws, 'open');
    for (const name of names) notebook.note(name, typeof ws[name]);
    notebook.note(ws._socket.timeout, ws._socket.listenerCount('timeout'));
    ws.close();
    await once(ws, 'close');
    notebook.note(ws._socket.destroyed, ws._req);
  });

  parity('may be ended by whom it is upgraded', async (WebSocket, notebook) => {
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

  parity('gets the answer even with a lookup', async (WebSocket, notebook) => {
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
