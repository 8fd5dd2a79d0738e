'use strict';

// The server's answer to an upgrade request.

const { describe } = require('node:test');

const { answers } = require('../support/answers.js');
const { KEY, upgradeRequest } = require('../support/handshake.js');

/**
 * @param {object} headers Headers to change
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
  // Which of several errors is reported:
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

describe('A server', () => {
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
});
