'use strict';

// A server with a port of its own, whose connections nobody of Node's accepts:
// whatever comes in, whoever looks, must find what `ws` shows.

const assert = require('node:assert');
const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const { describe, it } = require('node:test');

const { ask, upgradeRequest } = require('./support/handshake.js');
const { parity, subject } = require('./support/parity.js');

/**
 * @param {any} WebSocket The module
 * @param {any} notebook What is noted
 * @param {object} [options] Those of the server
 * @return {Promise<{ port: number, wss: any }>} A server that listens
 */
async function listen(WebSocket, notebook, options) {
  const { Server = WebSocket.Server, ...rest } = options ?? {};
  const wss = new Server({ host: '127.0.0.1', port: 0, ...rest });

  notebook.defer(async () => {
    for (const ws of wss.clients ?? []) ws.terminate();
    if (wss._state === 2) return;
    wss.close();
    await once(wss, 'close');
  });
  await once(wss, 'listening');

  return { port: notebook.seePort(wss.address().port), wss };
}

/**
 * @param {any} notebook What is noted
 * @param {any} wss A server that ends each connection
 */
function endAll(notebook, wss) {
  wss.on('connection', (ws, request) => {
    notebook.note('connection', request.method, request.url);
    ws.on('error', () => {});
    ws.terminate();
  });
}

/**
 * @param {number} port Where to
 * @return {Promise<net.Socket>} Connected
 */
async function dial(port) {
  const socket = net.connect(port, '127.0.0.1');

  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/**
 * @param {net.Socket} socket Any
 * @return {Promise<void>} It is closed, for whatever reason
 */
function gone(socket) {
  return new Promise((resolve) => {
    socket.on('close', () => resolve());
  });
}

/**
 * @param {net.Socket} socket One that is being answered
 * @return {Promise<string>} All that was said
 */
async function everything(socket) {
  let answer = '';

  socket.setEncoding('latin1');
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  if (!socket.closed) await gone(socket);
  return answer.replaceAll(/Date: [^\r]*/g, 'Date: then');
}

const plain = (...lines) => `${lines.join('\r\n')}\r\n\r\n`;
const get = (...headers) =>
  plain('GET / HTTP/1.1', 'Host: h', ...headers, 'Connection: close');
const many = (count, line) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`X-${n}`, line]));

