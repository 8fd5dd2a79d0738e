'use strict';

// Whom a server lets in, what it is asked and told meanwhile, and what it
// answers.

const { once } = require('node:events');
const fs = require('node:fs');
const https = require('node:https');
const path = require('node:path');
const { describe } = require('node:test');
const tls = require('node:tls');

const { KEY, ask, serve, upgradeRequest } = require('./support/handshake.js');
const { parity } = require('./support/parity.js');

const fixtures = path.join(__dirname, 'fixtures');

/**
 * Compares what a server of its own does about one request, whether or not its
 * HTTP server has been asked for.
 *
 * @param {string} name The name of the test
 * @param {object | ((notebook: any) => object)} options Those of the server
 * @param {string} request The request
 * @param {(wss: any, notebook: any) => void} [prepare] Called with the server
 */
function answers(name, options, request, prepare) {
  for (const shown of [false, true]) {
    const title = shown ? `${name}, as Node reads it` : name;

    parity(title, (WebSocket, notebook) =>
      answer(WebSocket, notebook, { options, prepare, request, shown })
    );
  }
}

/**
 * @param {any} WebSocket The module
 * @param {any} notebook What is noted
 * @param {any} scenario As for `answers`
 * @return {Promise<string>} What a server said
 */
async function answer(
  WebSocket,
  notebook,
  { options, prepare, request, shown }
) {
  const wss = new WebSocket.Server({
    port: 0,
    ...(typeof options === 'function' ? options(notebook) : options)
  });

  await once(wss, 'listening');

  if (shown) notebook.note(wss._server.listening);

  const { port } = wss.address();

  notebook.defer(async () => {
    if (wss._state === 2) return;
    wss.close();
    await once(wss, 'close');
  });

  wss.on('connection', (ws, { url }) => {
    notebook.note('connection', ws.protocol, ws.readyState, ws.extensions);
    notebook.note(url, wss.clients.size, wss.clients.has(ws));
    ws.terminate();
  });
  wss.on('headers', (headers, { url }) => {
    notebook.note('headers', headers, url);
  });

  if (prepare) prepare(wss, notebook);

  return ask(port, request);
}

/**
 * @param {object} headers What to change of the headers
 * @param {string} [start] The request line
 */
function answersTo(headers, start) {
  const title = JSON.stringify(headers).replaceAll('Sec-WebSocket-', '');

  answers(
    [start, title].filter(Boolean).join(' '),
    {},
    upgradeRequest(headers, start)
  );
}

describe('A request', () => {
  answersTo({});
  answersTo({}, 'GET /path?query HTTP/1.1');
  answersTo({}, 'GET * HTTP/1.1');
  answersTo({}, 'GET / HTTP/1.0');
  answersTo({}, 'POST / HTTP/1.1');
  answersTo({}, 'HEAD / HTTP/1.1');
  answersTo({ Upgrade: 'foo' });
  answersTo({ Upgrade: 'WebSocket' });
  answersTo({ Upgrade: 'h2c, websocket' });
  answersTo({ Upgrade: ['websocket', 'h2c'] });
  answersTo({ 'Sec-WebSocket-Key': [] });
  answersTo({ 'Sec-WebSocket-Key': '' });
  answersTo({ 'Sec-WebSocket-Key': 'abc' });
  answersTo({ 'Sec-WebSocket-Key': `${KEY}=` });
  answersTo({ 'Sec-WebSocket-Key': KEY.slice(1) });
  answersTo({ 'Sec-WebSocket-Key': KEY.replace('d', '!') });
  answersTo({ 'Sec-WebSocket-Version': [] });
  answersTo({ 'Sec-WebSocket-Version': 8 });
  answersTo({ 'Sec-WebSocket-Version': 12 });
  answersTo({ 'Sec-WebSocket-Version': '13a' });
  answersTo({ 'Sec-WebSocket-Version': '+13' });
  answersTo({ 'Sec-WebSocket-Protocol': '' });
  answersTo({ 'Sec-WebSocket-Protocol': 'a' });
  answersTo({ 'Sec-WebSocket-Protocol': 'a, b' });
  answersTo({ 'Sec-WebSocket-Protocol': ['a', 'b'] });
  answersTo({ 'Sec-WebSocket-Protocol': 'a;b' });
  answersTo({ 'Sec-WebSocket-Protocol': 'a,a' });
  answersTo({ 'Sec-WebSocket-Extensions': 'permessage-deflate' });
  answersTo({ 'Sec-WebSocket-Extensions': 'foo; bar' });
  answersTo({ 'Sec-WebSocket-Extensions': 'a;;' });
  // Which of several errors is told:
  answersTo({ Upgrade: 'foo', 'Sec-WebSocket-Key': [] }, 'POST / HTTP/1.1');
  answersTo({ Upgrade: 'foo', 'Sec-WebSocket-Key': [] });
  answersTo({ 'Sec-WebSocket-Key': [], 'Sec-WebSocket-Version': 1 });
  answersTo({
    'Sec-WebSocket-Version': 1,
    'Sec-WebSocket-Protocol': 'a,a'
  });

  answers(
    'without an upgrade is told that one is required',
    {},
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
  );
});

