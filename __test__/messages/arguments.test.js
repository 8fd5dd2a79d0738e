'use strict';

// Arguments of every type, in every state, for the methods and attributes of a WebSocket.

const { Duplex } = require('node:stream');
const vm = require('node:vm');

const { random } = require('../support/random.js');
const { parity, scenario } = require('../support/scenario.js');
const { turn } = require('../support/wait.js');

const CASES = 300;

const CALLS = 12;

const METHODS = ['send', 'send', 'send', 'send', 'ping', 'ping', 'pong'];

const SETTERS = ['binaryType', 'onmessage', 'onclose'];

/** Placeholder for a callback, which is created for each call. */
const CALLBACK = Symbol('callback');

const VALUES = [
  ...[undefined, null, true, false, 0, 1, -0, NaN, 1.5, 10n],
  ...['', 'a', '€', 'x'.repeat(126), 'blob', 'fragments', new String('str')],
  ...[[], [1, 2], ['x'], { length: 2 }, { valueOf: () => 'v' }, new Map()],
  ...[{}, Object.create(null), new Date(0), /x/, new Error('e'), Symbol('s')],
  ...[Buffer.from('bb'), Buffer.alloc(126), new Uint16Array([258])],
  ...[new ArrayBuffer(3), new SharedArrayBuffer(2), new Blob(['bl'])],
  ...[new Uint8Array([1, 2, 3]).subarray(1), new DataView(new ArrayBuffer(2))],
  ...[{ binary: true }, { binary: false }, { fin: false }, { mask: true }],
  ...[{ mask: false, compress: true }, () => {}, { binary: undefined }],
  ...[Object.create({ binary: true, fin: false })],
  // Options that show only through their descriptors, or that a copy does not have.
  new Proxy(
    {},
    {
      ownKeys: () => ['binary'],
      getOwnPropertyDescriptor: () => ({
        configurable: true,
        enumerable: true,
        value: false
      }),
      get: (target, name) => (name === 'binary' ? false : undefined)
    }
  ),
  Object.defineProperty({}, 'binary', { value: true })
];

/** One WebSocket; a seed decides which methods are called. */
class Trial {
  /**
   * @param {any} WebSocket The class
   * @param {any} book The notebook
   * @param {number} seed Decides everything
   */
  constructor(WebSocket, book, seed) {
    this.book = book;
    this.next = random(seed);
    this.calls = 0;
    this.written = [];
    this.stream = new Duplex({
      read() {},
      write: (chunk, encoding, callback) => {
        this.written.push(chunk);
        callback();
      }
    });

    const ws = new WebSocket(null, undefined, { closeTimeout: 60_000 });

    this.ws = ws;
    ws._isServer = seed % 2 === 0;
    ws.on('error', (error) => book.note('error', error));
    ws.on('close', (code, reason) => book.note('close', code, String(reason)));
    ws.setSocket(this.stream, Buffer.alloc(0), {
      generateMask: (mask) => mask.fill(0)
    });
  }

  /** @param {any[]} values @return {any} One of them */
  pick(values) {
    return values[Math.floor(this.next() * values.length)];
  }

  /**
   * @param {string} method Its name
   * @param {...any} args Its arguments
   */
  call(method, ...args) {
    const number = this.calls++;
    const passed = args.map((arg) =>
      arg === CALLBACK
        ? (...all) => this.book.note('callback', number, ...all)
        : arg
    );

    try {
      this.book.note(number, method, this.ws[method](...passed));
    } catch (error) {
      this.book.note(number, method, 'throws', error);
    }
    this.book.note(this.ws.readyState, this.ws.bufferedAmount);
  }

  /** Calls one method or sets one attribute. */
  act() {
    if (this.next() < 0.1) {
      const name = this.pick(SETTERS);

      try {
        this.ws[name] = this.pick(VALUES);
        this.book.note(name, typeof this.ws[name], this.ws.binaryType);
      } catch (error) {
        this.book.note(name, error);
      }
      return;
    }
    if (this.next() < 0.05) {
      this.call('close', this.pick(VALUES), this.pick(VALUES));
      return;
    }

    // A last argument that is not a function corks the socket of `ws` forever.
    const places = [VALUES, VALUES, [undefined]].slice(0, this.next() * 4);

    this.call(
      this.pick(METHODS),
      ...places.map((values) =>
        this.next() < 0.3 ? CALLBACK : this.pick(values)
      )
    );
  }

  /** Runs through the whole life of the WebSocket. */
  async run() {
    for (let i = 0; i < CALLS; i++) {
      this.act();
      if (this.next() < 0.3) await turn();
    }
    for (let i = 0; i < 4; i++) await turn();

    this.stream.push(null);
    for (let i = 0; i < 3; i++) await turn();
    this.call('send', 'z', CALLBACK);
    this.call('ping', CALLBACK);
    this.call('close');
    await turn();

    this.stream.destroy();
    for (let i = 0; i < 3; i++) await turn();
    for (const method of ['send', 'pong']) this.call(method, 'a', CALLBACK);
    for (const method of ['pause', 'resume', 'close', 'terminate']) {
      this.call(method);
    }
    await turn();
    clearTimeout(this.ws._closeTimer);
    this.book.note(Buffer.concat(this.written).toString('hex'));
  }
}

const TCP_AND_DUPLEX = { transports: ['tcp', 'duplex'] };

/** Functions that make a value to be sent; each send gets a fresh one. */
const UNUSUAL = {
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
 * @return {ArrayBuffer|Uint8Array} The same, detached
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
 * @return {Uint8Array} A view of resized memory
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
 * @return {Uint8Array} A view of shared memory that has grown
 */
function grown(before, after) {
  const memory = new /** @type {any} */ (SharedArrayBuffer)(before, {
    maxByteLength: after
  });
  const view = new Uint8Array(memory);

  memory.grow(after);
  return view;
}

parity('whatever is given to a WebSocket', async (WebSocket, book) => {
  for (let seed = 1; seed <= CASES; seed++) {
    book.note('case', seed);
    await new Trial(WebSocket, book, seed).run();
  }
});

for (const [name, make] of Object.entries(UNUSUAL)) {
  scenario(`send, ping and pong of ${name}`, TCP_AND_DUPLEX, async (play) => {
    const { ws, peer } = await play.open();

    play.attempt('send', () => ws.send(make()));
    play.attempt('as text', () => ws.send(make(), { binary: false }));
    play.attempt('ping', () => ws.ping(make()));
    play.attempt('pong', () => ws.pong(make()));
    ws.close(1000);
    await play.finish(ws, peer);
    play.attempt('too late', () => ws.send(make()));
    play.note('buffered', ws.bufferedAmount);
  });
}

scenario('falsy callbacks are none', {}, async (play) => {
  const { ws, peer } = await play.open();

  for (const callback of [null, false, 0, '']) {
    ws.send('text', {}, callback);
    ws.send(Buffer.from('binary'), undefined, callback);
    ws.ping('ping', !ws._isServer, callback);
    ws.pong('pong', !ws._isServer, callback);
    ws.send(new Blob(['blob']), {}, callback);
  }
  // After the last Blob.
  await new Promise((resolve) => {
    ws.send('end', resolve);
  });
  ws.close();
  await play.finish(ws, peer);
  ws.send('late', {}, null);
  ws.ping('late', true, null);
});