describe('What comes in', () => {
  const close = 'Connection: close';
  const ended = { end: true };

  for (const [title, text, how] of [
    ['a plain request', get()],
    ['two plain requests', plain('GET /a HTTP/1.1', 'Host: h') + get()],
    [
      'a plain request, and an upgrade',
      get().replace('close', 'keep-alive') + upgradeRequest()
    ],
    ['HTTP/1.0', plain('GET / HTTP/1.0')],
    [
      'a POST with a body',
      `${plain('POST / HTTP/1.1', 'Host: h', 'Content-Length: 2', close)}ab`
    ],
    [
      'a POST in chunks',
      `${plain('POST / HTTP/1.1', 'Host: h', 'Transfer-Encoding: chunked', close)}1\r\na\r\n0\r\n\r\n`
    ],
    ['an expectation', get('Expect: 100-continue')],
    ['an unknown expectation', get('Expect: more')],
    ['no host', plain('GET / HTTP/1.1', close)],
    ['an upgrade without a host', upgradeRequest({ Host: [] }), ended],
    ['two hosts', upgradeRequest({ Host: ['a', 'b'] }), ended],
    ['rubbish', 'rubbish\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['an unknown method', plain('FOO / HTTP/1.1', 'Host: h')],
    [
      'an absolute target',
      upgradeRequest({}, 'GET http://h/a HTTP/1.1'),
      ended
    ],
    [
      'a target of an authority',
      upgradeRequest({}, 'CONNECT h:1 HTTP/1.1'),
      ended
    ],
    ['a fragment', upgradeRequest({}, 'GET /a#b HTTP/1.1'), ended],
    ['a blank in the target', upgradeRequest({}, 'GET /a b HTTP/1.1'), ended],
    ['a target beyond ASCII', upgradeRequest({}, 'GET /\xe4 HTTP/1.1'), ended],
    [
      'any character in a target',
      upgradeRequest({}, 'GET /!"$%&\'()*+,-./:;<=>?@[\\]^_`{|}~ HTTP/1.1'),
      ended
    ],
    [
      'two blanks behind the method',
      upgradeRequest({}, 'GET  / HTTP/1.1'),
      ended
    ],
    ['an empty line before', `\r\n${upgradeRequest()}`, ended],
    ['line feeds only', upgradeRequest().replaceAll('\r\n', '\n'), ended],
    ['one line feed only', upgradeRequest().replace('\r\n', '\n'), ended],
    ['a folded header', upgradeRequest({ 'X-A': 'b\r\n c' }), ended],
    ['a blank before a colon', upgradeRequest({ 'X-A ': 'b' }), ended],
    ['an empty name', upgradeRequest({ '': 'b' }), ended],
    ['an odd name', upgradeRequest({ "!#$%&'*+-.^_`|~": 'b' }), ended],
    ['a header beyond ASCII', upgradeRequest({ 'X-A': '\xe4' }), ended],
    ['a control character', upgradeRequest({ 'X-A': 'a\x01' }), ended],
    ['a zero byte', upgradeRequest({ 'X-A': 'a\0' }), ended],
    ['a tab and blanks', upgradeRequest({ 'X-A': ' \t a \t b \t ' }), ended],
    ['an empty header', upgradeRequest({ 'X-A': '' }), ended],
    ['a length of nothing', upgradeRequest({ 'Content-Length': 0 }), ended],
    ['a body', `${upgradeRequest({ 'Content-Length': 2 })}ab`, ended],
    [
      'no body in chunks',
      `${upgradeRequest({ 'Transfer-Encoding': 'chunked' })}0\r\n\r\n`,
      ended
    ],
    [
      'an upgrade with an expectation',
      upgradeRequest({ Expect: '100-continue' }),
      ended
    ],
    [
      'keep-alive and an upgrade',
      upgradeRequest({ Connection: 'keep-alive, Upgrade' }),
      ended
    ],
    [
      'an upgrade and an end',
      upgradeRequest({ Connection: 'Upgrade, close' }),
      ended
    ],
    [
      'an upgrade among others',
      upgradeRequest({ Connection: 'HTTP2-Settings,  uPGRADE' }),
      ended
    ],
    [
      'an upgrade in two headers',
      upgradeRequest({ Connection: ['keep-alive', 'Upgrade'] }),
      ended
    ],
    [
      'a connection header among tabs',
      upgradeRequest({ Connection: '\tUpgrade\t' }),
      ended
    ],
    ['no connection header', upgradeRequest({ Connection: [] }), ended],
    [
      'another connection header',
      upgradeRequest({ Connection: 'keep-alive' }),
      ended
    ],
    [
      'two upgrades',
      upgradeRequest({ Upgrade: ['websocket', 'websocket'] }),
      ended
    ],
    ['no upgrade header', upgradeRequest({ Upgrade: [] }), ended],
    ['as many headers as one reads', upgradeRequest(many(59, 'x')), ended],
    ['more headers than one reads', upgradeRequest(many(60, 'x')), ended],
    ['many headers', upgradeRequest(many(990, 'x')), ended],
    ['more headers than are kept', upgradeRequest(many(1100, 'x')), ended],
    ['a long header', upgradeRequest({ 'X-A': 'x'.repeat(15e3) }), ended],
    [
      'headers that are too long',
      upgradeRequest({ 'X-A': 'x'.repeat(17e3) }),
      ended
    ],
    [
      'a target that is too long',
      upgradeRequest({}, `GET /${'x'.repeat(17e3)} HTTP/1.1`),
      ended
    ],
    ['nothing', '', ended],
    ['the half of a request', upgradeRequest().slice(0, 60), ended],
    ['a request and an end', upgradeRequest(), ended]
  ]) {
    parity(title, async (WebSocket, notebook) => {
      const { port, wss } = await listen(WebSocket, notebook);

      endAll(notebook, wss);
      return ask(port, text, how);
    });
  }

  for (let end = 16350; end < 16420; end += 7) {
    parity(`headers of ${end} bytes`, async (WebSocket, notebook) => {
      const { port, wss } = await listen(WebSocket, notebook);
      const { length } = upgradeRequest({ 'X-A': '' });

      endAll(notebook, wss);
      return ask(port, upgradeRequest({ 'X-A': 'x'.repeat(end - length) }), {
        end: true
      });
    });
  }

  for (const step of [1, 50]) {
    parity(`a request by ${step} bytes`, async (WebSocket, notebook) => {
      const { port, wss } = await listen(WebSocket, notebook);
      const socket = await dial(port);
      const text = upgradeRequest();

      endAll(notebook, wss);
      socket.setNoDelay();
      for (let at = 0; at < text.length; at += step) {
        socket.write(text.slice(at, at + step));
        await new Promise(setImmediate);
      }
      return everything(socket);
    });
  }

  parity('a request that takes its time', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const sockets = await Promise.all([dial(port), dial(port)]);
    const answers = sockets.map(everything);
    const text = upgradeRequest();

    endAll(notebook, wss);
    sockets[0].write(text.slice(0, 70));
    // Longer than the engine waits for anybody.
    await new Promise((resolve) => {
      setTimeout(resolve, 1500);
    });
    sockets[0].write(text.slice(70));
    await once(wss, 'connection');
    sockets[1].write(text);
    return Promise.all(answers);
  });

  parity('frames behind the request', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const frame = '\x81\x82\0\0\0\0hi';

    wss.on('connection', (ws) => {
      ws.on('message', (data, isBinary) => {
        notebook.note('message', data, isBinary);
        if (`${data}` === 'hi' && ++ws.count === 9001) ws.terminate();
      });
      ws.count = 0;
      notebook.note('connection');
    });
    return ask(port, upgradeRequest() + frame.repeat(9001));
  });
});