describe('An offer of extensions that is malformed or unacceptable', () => {
  const options = { perMessageDeflate: true };

  for (const header of [
    'a;;',
    '',
    'permessage-deflate; foo',
    'permessage-deflate; server_max_window_bits=7',
    'permessage-deflate; client_max_window_bits; client_max_window_bits',
    ['foo', 'bar; a=b']
  ]) {
    answers(
      JSON.stringify(header),
      options,
      upgradeRequest({ 'Sec-WebSocket-Extensions': header })
    );
  }

  answers(
    'and a malformed subprotocol',
    options,
    upgradeRequest({
      'Sec-WebSocket-Extensions': ';',
      'Sec-WebSocket-Protocol': ';'
    })
  );
});

describe('verifyClient', () => {
  const request = upgradeRequest({
    Origin: 'https://origin',
    'Sec-WebSocket-Origin': 'https://old-origin'
  });

  answers(
    'is told about the client',
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
    'is told of the origin that version 8 has',
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
  answers('may give anything false', { verifyClient: () => 0 }, request);
  answers('may give anything true', { verifyClient: () => 'yes' }, request);

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
    'is not asked about a request that is wrong anyway',
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

describe('handleProtocols', () => {
  const request = upgradeRequest({ 'Sec-WebSocket-Protocol': 'a, b' });

  answers(
    'gets a Set and the request',
    (notebook) => ({
      handleProtocols(protocols, { url }, ...more) {
        notebook.note(protocols, url, more.length);

        return 'b';
      }
    }),
    request
  );
  answers(
    'is not asked when there are none',
    { handleProtocols: () => 'a' },
    upgradeRequest()
  );

  for (const result of [false, undefined, '', 'alien']) {
    answers(
      `gives ${JSON.stringify(result)}`,
      { handleProtocols: () => result },
      request
    );
  }

  answers('may be assigned later', {}, request, (wss) => {
    wss.options.handleProtocols = () => 'b';
  });
});

describe('A server', () => {
  answers('lets headers be added', {}, upgradeRequest(), (wss, notebook) => {
    wss.on('headers', (headers) => {
      notebook.note(headers[0]);
      headers.push('Set-Cookie: a=b', 'Foo: bar');
    });
  });

  answers('lets all be taken away', {}, upgradeRequest(), (wss) => {
    wss.on('headers', (headers) => headers.splice(0));
  });

  for (const offer of [undefined, 'permessage-deflate']) {
    answers(
      `has no answer for unknown extensions beside ${offer}`,
      { perMessageDeflate: true },
      upgradeRequest({ 'Sec-WebSocket-Extensions': offer }),
      (wss, notebook) => {
        const { completeUpgrade } = wss;

        wss.completeUpgrade = function withAnother(extensions, ...rest) {
          completeUpgrade.call(this, { foo: {}, ...extensions }, ...rest);
        };
        wss.on('connection', (ws) => notebook.note(ws.extensions));
      }
    );
  }

  for (const url of ['/x', '/x?y', '/x/', '/X', '/', '/y?/x']) {
    answers(
      `of one path is asked for ${url}`,
      { path: '/x' },
      upgradeRequest({}, `GET ${url} HTTP/1.1`)
    );
  }

  answers(
    'tells of a wrong method before a wrong path',
    { path: '/x' },
    upgradeRequest({}, 'PUT / HTTP/1.1')
  );
  answers('may be given a path later', {}, upgradeRequest(), (wss) => {
    wss.options.path = '/x';
  });
  answers(
    'may be given another shouldHandle',
    {},
    upgradeRequest(),
    (wss, notebook) => {
      wss.shouldHandle = function shouldHandle({ url }) {
        notebook.note('shouldHandle', url, this === wss);

        return false;
      };
    }
  );
  answers(
    'calls handleUpgrade and completeUpgrade through itself',
    {},
    upgradeRequest(),
    (wss, notebook) => {
      for (const name of ['handleUpgrade', 'completeUpgrade', 'emit']) {
        const original = wss[name];

        wss[name] = function wrapped(...args) {
          notebook.note(name, args.length);

          return original.apply(this, args);
        };
      }
    }
  );

  for (const header of [
    { Upgrade: 'foo' },
    { 'Sec-WebSocket-Key': '' },
    { 'Sec-WebSocket-Version': 1 },
    { 'Sec-WebSocket-Protocol': ';' }
  ]) {
    answers(
      `emits wsClientError for ${JSON.stringify(header)}`,
      {},
      upgradeRequest(header),
      (wss, notebook) => {
        wss.on('wsClientError', (error, socket, request) => {
          notebook.note(error, Object.keys(error), socket === request.socket);
          socket.end('HTTP/1.1 418 Teapot\r\n\r\n');
        });
      }
    );
  }

  answers(
    'answers a wrong path itself',
    { path: '/x' },
    upgradeRequest(),
    (wss, notebook) => {
      wss.on('wsClientError', () => notebook.note('wsClientError'));
    }
  );

  parity('makes objects of the class it is given', async (WebSocket, note) => {
    class Mine extends WebSocket {}

    const wss = new WebSocket.Server({ WebSocket: Mine, port: 0 });

    await once(wss, 'listening');
    note.defer(() => wss.close());
    wss.on('connection', (ws) => {
      note.note(ws instanceof Mine, ws.constructor.name);
      ws.terminate();
    });
    await ask(wss.address().port, upgradeRequest());
  });
});
