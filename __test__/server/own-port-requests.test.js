'use strict';

// The requests that a server with its own port gets. The engine parses them; Node.js
// gets those that are no plain upgrade.

const { once } = require('node:events');
const { describe } = require('node:test');

const { ask, upgradeRequest } = require('../support/handshake.js');
const {
  dial,
  endAll,
  everything,
  get,
  listen,
  plain
} = require('../support/own-port.js');
const { parity } = require('../support/scenario.js');

const many = (count, line) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`X-${n}`, line]));

describe('Requests', () => {
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

  parity('a slow request', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const sockets = await Promise.all([dial(port), dial(port)]);
    const answers = sockets.map(everything);
    const text = upgradeRequest();

    endAll(notebook, wss);
    sockets[0].write(text.slice(0, 70));
    // Longer than the engine waits before it hands a slow client to Node.js.
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