/**
 * @param {any} value What a property holds
 * @return {any} What of it is the same in all runs
 */
function kindOf(value) {
  if (typeof value === 'function') return 'function';
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value;
  return Object.prototype.toString.call(value);
}

describe('The request', () => {
  parity('is that of Node', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);

    wss.on('connection', (ws, request) => {
      notebook.note(
        Object.keys(request).map((name) => [
          name,
          name[0] === '_' || kindOf(request[name])
        ])
      );
      notebook.note(Reflect.ownKeys(request).map(String));
      notebook.note(
        Object.getPrototypeOf(request) === http.IncomingMessage.prototype
      );
      // As frameworks have it.
      notebook.note(Object.create(request).socket === request.socket);
      notebook.note(request instanceof http.IncomingMessage);
      notebook.note(request.constructor === http.IncomingMessage);
      notebook.note(request.headers, request.headersDistinct);
      notebook.note(request.trailers, request.complete, request.readable);
      notebook.note(request.readableEnded, request.destroyed, request.aborted);
      notebook.note(request.readableFlowing, request.readableLength);
      notebook.note(request.socket === ws._socket);
      notebook.note(request.connection === ws._socket);
      notebook.note(request.client === ws._socket);
      notebook.note(Object.keys({ ...request }).length);
      request.on('end', () => {
        notebook.note('end');
        ws.terminate();
      });
      request.resume();
    });
    return ask(
      port,
      upgradeRequest(
        {
          Cookie: ['a', 'b'],
          'Set-Cookie': ['c', 'd'],
          'X-A': ['e', 'f'],
          Age: [1, 2]
        },
        'GET /p?q HTTP/1.1'
      )
    );
  });

  parity('may be destroyed', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);

    wss.on('connection', (ws, request) => {
      ws.on('close', (code) => notebook.note('close', code));
      request.on('close', () => {
        notebook.note('request closed', ws._socket.destroyed, ws.readyState);
        ws.terminate();
      });
      request.destroy();
    });
    return ask(port, upgradeRequest());
  });

  parity('may be given another socket', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const other = new net.Socket();

    wss.on('connection', (ws, request) => {
      request.socket = other;
      notebook.note(request.socket === other, request.connection === other);
      notebook.note(ws._socket === other);
      ws.terminate();
    });
    return ask(port, upgradeRequest());
  });

  parity('with an unusual key or version', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';

    endAll(notebook, wss);
    for (const headers of [
      { 'Sec-WebSocket-Key': [key, key] },
      { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZ' },
      { 'Sec-WebSocket-Key': `${key}=` },
      { 'Sec-WebSocket-Version': ['13', '13'] },
      { 'Sec-WebSocket-Version': '13.0' },
      { 'Sec-WebSocket-Version': '0x8' },
      { 'Sec-WebSocket-Version': '8' },
      { 'Sec-WebSocket-Version': '7' }
    ]) {
      const socket = await dial(port);

      socket.end(upgradeRequest(headers));
      notebook.note(await everything(socket));
    }
  });

  parity('of servers with different limits', async (WebSocket, notebook) => {
    const servers = [
      await listen(WebSocket, notebook, { maxPayload: 5 }),
      await listen(WebSocket, notebook, { maxPayload: 50 })
    ];

    for (const { wss } of servers) {
      wss.on('connection', (ws) => {
        ws.on('error', (error) => notebook.note(error.code));
        ws.on('message', (data) => {
          notebook.note(data.length);
          ws.close();
        });
      });
    }
    for (let round = 0; round < 3; round++) {
      for (const { wss } of servers) {
        const client = new WebSocket(`ws://127.0.0.1:${wss.address().port}`);

        client.on('open', () => client.send(Buffer.alloc(10)));
        notebook.note((await once(client, 'close'))[0]);
      }
    }
  });
});

