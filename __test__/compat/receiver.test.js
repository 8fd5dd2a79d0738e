'use strict';

// The exported Receiver: random frames, cut at random places, under random
// limits.

const { parity } = require('../support/scenario.js');
const { frame } = require('../support/frames.js');
const { random } = require('../support/random.js');

const CASES = 400;
const TEXTS = ['', 'a', 'hello', 'é', '€uro', '😀', 'x'.repeat(125)];
const LONG = 'y'.repeat(300);

/** One case: the options of a Receiver, and the chunks written to it. */
class Case {
  /**
   * @param {number} seed Decides everything
   */
  constructor(seed) {
    this.next = random(seed);
    this.options = {
      allowSynchronousEvents: this.next() < 0.8,
      binaryType: this.pick(['nodebuffer', 'arraybuffer', 'fragments']),
      isServer: this.next() < 0.5,
      maxBufferedChunks: this.pick([0, 0, 0, 3, 10]),
      maxFragments: this.pick([0, 0, 2, 3]),
      maxPayload: this.pick([0, 0, 0, 5, 130, 1000]),
      skipUTF8Validation: this.next() < 0.2
    };
    this.chunks = this.cut(Buffer.concat(this.frames()));
  }

  /** @param {number} count @return {number} A whole number below it */
  below(count) {
    return Math.floor(this.next() * count);
  }

  /** @param {any[]} values @return {any} One of them */
  pick(values) {
    return values[this.below(values.length)];
  }

  /** @return {Buffer[]} Frames, most of them valid */
  frames() {
    const frames = [];
    let fragmented = false;

    for (let left = 1 + this.below(8); left > 0; left--) {
      const isControl = this.next() < 0.25;
      let opcode = isControl ? this.pick([8, 9, 9, 10]) : this.pick([1, 2]);
      const fin = this.next() < (isControl ? 0.97 : 0.7);

      if (!isControl) {
        if (fragmented) opcode = 0;
        fragmented = !fin;
      }
      if (this.next() < 0.02) opcode = this.below(16);

      frames.push(
        frame(opcode, this.payload(opcode), {
          fin,
          masked: this.options.isServer !== this.next() < 0.01,
          rsv: this.next() < 0.01 ? this.pick([1, 2, 4]) : 0
        })
      );
    }

    return frames;
  }

  /** @param {number} opcode @return {Buffer} */
  payload(opcode) {
    if (opcode === 8) {
      const codes = ['', '03e8', '03e8627965', '03', '03ed', '0fa0', '03e8ff'];

      return Buffer.from(this.pick(codes), 'hex');
    }
    if (opcode === 2) {
      return Buffer.from({ length: this.below(40) }, () => this.below(256));
    }

    const text = this.pick(opcode > 8 ? TEXTS : [...TEXTS, LONG]);

    // The engine refuses invalid text earlier if it arrives in pieces.
    return Buffer.from(text);
  }

  /** @param {Buffer} bytes @return {Buffer[]} */
  cut(bytes) {
    const most = this.pick([bytes.length, 1, 20]);
    const chunks = [];

    for (let at = 0; at < bytes.length;) {
      const size = Math.max(1, most === 20 ? this.below(20) : most);

      chunks.push(bytes.subarray(at, at + size));
      at += size;
    }

    return chunks;
  }
}

/**
 * @param {any} receiver A Receiver
 * @param {any} notebook Gets its events
 */
function watch(receiver, notebook) {
  for (const event of ['message', 'ping', 'pong', 'conclude']) {
    receiver.on(event, (...args) => {
      notebook.note(event, ...args);
      queueMicrotask(() => notebook.note('microtask'));
      process.nextTick(() => notebook.note('tick'));
    });
  }
  receiver.on('error', (error) => {
    const secrets = Object.getOwnPropertySymbols(error);

    notebook.note('error', error, ...secrets.map((secret) => error[secret]));
  });
  for (const event of ['finish', 'close', 'drain']) {
    receiver.on(event, () => notebook.note(event));
  }
}

