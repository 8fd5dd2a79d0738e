'use strict';

const assert = require('node:assert');
const { describe, it } = require('node:test');

const { ours, parity } = require('../support/scenario.js');
const { texts } = require('../support/random-text.js');

const { extension } = ours;

/** Valid and invalid values of the header. */
const HEADERS = [
  '',
  ' ',
  'a',
  ' a',
  'a ',
  'a\t',
  'a b',
  'a,',
  'a,,b',
  'a , b',
  'a,\tb',
  'a;',
  'a;b',
  'a ; b ; c',
  'a; b ',
  'a; b c',
  'a;=1',
  'a=1',
  'a;b=',
  'a;b =1',
  'a;b= 1',
  'a;b=1',
  'a;b=1 ',
  'a;b=1 2',
  'a;b=1;',
  'a;b=1,',
  'a;b=1;b;b=2',
  'a,a;x',
  'a;b="1"',
  'a;b="1" , c',
  'a;b="1" ',
  'a;b="1"x',
  'a;b="1"=',
  'a;b=1"',
  'a;b"',
  'a;b="',
  'a;b=""',
  'a;b="x',
  'a;b="x y"',
  'a;b="x\\y"',
  'a;b="\\x"',
  'a;b="x\\',
  'a;b="\\"',
  'a;b="\\,"',
  'a;b=\\1',
  'a;b="é"',
  'é',
  '__proto__;__proto__=1',
  'permessage-deflate; client_max_window_bits; server_max_window_bits=10'
];

describe('extension.parse', () => {
  it('collects the parameters of each offer in lists', () => {
    const offers = extension.parse('foo; bar; bar="b\\az"; qux=1, foo, x; y');

    assert.deepStrictEqual(JSON.parse(JSON.stringify(offers)), {
      foo: [{ bar: [true, 'baz'], qux: ['1'] }, {}],
      x: [{ y: [true] }]
    });
    assert.strictEqual(Object.getPrototypeOf(offers), null);
    assert.strictEqual(Object.getPrototypeOf(offers.foo[0]), null);
  });

  it('gives the index of the character that is wrong', () => {
    assert.throws(() => extension.parse('foo; bar=ba z'), {
      name: 'SyntaxError',
      message: 'Unexpected character at index 12'
    });
  });

  it('tells that the text ends too early', () => {
    assert.throws(() => extension.parse('foo; bar="baz'), {
      name: 'SyntaxError',
      message: 'Unexpected end of input'
    });
  });

  parity('does as ws does', (WebSocket, notebook) => {
    for (const header of HEADERS) {
      notebook.attempt(JSON.stringify(header), () =>
        WebSocket.extension.parse(header)
      );
    }
  });

  parity('does as ws does with any text', (WebSocket, notebook) => {
    for (const text of texts('aab,,;;=="\\ \té(', 4000)) {
      notebook.attempt(text, () => WebSocket.extension.parse(text));
      notebook.attempt(text, () => WebSocket.extension.parse(`a;b=${text}`));
    }
  });
});

describe('extension.format', () => {
  parity('does as ws does', (WebSocket, notebook) => {
    for (const extensions of [
      {},
      { a: [] },
      { a: {} },
      { a: [{}] },
      { a: [{}, { b: true }] },
      { a: { b: [true, 'x', 5], c: 'd' }, e: { f: false } },
      { a: { b: 'x y' } },
      { a: { b: [] } },
      null,
      undefined
    ]) {
      notebook.attempt('format', () => WebSocket.extension.format(extensions));
    }
  });
});