/**
 * @param {any} notebook What is noted
 * @param {any} socket One of a server's
 */
function describeSocket(notebook, socket) {
  const { port: local, ...address } = socket.address();

  notebook.seePort(socket.remotePort);
  notebook.note(
    socket instanceof net.Socket,
    socket.constructor === net.Socket
  );
  notebook.note(socket.remoteAddress, socket.remotePort, socket.remoteFamily);
  notebook.note(socket.localAddress, socket.localPort === local, address);
  notebook.note(socket.readyState, socket.connecting, socket.pending);
  notebook.note(socket.readable, socket.writable, socket.destroyed);
  notebook.note(socket.allowHalfOpen, socket.timeout, socket.encrypted);
  notebook.note(socket.isPaused(), socket.readableFlowing);
  notebook.note(socket.bytesRead, socket.bytesWritten, socket.writableLength);
  notebook.note(socket.server.listening, socket._server === socket.server);
  notebook.note(socket._handle.constructor.name, socket._handle.fd > 2);
  notebook.note(socket.parser, socket._paused, socket._httpMessage);
  // Nobody reads a socket that the engine reads.
  notebook.note(
    socket
      .eventNames()
      .filter((name) => name !== 'data')
      .sort()
  );
}

describe('The socket', () => {
  for (const place of [
    'shouldHandle',
    'verifyClient',
    'handleProtocols',
    'headers',
    'connection',
    'message',
    'later',
    'close'
  ]) {
    parity(`is there in ${place}`, async (WebSocket, notebook) => {
      const seen = new Set();
      const look = (name, request, ws) => {
        notebook.note(name);
        if (name !== place) return;

        const { socket } = request;

        if (name === 'close') {
          notebook.note(socket === ws._socket, socket.destroyed);
          notebook.note(socket.remoteAddress, socket.readyState);
          return;
        }

        describeSocket(notebook, socket);
        socket.on('close', (hadError) => notebook.note('socket', hadError));
        seen.add(socket);
      };
      const { port, wss } = await listen(WebSocket, notebook, {
        handleProtocols(protocols, request) {
          look('handleProtocols', request);
          return 'a';
        },
        verifyClient({ req, secure }) {
          look('verifyClient', req);
          return !secure;
        }
      });

      if (place === 'shouldHandle') {
        wss.shouldHandle = (request) => {
          look('shouldHandle', request);
          return true;
        };
      }
      wss.on('headers', (_headers, request) => look('headers', request));
      wss.on('connection', (ws, request) => {
        look('connection', request, ws);
        ws.on('close', (code) => {
          notebook.note('close', code);
          look('close', request, ws);
        });
        ws.on('message', (data) => {
          look('message', request, ws);
          ws.send(data, () => {
            setImmediate(() => {
              look('later', request, ws);
              if (seen.size > 0) notebook.note(seen.has(ws._socket));
              notebook.note(request.socket === ws._socket);
              ws.terminate();
            });
          });
        });
      });
      return ask(
        port,
        `${upgradeRequest({ 'Sec-WebSocket-Protocol': 'a' })}\x81\x82\0\0\0\0hi`
      );
    });
  }

  parity('is there after a reset', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const client = await dial(port);

    client.write(upgradeRequest());

    const [ws, request] = await once(wss, 'connection');

    if (!client.bytesRead) await once(client, 'data');
    ws.on('error', () => notebook.note('error'));
    client.resetAndDestroy();

    const [code] = await once(ws, 'close');

    notebook.note(code, ws.readyState, ws._socket === request.socket);
    notebook.note(ws._socket.destroyed, ws._socket.remoteAddress);
    notebook.note(wss.clients.size, ws._socket.readyState);
    ws.terminate();
    ws.close();
  });

  for (const [title, act] of [
    ['write', (socket) => socket.write('\x81\x01a', 'latin1')],
    ['end', (socket) => socket.end()],
    ['destroy', (socket) => socket.destroy()],
    ['an error', (socket) => socket.destroy(new Error('broken'))],
    ['setTimeout', (socket) => socket.setTimeout(1, () => socket.destroy())],
    ['a listener', (socket) => socket.on('data', () => {})],
    ['setEncoding', (socket) => socket.setEncoding('utf8')],
    ['unref', (socket) => socket.unref()],
    ['setKeepAlive', (socket) => socket.setKeepAlive(true, 1000)],
    ['pause', (socket) => socket.pause()]
  ]) {
    parity(`takes ${title}`, async (WebSocket, notebook) => {
      const { port, wss } = await listen(WebSocket, notebook);

      wss.on('connection', (ws, { socket }) => {
        ws.on('close', (code) => notebook.note('close', code));
        ws.on('error', (error) => notebook.note('error', error));
        ws.on('message', (data) => {
          notebook.note('message', data);
          ws.close();
        });
        notebook.attempt(title, () => void act(socket));
        if (title === 'pause') setImmediate(() => socket.resume());
      });
      return ask(port, `${upgradeRequest()}\x81\x82\0\0\0\0hi`, {
        end: true
      });
    });
  }
});

