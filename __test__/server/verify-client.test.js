'use strict';

// The option verifyClient, synchronous and asynchronous.

const { once } = require('node:events');
const fs = require('node:fs');
const https = require('node:https');
const path = require('node:path');
const { describe } = require('node:test');
const tls = require('node:tls');

const { answers } = require('../support/answers.js');
const { ask, serve, upgradeRequest } = require('../support/handshake.js');
const { dial, endAll, gone, listen } = require('../support/own-port.js');
const { parity } = require('../support/scenario.js');

const fixtures = path.join(__dirname, '..', 'fixtures');

describe('verifyClient', () => {
  const request = upgradeRequest({
    Origin: 'https://origin',
    'Sec-WebSocket-Origin': 'https://old-origin'
  });

  answers(
    "gets the client's information",
    (notebook) => ({
      verifyClient(info, ...more) {
        notebook.note(Object.keys(info), info.origin, info.secure, more.length);
        notebook.note(info.req.url, info.req.constructor.name);

        return true;
      }
    }),
    request
  );
  answers(
    'gets the origin of version 8',
    (notebook) => ({
      verifyClient({ origin }) {
        notebook.note(origin);

        return false;
      }
    }),
    upgradeRequest({
      Origin: 'https://origin',
      'Sec-WebSocket-Origin': 'https://old-origin',
      'Sec-WebSocket-Version': 8
    })
  );
  answers('may return any falsy value', { verifyClient: () => 0 }, request);
  answers(
    'may return any truthy value',
    { verifyClient: () => 'yes' },
    request
  );

  for (const [name, ...verdict] of [
    ['yes', true],
    ['no', false],
    ['a status', false, 404],
    ['a body', false, 404, 'Nobody home: é'],
    ['an empty body', false, 403, ''],
    [
      'headers',
      false,
      401,
      undefined,
      { 'WWW-Authenticate': 'Basic', 'Content-Type': 'x', connection: 'y' }
    ],
    ['a list as header', false, 400, 'body', { Foo: ['a', 'b'] }]
  ]) {
    answers(
      `calls back with ${name}`,
      { verifyClient: (_info, callback) => callback(...verdict) },
      request
    );
    answers(
      `calls back with ${name} later`,
      {
        verifyClient: (_info, callback) => setImmediate(callback, ...verdict)
      },
      request
    );
  }

  answers(
    'refuses without an event of wsClientError',
    { verifyClient: (_info, callback) => callback(false, 403) },
    request,
    (wss, notebook) => {
      wss.on('wsClientError', () => notebook.note('wsClientError'));
    }
  );
  answers('may be assigned later', {}, request, (wss) => {
    wss.options.verifyClient = () => false;
  });
  answers(
    'is not called for an invalid request',
    (notebook) => ({
      verifyClient() {
        notebook.note('verifyClient');
      }
    }),
    upgradeRequest({ 'Sec-WebSocket-Protocol': ';' })
  );

  parity('knows TLS', async (WebSocket, notebook) => {
    const cert = fs.readFileSync(path.join(fixtures, 'certificate.pem'));
    const server = https.createServer({
      cert,
      key: fs.readFileSync(path.join(fixtures, 'key.pem'))
    });
    const wss = new WebSocket.Server({
      server,
      verifyClient(info) {
        notebook.note('secure', info.secure);

        return false;
      }
    });
    const port = await serve(notebook, { server });
    const socket = tls.connect({
      ca: cert,
      host: '127.0.0.1',
      port,
      servername: 'localhost'
    });

    socket.setEncoding('latin1');
    socket.on('data', (chunk) => notebook.note(chunk));
    socket.write(request);
    await once(socket, 'close');
    wss.close();
  });
});

describe('verifyClient of a server with its own port', () => {
  for (const answer of [true, false]) {
    parity(`says ${answer} later`, async (WebSocket, notebook) => {
      const { port, wss } = await listen(WebSocket, notebook, {
        verifyClient({ req }, callback) {
          notebook.note(req.socket.remoteAddress);
          setImmediate(callback, answer, 418, 'no', { A: 'b' });
        }
      });

      endAll(notebook, wss);
      return ask(port, upgradeRequest());
    });
  }

  parity('is left by its client', async (WebSocket, notebook) => {
    let decide;
    const asked = new Promise((resolve) => {
      decide = resolve;
    });
    const { port, wss } = await listen(WebSocket, notebook, {
      verifyClient: ({ req }, callback) => decide({ req, callback })
    });
    const client = await dial(port);

    endAll(notebook, wss);
    client.write(upgradeRequest());

    const { callback, req } = await asked;

    client.resetAndDestroy();
    await gone(req.socket);
    callback(true);
    notebook.note(wss.clients.size);
  });

  parity('refuses at once', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook, {
      verifyClient: () => false
    });

    endAll(notebook, wss);
    return ask(port, upgradeRequest());
  });
});
