'use strict';

// The exported Sender: frames built with Sender.frame(), and sent over any
// stream.

const assert = require('node:assert');
const { Duplex } = require('node:stream');
const { describe, it } = require('node:test');

const { ours, parity } = require('../support/scenario.js');

const LENGTHS = [0, 1, 125, 126, 65535, 65536];

/**
 * @param {number} length A length
 * @return {Buffer} Bytes with different values
 */
const bytes = (length) =>
  Buffer.alloc(
    length,
    Uint8Array.from({ length: 251 }, (_, i) => i)
  );

/** @param {Buffer} mask Filled with 1 to 4 */
const generateMask = (mask) => mask.set([1, 2, 3, 4]);

describe('Sender.frame', () => {
  it('builds a frame that is not masked', () => {
    const data = Buffer.from('Hello');
    const list = ours.Sender.frame(data, {
      fin: true,
      mask: false,
      opcode: 1,
      readOnly: false,
      rsv1: false
    });

    assert.strictEqual(list.length, 2);
    assert.strictEqual(list[0].toString('hex'), '8105');
    assert.strictEqual(list[1], data);
  });

  it('draws another mask each time', () => {
    const masks = new Set();

    for (let i = 0; i < 5000; i++) {
      const [head] = ours.Sender.frame(Buffer.from('x'), {
        fin: true,
        mask: true,
        opcode: 1
      });

      masks.add(head.subarray(2).toString('hex'));
    }

    assert.ok(masks.size > 4990);
  });

  parity('treats data without a length as empty', (WebSocket, notebook) => {
    for (const data of [5, {}, { length: 0 }, null, undefined]) {
      for (const mask of [false, true]) {
        notebook.attempt('frame', () =>
          WebSocket.Sender.frame(data, { generateMask, mask, opcode: 1 })
        );
      }
    }
  });

  for (const [name, options] of Object.entries({
    plain: { fin: true, opcode: 1 },
    'of socket.io': {
      fin: true,
      mask: false,
      opcode: 1,
      readOnly: false,
      rsv1: false
    },
    'in pieces': { fin: false, opcode: 0 },
    compressed: { fin: true, opcode: 2, rsv1: true },
    masked: { fin: true, generateMask, mask: true, opcode: 2 },
    'masked, of the user': {
      fin: true,
      generateMask,
      mask: true,
      opcode: 2,
      readOnly: true
    },
    'masked with zeros': {
      fin: true,
      generateMask: (mask) => mask.fill(0),
      mask: true,
      opcode: 2,
      readOnly: true
    },
    'with a place for the mask': {
      fin: true,
      generateMask,
      mask: true,
      maskBuffer: Buffer.alloc(4),
      opcode: 9
    },
    'without options': {}
  })) {
    parity(`does as ws does: ${name}`, (WebSocket, notebook) => {
      for (const length of LENGTHS) {
        for (const data of [
          bytes(length),
          new Uint8Array(bytes(length)),
          'é'.repeat(length)
        ]) {
          const list = WebSocket.Sender.frame(data, options);

          notebook.note(list.length, list[1] === data);
          notebook.note(list.map((part) => part.constructor.name));
          notebook.note(Buffer.concat(list).toString('base64'));
          if (typeof data !== 'string') {
            notebook.note('changed', bytes(length).compare(data) !== 0);
          }
        }
      }

      notebook.note(options.maskBuffer);
    });
  }
});