it('A socket that nobody looks at is never made', async (t) => {
  const { Socket } = net;
  let made = 0;

  // The module's own; what connects here is made inside of Node.
  net.Socket = new Proxy(Socket, {
    construct(target, args) {
      made++;
      return Reflect.construct(target, args);
    }
  });
  t.after(() => {
    net.Socket = Socket;
  });

  const wss = new subject.Server({
    host: '127.0.0.1',
    perMessageDeflate: true,
    port: 0,
    verifyClient: ({ req, secure }) => !secure && req.url === '/'
  });

  t.after(() => wss.close());
  await once(wss, 'listening');

  const client = await dial(wss.address().port);

  client.write(
    `${upgradeRequest()}\x81\x82\0\0\0\0hi\x89\x80\0\0\0\0`,
    'latin1'
  );

  const [ws, request] = await once(wss, 'connection');

  assert.strictEqual(request.method, 'GET');
  assert.strictEqual(String(await once(ws, 'message')), 'hi,false');
  ws.send('text');
  ws.ping();
  await new Promise((resolve) => {
    ws.send(Buffer.from('bytes'), resolve);
  });
  assert.strictEqual(ws.bufferedAmount, 0);
  assert.strictEqual(ws.extensions, '');

  const closed = once(ws, 'close');

  client.resetAndDestroy();
  await closed;
  ws.send('too late', () => {});
  assert.strictEqual(ws.bufferedAmount, 8);
  assert.strictEqual(made, 0);
});

