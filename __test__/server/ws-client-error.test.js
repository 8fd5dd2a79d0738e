'use strict';

// The event 'wsClientError'.

const { describe } = require('node:test');

const { answers } = require('../support/answers.js');
const { upgradeRequest } = require('../support/handshake.js');

describe('A server', () => {
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
});