describe('A Sender', () => {
  /**
   * Compares what is written to a stream.
   *
   * @param {string} name The name of the test
   * @param {(sender: any, notebook: any, stream: Duplex, Sender: any)
   *     => any} action Sends
   */
  function sends(name, action) {
    parity(name, async (WebSocket, notebook) => {
      const stream = new Duplex({
        read() {},
        write(chunk, _encoding, callback) {
          notebook.note('written', chunk.toString('hex'));
          callback();
        }
      });
      const { Sender } = WebSocket;
      const sender = new Sender(stream, {}, (mask) => mask.fill(7));

      await action(sender, notebook, stream, Sender);
      // Reading a Blob takes a few turns.
      for (let i = 0; i < 20; i++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      notebook.note(sender._bufferedBytes, sender._firstFragment);
    });
  }

  const called =
    (notebook, what) =>
    (...args) =>
      notebook.note(what, ...args);

  sends('sends text', (sender, notebook) => {
    sender.send('text', { fin: true }, called(notebook, 'sent'));
    sender.send('masked', { fin: true, mask: true });
  });
  sends('sends bytes of every kind', (sender) => {
    const { buffer } = new Uint8Array([1, 2, 3, 4]);

    for (const data of [
      Buffer.from('ab'),
      buffer,
      new Uint8Array(buffer, 1, 2),
      new DataView(buffer, 2),
      new Uint16Array(buffer)
    ]) {
      sender.send(data, { binary: true, fin: true });
      sender.send(data, { binary: true, fin: true, mask: true });
    }
  });
  sends('sends fragments', (sender) => {
    sender.send('a', { binary: false, fin: false });
    sender.send('b', { binary: true, fin: false });
    sender.send('c', { fin: true });
    sender.send('d', { fin: true });
  });
  sends('sends pings and pongs', (sender, notebook) => {
    sender.ping('ping', false, called(notebook, 'ping'));
    sender.pong(Buffer.from('pong'), true, called(notebook, 'pong'));
    sender.ping(new ArrayBuffer(2), false);
    notebook.attempt('long', () => sender.ping(Buffer.alloc(126), false));
    notebook.attempt('long', () => sender.pong('é'.repeat(63), false));
  });
  sends('sends close frames', (sender, notebook) => {
    for (const [code, reason] of [
      [],
      [1000],
      [1000, 'bye'],
      [1000, Buffer.from('bye')],
      [4999, ''],
      [1000, null],
      [1000, 5],
      [1000, {}],
      [1000, [1, 2]],
      [1000, new Uint16Array(2)],
      [1000, 'x'.repeat(123)],
      [1000, 'x'.repeat(124)],
      [999],
      [1004],
      [1005],
      [1006],
      [1013],
      [1014],
      [1015],
      [2999],
      [5000],
      ['1000'],
      [null],
      [NaN]
    ]) {
      notebook.attempt(`close ${code} ${typeof reason}`, () =>
        sender.close(code, reason, false, called(notebook, 'closed'))
      );
    }
  });
  sends('sends frames as they are', (sender, notebook) => {
    sender.sendFrame([Buffer.from([1])], called(notebook, 'one'));
    sender.sendFrame(
      [Buffer.from([2]), Buffer.from([3])],
      called(notebook, 'two')
    );
  });
  sends('keeps a Blob in its place', (sender, notebook) => {
    sender.send(new Blob(['blob']), { binary: true, fin: true });
    notebook.note(sender._bufferedBytes);
    sender.send('next', { fin: true }, called(notebook, 'next'));
    sender.ping(new Blob(['ping']), false, called(notebook, 'ping'));
    sender.close(1000, 'bye', false, called(notebook, 'close'));
    notebook.note(sender._bufferedBytes);
  });
  sends('gives up a Blob with its stream', (sender, notebook, stream) => {
    sender.send(new Blob(['a']), { fin: true }, called(notebook, 'blob'));
    sender.send('b', { fin: true });
    sender.send('c', { fin: true }, called(notebook, 'next'));
    stream.destroy();
  });
  sends('tells of a Blob that cannot be read', (sender, notebook) => {
    const blob = new Blob(['abc']);

    blob.arrayBuffer = () => Promise.reject(new Error('unreadable'));
    sender.onerror = called(notebook, 'onerror');
    sender.send(blob, { fin: true }, called(notebook, 'blob'));
    sender.send('c', { fin: true }, called(notebook, 'next'));
  });
  sends('throws for data that cannot be sent', (sender, notebook) => {
    for (const data of [
      null,
      undefined,
      5,
      new Proxy(Buffer.from('bytes'), {}),
      Object.create(Buffer.from('bytes'))
    ]) {
      for (const act of [
        () => sender.send(data, { fin: true }),
        () => sender.send(data),
        () => sender.ping(data, false),
        () => sender.pong(data, true)
      ]) {
        notebook.attempt('call', act);
        notebook.note(sender._firstFragment);
      }
    }
  });
  sends(
    'makes frames of any opcode and options',
    (sender, notebook, _, Sender) => {
      const { frame } = Sender;

      Sender.frame = (data, options) => {
        const { fin, mask, opcode, readOnly, rsv1 } = options;

        notebook.note('frame', data, { fin, mask, opcode, readOnly, rsv1 });
        return frame(data, options);
      };
      try {
        for (const compress of [undefined, false, 0]) {
          sender.send('text', { compress, fin: true, mask: true });
          sender.send(Buffer.from('bytes'), { binary: true, compress });
          sender.send(new ArrayBuffer(2), { compress, fin: true, mask: false });
        }
        sender.ping('ping', true);
        sender.pong(Buffer.from('pong'));
        sender.close(1000, 'bye');
      } finally {
        Sender.frame = frame;
      }
    }
  );
  sends('calls back after the stream', (sender, notebook, stream) => {
    stream.destroy();
    sender.send('late', { fin: true }, called(notebook, 'late'));
    stream.on('error', () => {});
  });
});