describe('Whoever is in between', () => {
  const describeCall = (notebook, name, args) => {
    notebook.note(
      name,
      args.map((value) =>
        value instanceof net.Socket || value instanceof http.IncomingMessage
          ? value.constructor.name
          : Buffer.isBuffer(value) || value instanceof Set
            ? value
            : typeof value
      )
    );
  };

  for (const method of ['handleUpgrade', 'completeUpgrade', 'shouldHandle']) {
    parity(`overrides ${method}`, async (WebSocket, notebook) => {
      class Mine extends WebSocket.Server {
        [method](...args) {
          describeCall(notebook, 'class', args);
          return super[method](...args);
        }
      }

      const { port, wss } = await listen(WebSocket, notebook, { Server: Mine });
      const { [method]: before } = wss;

      endAll(notebook, wss);
      notebook.note(await ask(port, upgradeRequest()));
      wss[method] = function patched(...args) {
        describeCall(notebook, 'object', args);
        return before.apply(this, args);
      };
      return ask(port, upgradeRequest());
    });

    parity(`patches ${method}`, async (WebSocket, notebook) => {
      const { prototype } = WebSocket.Server;
      const { [method]: before } = prototype;
      const { port, wss } = await listen(WebSocket, notebook);

      notebook.defer(() => {
        prototype[method] = before;
      });
      prototype[method] = function patched(...args) {
        describeCall(notebook, 'prototype', args);
        return before.apply(this, args);
      };
      endAll(notebook, wss);
      return ask(port, upgradeRequest());
    });
  }

  for (const method of ['setSocket', 'emit', 'terminate']) {
    parity(`extends the class by ${method}`, async (WebSocket, notebook) => {
      class Mine extends WebSocket {
        [method](...args) {
          describeCall(notebook, method, args);
          return super[method](...args);
        }
      }

      const { port, wss } = await listen(WebSocket, notebook, {
        WebSocket: Mine
      });

      endAll(notebook, wss);
      wss.on('connection', (ws) => notebook.note(ws instanceof Mine));
      return ask(port, upgradeRequest());
    });
  }

  parity('wraps emit of the server', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);

    wss.emit = function patched(...args) {
      describeCall(notebook, `emit ${args[0]}`, args);
      return WebSocket.Server.prototype.emit.apply(this, args);
    };
    endAll(notebook, wss);
    return ask(port, upgradeRequest());
  });

  for (const event of ['connection', 'request', 'upgrade', 'clientError']) {
    parity(`listens to ${event} of _server`, async (WebSocket, notebook) => {
      const { port, wss } = await listen(WebSocket, notebook);

      endAll(notebook, wss);
      notebook.note(await ask(port, upgradeRequest()));
      wss._server.on(event, (...args) => {
        describeCall(notebook, event, args);
        if (event === 'clientError') args[1].end('broken');
      });
      notebook.note(Object.keys(wss));
      notebook.note(await ask(port, upgradeRequest()));
      notebook.note(await ask(port, get()));
      return ask(port, 'rubbish\r\n\r\n');
    });
  }

  parity('looks at the server of a socket', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);

    endAll(notebook, wss);
    wss.once('connection', (_ws, { socket: { server } }) => {
      server.prependListener('connection', (socket) => {
        notebook.note('connected', socket instanceof net.Socket);
      });
    });
    await ask(port, upgradeRequest());
    return ask(port, upgradeRequest());
  });
});

