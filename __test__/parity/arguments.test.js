'use strict';

// Methods and attributes of a WebSocket, given whatever there is, in every
// state: the same is thrown, called back, emitted and written as by `ws`.

const { Duplex } = require('node:stream');

const { parity } = require('../support/parity.js');
const { random } = require('../support/random.js');

const CASES = 300;
const CALLS = 12;
const METHODS = ['send', 'send', 'send', 'send', 'ping', 'ping', 'pong'];
const SETTERS = ['binaryType', 'onmessage', 'onclose'];

/** Stands for a callback, which is made where it is passed. */
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
  // Says so, but only to who looks closely; or not to who copies it.
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

/** @return {Promise<void>} Everything that is due has run */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** One WebSocket, to which a seed decides what is done. */
class Trial {
  /**
   * @param {any} WebSocket The class
   * @param {any} book What happens is written here
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

  /** Does something. */
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

    // What is no function in the last place corks the socket of `ws` for ever.
    const places = [VALUES, VALUES, [undefined]].slice(0, this.next() * 4);

    this.call(
      this.pick(METHODS),
      ...places.map((values) =>
        this.next() < 0.3 ? CALLBACK : this.pick(values)
      )
    );
  }

  /** Goes through the whole life. */
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

parity('whatever is given to a WebSocket', async (WebSocket, book) => {
  for (let seed = 1; seed <= CASES; seed++) {
    book.note('case', seed);
    await new Trial(WebSocket, book, seed).run();
  }
});
