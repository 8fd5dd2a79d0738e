'use strict';

const assert = require('node:assert');
const { describe, it } = require('node:test');

const { ours, parity } = require('../support/scenario.js');
const { texts } = require('../support/random-text.js');

const { subprotocol } = ours;

describe('subprotocol.parse', () => {
  it('gives a Set in the order of the header', () => {
    assert.deepStrictEqual(
      [...subprotocol.parse('foo , bar,\tbaz')],
      ['foo', 'bar', 'baz']
    );
  });

  it('refuses a subprotocol that is there twice', () => {
    assert.throws(() => subprotocol.parse('foo,bar,foo'), {
      name: 'SyntaxError',
      message: 'The "foo" subprotocol is duplicated'
    });
  });

  parity('does as ws does', (WebSocket, notebook) => {
    for (const header of [
      '',
      ' ',
      ' a',
      'a ',
      'a b',
      'a,',
      ',a',
      'a,,b',
      'a, a',
      'a;b',
      'a"',
      'é'
    ]) {
      notebook.attempt(JSON.stringify(header), () =>
        WebSocket.subprotocol.parse(header)
      );
    }
  });

  parity('allows the characters that ws allows', (WebSocket, notebook) => {
    for (let code = 0; code < 256; code++) {
      notebook.attempt(code, () =>
        WebSocket.subprotocol.parse(String.fromCharCode(code))
      );
    }
  });

  parity('does as ws does with any text', (WebSocket, notebook) => {
    for (const text of texts('aabbcd,,, \t;', 4000)) {
      notebook.attempt(text, () => WebSocket.subprotocol.parse(text));
    }
  });
});
