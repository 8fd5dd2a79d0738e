'use strict';

/** Data and arguments that nobody should pass, and somebody does. */

const vm = require('node:vm');

const { scenario } = require('./harness.js');

const TCP_AND_DUPLEX = { transports: ['tcp', 'duplex'] };

/** Each makes a value to be sent, anew for each of the sends. */
const VALUES = {
  false: () => false,
  NaN: () => NaN,
  'minus zero': () => -0,
  'an array': () => [1, 2, 300],
  'an empty array': () => [],
  'zero as a bigint': () => 0n,
  'a symbol': () => Symbol('x'),
  'a date': () => new Date(0),
  'a boxed string': () => new String('boxed'),
  'a boxed number': () => new Number(5),
  'something like an array': () => ({ length: 2, 0: 65, 1: 66 }),
  'shared memory': () => new SharedArrayBuffer(4),
  'a view of shared memory': () => new Uint8Array(new SharedArrayBuffer(4), 1),
  'much shared memory': () => Buffer.from(new SharedArrayBuffer(70_000)),
  'shared memory that has grown': () => grown(4, 8),
  'a detached ArrayBuffer': () => detach(new ArrayBuffer(8)),
  'a detached view': () => detach(new Uint8Array(8)),
  'a resizable ArrayBuffer': () => new ArrayBuffer(8, { maxByteLength: 16 }),
  'a view that has grown': () => resized(0, undefined, 12),
  'a view that is out of bounds': () => resized(4, 4, 2),
  'an odd view': () => new Uint16Array(new ArrayBuffer(7), 2, 2),
  'half of a pair': () => 'a\ud800b\udc00',
  'a long text of halves': () => '\ud83d'.repeat(500),
  'a text cut within a pair': () => `x${'\u{1f600}'.repeat(99)}`.slice(0, 150),
  'an ArrayBuffer of another realm': () =>
    vm.runInNewContext('new ArrayBuffer(3)'),
  'a view of another realm': () =>
    vm.runInNewContext('new Uint8Array([1, 2, 3])'),
  'a Buffer as JSON': () => ({ type: 'Buffer', data: [1, 2] }),
  'an object with valueOf': () => ({ valueOf: () => 'value' })
};

/**
 * @param {ArrayBuffer|Uint8Array} data Memory
 * @return {ArrayBuffer|Uint8Array} The same, given away
 */
function detach(data) {
  const memory = data instanceof ArrayBuffer ? data : data.buffer;

  structuredClone(memory, { transfer: [memory] });
  return data;
}

/**
 * @param {number} offset Where the view begins
 * @param {number|undefined} length Its length, if it is fixed
 * @param {number} size The size of the memory in the end
 * @return {Uint8Array} A view of memory that has changed its size
 */
function resized(offset, length, size) {
  const memory = /** @type {any} */ (
    new ArrayBuffer(8, /** @type {any} */ ({ maxByteLength: 16 }))
  );
  const view = new Uint8Array(memory, offset, length);

  memory.resize(size);
  return view;
}

/**
 * @param {number} before
 * @param {number} after
 * @return {Uint8Array} A view of shared memory that has had fewer bytes
 */
function grown(before, after) {
  const memory = new /** @type {any} */ (SharedArrayBuffer)(before, {
    maxByteLength: after
  });
  const view = new Uint8Array(memory);

  memory.grow(after);
  return view;
}

/**
 * @param {any} play The play
 * @param {string} name Put before what is noted
 * @param {() => any} call What may throw
 */
function attempt(play, name, call) {
  try {
    play.note(name, String(call()));
  } catch (err) {
    play.note(name, err);
  }
}

for (const [name, make] of Object.entries(VALUES)) {
  scenario(`send, ping and pong of ${name}`, TCP_AND_DUPLEX, async (play) => {
    const { ws, peer } = await play.open();

    attempt(play, 'send', () => ws.send(make()));
    attempt(play, 'as text', () => ws.send(make(), { binary: false }));
    attempt(play, 'ping', () => ws.ping(make()));
    attempt(play, 'pong', () => ws.pong(make()));
    ws.close(1000);
    await play.finish(ws, peer);
    attempt(play, 'too late', () => ws.send(make()));
    play.note('buffered', ws.bufferedAmount);
  });
}

const CLOSE_ARGUMENTS = [
  [undefined, 'reason'],
  [null],
  [0],
  [1000.5],
  [NaN],
  [1000n],
  [Object(1000)],
  [2999],
  [5000],
  [1015],
  [1014],
  [1000, null],
  [1000, 0],
  [1000, true],
  [1000, []],
  [1000, ['a']],
  [1000, { length: 0 }],
  [1000, { length: 2 }],
  [1000, new ArrayBuffer(3)],
  [1000, new Uint16Array([65, 66])],
  [1000, new Uint8Array([65, 66])],
  [1000, new DataView(new ArrayBuffer(2))],
  [1000, 'a\ud800'],
  [1000, new String('boxed')],
  [3000, '\u00e9'.repeat(61)],
  [3000, '\u00e9'.repeat(62)],
  [1000, Buffer.alloc(123)],
  [1000, Buffer.alloc(124)]
];

scenario('arguments of close()', { transports: ['tcp'] }, async (play) => {
  for (const args of CLOSE_ARGUMENTS) {
    const { ws, peer } = await play.open();

    attempt(play, 'close', () => ws.close(...args));
    play.note('state', ws.readyState, ws._closeTimer === null);
    ws.close(1000);
    await play.finish(ws, peer);
    attempt(play, 'closed', () => ws.close(...args));
  }
});

scenario('falsy callbacks are none', {}, async (play) => {
  const { ws, peer } = await play.open();

  for (const callback of [null, false, 0, '']) {
    ws.send('text', {}, callback);
    ws.send(Buffer.from('binary'), undefined, callback);
    ws.ping('ping', !ws._isServer, callback);
    ws.pong('pong', !ws._isServer, callback);
    ws.send(new Blob(['blob']), {}, callback);
  }
  // Behind the last Blob.
  await new Promise((resolve) => {
    ws.send('end', resolve);
  });
  ws.close();
  await play.finish(ws, peer);
  ws.send('late', {}, null);
  ws.ping('late', true, null);
});
