'use strict';

// Clients over TLS: certificates, versions, and servers that do not speak TLS.

const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const path = require('node:path');
const { describe } = require('node:test');
const tls = require('node:tls');

const { echo } = require('../support/echo-server.js');
const { serve } = require('../support/handshake.js');
const { parity } = require('../support/scenario.js');

const fixtures = path.join(path.dirname(__dirname), 'fixtures');

const key = fs.readFileSync(path.join(fixtures, 'key.pem'));

const cert = fs.readFileSync(path.join(fixtures, 'certificate.pem'));

const PLAIN = { perMessageDeflate: false };

const TRUSTING = { ...PLAIN, host: '127.0.0.1', ca: cert };

/**
 * @param {any} notebook The notebook
 * @param {any} ws A client
 * @return {Promise<void>} Settles when it is closed; notes only the code of an
 *     error, because OpenSSL's messages contain addresses
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
      // With TLS 1.3, the refusal comes after the handshake and races with the request.
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
