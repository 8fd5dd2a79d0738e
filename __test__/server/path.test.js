'use strict';

// The option path, and shouldHandle().

const { describe } = require('node:test');

const { answers } = require('../support/answers.js');
const { upgradeRequest } = require('../support/handshake.js');

describe('A server', () => {
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
});