describe('The HTTP server', () => {
  parity('counts its connections', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const count = () =>
      new Promise((resolve) => {
        wss._server.getConnections((...args) => {
          notebook.note(...args);
          resolve(undefined);
        });
      });
    const client = await dial(port);

    client.write(upgradeRequest());

    const [ws] = await once(wss, 'connection');

    await count();
    client.destroy();
    await once(ws, 'close');
    await count();
  });

  parity('has a most of connections', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const client = await dial(port);

    client.write(upgradeRequest());
    await once(wss, 'connection');
    wss._server.maxConnections = 1;
    wss._server.on('drop', () => notebook.note('drop'));
    notebook.note(await everything(await dial(port)));
    client.destroy();
  });

  parity('is closed by somebody else', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);

    wss._server.close(() => notebook.note('closed', wss._state));
    notebook.note(wss._server.listening, wss.address());
    await once(wss._server, 'close');
    await gone(
      net
        .connect(port, '127.0.0.1')
        .on('error', ({ code }) => notebook.note(code))
    );
    wss.close((error) => notebook.note('wss closed', error));
    await once(wss, 'close');
  });

  parity('goes on after unref and ref', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);

    endAll(notebook, wss);
    notebook.note(wss._server.unref() === wss._server);
    wss._server.ref();
    return ask(port, upgradeRequest());
  });

  parity('may be asked for at once', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 });

    notebook.note(wss._server.listening, wss._server.eventNames().sort());
    await once(wss, 'listening');
    endAll(notebook, wss);
    notebook.note(await ask(wss.address().port, upgradeRequest()));
    wss.close();
    await once(wss, 'close');
  });

  parity(
    'is asked for by whom it is deciding about',
    async (WebSocket, notebook) => {
      const { port, wss } = await listen(WebSocket, notebook, {
        verifyClient() {
          wss._server.getConnections((error, count) =>
            notebook.note(error, count)
          );
          return true;
        }
      });

      endAll(notebook, wss);
      return ask(port, upgradeRequest());
    }
  );
});

describe('verifyClient', () => {
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

describe('The end', () => {
  parity('comes in the middle of a decision', async (WebSocket, notebook) => {
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

  parity('comes in the middle of requests', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const clients = await Promise.all([dial(port), dial(port), dial(port)]);
    const answers = clients.map(everything);
    const last = await dial(port);

    clients[1].write(upgradeRequest().slice(0, 50));
    last.write(upgradeRequest());
    // Who came before has been accepted by now.
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

describe('Where it listens', () => {
  const showError = ({ message, code, syscall, address, errno }) =>
    [message, code, syscall, address, errno].join();

  for (const host of [
    undefined,
    'localhost',
    '127.0.0.1',
    '::1',
    '0.0.0.0',
    '::'
  ]) {
    parity(`${host}`, async (WebSocket, notebook) => {
      const wss = new WebSocket.Server({ host, port: 0 });

      await once(wss, 'listening');

      const { port, ...address } = wss.address();

      notebook.note(address, typeof port);

      const target = address.family === 'IPv6' ? '::1' : '127.0.0.1';
      const client = net.connect(port, target);

      endAll(notebook, wss);
      client.on('error', () => {});
      client.write(upgradeRequest());
      notebook.note(await everything(client));
      wss.close();
      await once(wss, 'close');
    });
  }

  parity('nowhere, the port being taken', async (WebSocket, notebook) => {
    const { port } = await listen(WebSocket, notebook);
    const wss = new WebSocket.Server({ host: '127.0.0.1', port });
    const [error] = await once(wss, 'error').catch((reason) => [reason]);

    notebook.note(showError(error), wss.address(), wss._server.listening);
    wss.close((...args) => notebook.note('closed', ...args));
    await once(wss, 'close');
  });

  parity('nowhere, the name being unknown', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ host: '256.0.0.1', port: 0 });
    const [error] = await once(wss, 'error').catch((reason) => [reason]);

    notebook.note(showError(error), error.hostname);
    wss.close();
  });

  for (const port of [-1, 65536, 'a b', 1.5, '0', NaN]) {
    parity(`at port ${port}`, async (WebSocket, notebook) => {
      const wss = notebook.attempt('port', () => {
        const made = new WebSocket.Server({ host: '127.0.0.1', port });

        notebook.defer(() => made.close());
        return typeof made;
      });

      notebook.note(wss);
    });
  }

  parity('closed before it does', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 }, () =>
      notebook.note('called')
    );

    wss.on('listening', () => notebook.note('listening'));
    wss.close((...args) => notebook.note('closed', ...args));
    await once(wss, 'close');
  });

  parity('closed as soon as it does', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 }, () => {
      notebook.note('called', typeof wss.address().port);
      wss.close((...args) => notebook.note('closed', ...args));
    });

    wss.on('listening', () => notebook.note('listening'));
    await once(wss, 'close');
  });
});