/** @param {number} turns @return {Promise<void>} Settles after that many turns */
async function pass(turns) {
  for (; turns > 0; turns--) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

parity('random frames give the same events', async ({ Receiver }, book) => {
  for (let seed = 1; seed <= CASES; seed++) {
    const { chunks, options } = new Case(seed);
    const receiver = new Receiver(options);

    book.note('case', seed, options);
    watch(receiver, book);
    for (const chunk of chunks) {
      // Writes after the end are not tested here.
      if (receiver.writableEnded || receiver.destroyed) break;
      receiver.write(Buffer.from(chunk));
    }
    await pass(options.allowSynchronousEvents ? 3 : 24);
  }
});

parity('when events, callbacks and ticks come', async ({ Receiver }, book) => {
  const parts = [
    frame('ping'),
    frame('text', 'a'),
    frame('text', 'b'),
    frame('ping', 'c'),
    frame('text', 'd', { fin: false }),
    frame('continuation', 'e')
  ];

  for (const allowSynchronousEvents of [true, false]) {
    for (const end of [[], [frame('close')], [frame(3)]]) {
      const receiver = new Receiver({ allowSynchronousEvents });

      watch(receiver, book);
      setImmediate(() => book.note('immediate before'));
      book.note(
        receiver.write(Buffer.concat([...parts, ...end]), () => {
          book.note('callback');
        })
      );
      setImmediate(() => book.note('immediate after'));
      await pass(20);
    }
  }
});

parity('a bound that changes', async ({ Receiver }, book) => {
  for (const [name, value] of [
    ['_maxPayload', 3],
    ['_maxFragments', 2],
    ['_maxBufferedChunks', 1],
    ['_skipUTF8Validation', true],
    ['_allowSynchronousEvents', false],
    ['_binaryType', 'arraybuffer']
  ]) {
    const receiver = new Receiver({ binaryType: 'nodebuffer' });

    watch(receiver, book);
    book.note(name, receiver[name]);
    receiver.write(frame('binary', 'before'));
    receiver[name] = value;
    book.note(name, receiver[name]);
    receiver.write(frame('text', Buffer.from([0x61, 0xff])));
    receiver.write(frame('binary', 'after'));
    for (const fin of [false, false, true]) {
      if (receiver.destroyed) break;
      const part = frame(name === '_maxFragments' ? 0 : 2, 'part', { fin });

      receiver.write(part.subarray(0, 3));
      receiver.write(part.subarray(3, 5));
      receiver.write(part.subarray(5));
    }
    await pass(5);
  }
});

parity('what there is of a message', ({ Receiver }, book) => {
  for (const isServer of [true, false]) {
    const masked = isServer;
    const receiver = new Receiver({ isServer });
    const show = (title) =>
      book.note(
        title,
        receiver._totalPayloadLength,
        receiver._messageLength,
        receiver._bufferedBytes
      );

    for (const event of ['message', 'ping']) {
      receiver.on(event, (data) => {
        book.note(event, data.length);
        show(event);
      });
    }
    for (const bytes of [
      frame('text', 'whole', { masked }),
      frame('text', 'begin', { fin: false, masked }),
      frame('ping', 'between', { masked }),
      frame('continuation', 'x'.repeat(300), { fin: false, masked }),
      frame('continuation', 'y'.repeat(70_000), { masked }),
      frame('binary', '', { masked })
    ]) {
      for (let at = 0; at < bytes.length;) {
        const end = at < 18 ? at + 3 : bytes.length;

        receiver.write(bytes.subarray(at, end));
        show(at);
        at = end;
      }
    }
    receiver.write(frame('text', 'at once', { fin: false, masked }));
    show('fragment');
    receiver.write(frame('continuation', 'over', { masked }));
    show('end');
  }
});

parity('the least that a Receiver needs', ({ Receiver }, book) => {
  book.note(Object.keys(Receiver.prototype));
  for (const options of [undefined, {}, { extensions: {} }]) {
    const receiver = new Receiver(options);

    for (const name of [
      '_allowSynchronousEvents',
      '_binaryType',
      '_extensions',
      '_isServer',
      '_maxBufferedChunks',
      '_maxFragments',
      '_maxPayload',
      '_skipUTF8Validation'
    ]) {
      book.note(name, receiver[name]);
    }
  }
  book.attempt('not null', () => new Receiver(null));
});
