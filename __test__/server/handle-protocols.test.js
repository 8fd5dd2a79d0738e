'use strict';

// The option handleProtocols.

const { describe } = require('node:test');

const { answers } = require('../support/answers.js');
const { upgradeRequest } = require('../support/handshake.js');

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
    'is not called without protocols',
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
