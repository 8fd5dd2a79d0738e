'use strict';

// The exported Sender with permessage-deflate: what it writes, and what it
// queues.

const assert = require('node:assert');
const { describe, it } = require('node:test');

const { ours, parity } = require('../support/scenario.js');

const TAKEOVER = {};
const CLIENT_FORGETS = { client_no_context_takeover: [true] };
const SERVER_FORGETS = { server_no_context_takeover: [true] };

const PACKED = { compress: true, fin: true };
const BINARY = { binary: true, compress: true, fin: true };

/** A Sender on a socket that notes what it gets. */
class Desk {
  /**
   * @param {any} WebSocket The module
   * @param {any} notebook The notebook
   * @param {{ options?: object, parameters?: object, generateMask?: (mask:
   *     Buffer) => void }} [setup] How it is set up
   */
  constructor(
    { PerMessageDeflate, Sender },
    notebook,
    { options, parameters = TAKEOVER, generateMask } = {}
  ) {
    this.notebook = notebook;
    this.deflate = new PerMessageDeflate(options);
    this.deflate.accept([structuredClone(parameters)]);
    this.socket = {
      destroyed: false,
      cork: () => notebook.note('cork'),
      uncork: () => notebook.note('uncork'),
      write: (chunk, callback) => {
        notebook.note(
          'write',
          typeof chunk,
          Buffer.from(chunk).toString('hex'),
          typeof callback
        );
        callback?.();
      }
    };
    this.sender = new Sender(
      this.socket,
      { 'permessage-deflate': this.deflate },
      generateMask
    );
    this.sender.onerror = (error) => notebook.note('onerror', error);
  }

  /** Notes the visible state of the sender. */
  look() {
    const { sender } = this;

    this.notebook.note(
      `state ${sender._state} buffered ${sender._bufferedBytes}`,
      `queue ${sender._queue.length} compress ${sender._compress}`,
      `first ${sender._firstFragment}`
    );
  }

  /**
   * Calls a method of the sender, and notes the state.
   *
   * @param {string} method The method
   * @param {...any} args Its arguments except the callback
   * @return {Promise<void>} Settles when the callback is called
   */
  async call(method, ...args) {
    const called = new Promise((resolve) => {
      this.sender[method](...args, (...results) => {
        this.notebook.note(`${method} called back`, ...results);
        resolve(undefined);
      });
    });

    this.look();

    return called;
  }

  /**
   * @param {any} data What to send
   * @param {any} [options] How
   * @return {Promise<void>} Settles when the callback is called
   */
  send(data, options = PACKED) {
    return this.call('send', data, options);
  }

  /**
   * Notes calls of methods.
   *
   * @param {string[]} names The methods
   */
  spy(names) {
    const { notebook, sender } = this;

    for (const name of names) {
      const original = sender[name];

      sender[name] = (...args) => {
        notebook.note(
          `${name} {`,
          ...args.map((arg) =>
            // Names of functions do not matter.
            Array.isArray(arg)
              ? arg.map((one) => hideFunction(one))
              : hideFunction(arg)
          )
        );
        original.apply(sender, args);
        notebook.note(`} ${name}`);
      };
    }
  }
}

/**
 * @param {any} value Anything
 * @return {any} The same, or a placeholder for a function
 */
const hideFunction = (value) =>
  typeof value === 'function' ? 'function' : value;

/**
 * @param {string} name The name of the test
 * @param {object} setup How the Sender is set up
 * @param {(desk: Desk, notebook: any) => any} action Sends; its promise is
 *     awaited
 */
function sends(name, setup, action) {
  parity(name, async (WebSocket, notebook) => {
    const desk = new Desk(WebSocket, notebook, setup);

    await action(desk, notebook);
    desk.look();
  });
}

describe('A Sender that compresses', () => {
  sends('keeps the order', {}, (desk, notebook) => {
    const all = [
      desk.send('a'),
      desk.call('ping', 'ping', false),
      desk.call('pong', Buffer.from('pong'), false),
      desk.send('b'),
      desk.send(Buffer.from('plain'), { binary: true, fin: true }),
      desk.call('close', 1000, 'bye', false)
    ];

    notebook.note(desk.sender._queue.map((params) => params.map(hideFunction)));

    return Promise.all(all);
  });

  sends('takes all kinds of data', {}, async (desk) => {
    const { buffer } = new Uint8Array([1, 2, 3, 4]);

    for (const data of [
      'é€',
      '',
      Buffer.from('Hello'),
      buffer,
      new Uint8Array(buffer, 1, 2),
      new Uint16Array(buffer),
      new DataView(buffer, 2),
      [1, 2],
      Buffer.alloc(0)
    ]) {
      await desk.send(data);
      await desk.send(data, BINARY);
    }
  });

  for (const isServer of [true, false]) {
    for (const parameters of [TAKEOVER, CLIENT_FORGETS, SERVER_FORGETS]) {
      parity('honours the threshold', async (WebSocket, notebook) => {
        for (const [threshold, length] of [
          [undefined, 1023],
          [undefined, 1024],
          [0, 0],
          [5, 4],
          [5, 5],
          [-1, 0],
          [null, 3],
          ['4', 4]
        ]) {
          const desk = new Desk(WebSocket, notebook, {
            options: { isServer, threshold },
            parameters
          });

          await desk.send('a'.repeat(length));
          await desk.send(Buffer.alloc(length), BINARY);
          await desk.send(new Blob(['a'.repeat(length)]));
        }
      });
    }
  }

  sends(
    'lets the first fragment decide',
    { options: { threshold: 3 }, parameters: CLIENT_FORGETS },
    async (desk) => {
      const parts = [
        ['ab', true, false],
        ['abcdef', true, true],
        ['abcdef', true, false],
        ['a', false, false],
        ['', false, true],
        ['a', false, false],
        ['abcdef', true, undefined],
        ['abcdef', true, true],
        ['abcdef', undefined, false],
        ['abcdef', true, true]
      ].map(([data, compress, fin]) => [data, { binary: true, compress, fin }]);

      for (const [data, options] of parts) await desk.send(data, options);
      await Promise.all(
        parts.map(([data, options]) => desk.send(data, options))
      );
    }
  );

  sends('sends empty fragments', {}, async (desk) => {
    for (const fin of [false, false, true, true]) {
      await desk.send('', { compress: true, fin });
    }
  });

  sends(
    'masks what it has compressed',
    { generateMask: (mask) => mask.set([1, 2, 3, 4]) },
    async (desk, notebook) => {
      const data = Buffer.from('Hello, hello');

      await desk.send('text', { ...PACKED, mask: true });
      await desk.send(data, { ...PACKED, mask: true });
      await desk.send(data, { fin: true, mask: true });
      await desk.send('text', { fin: true, mask: true });
      await desk.call('ping', data, true);
      await desk.call('pong', [1, 2], true);
      notebook.note(data.toString());
    }
  );

  sends(
    'leaves text as it is under a mask of zeros',
    { generateMask: (mask) => mask.fill(0) },
    async (desk) => {
      await desk.send('text', { ...PACKED, mask: true });
      await desk.send('text', { fin: true, mask: true });
      await desk.call('ping', 'ping', true);
    }
  );

  sends('reads and compresses Blobs', {}, async (desk) => {
    desk.spy(['getBlobData', 'dispatch', 'enqueue', 'dequeue', 'sendFrame']);
    await Promise.all([
      desk.send(new Blob(['blob']), BINARY),
      desk.send('behind'),
      desk.call('ping', new Blob(['ping']), false),
      desk.send(new Blob([]), { compress: true, fin: false }),
      desk.send(new Blob(['end']), { compress: false, fin: true })
    ]);
  });

  sends('calls its own methods', {}, async (desk) => {
    desk.spy(['dispatch', 'enqueue', 'dequeue', 'sendFrame', 'getBlobData']);
    await desk.send('plain', { fin: true });
    await desk.call('ping', 'ping', false);
    await Promise.all([
      desk.send('a'),
      desk.send('b'),
      desk.call('pong', 'pong', false),
      desk.call('close', 1000, 'bye', false)
    ]);
  });

  parity('uses patches of the class', async (WebSocket, notebook) => {
    const { Sender } = WebSocket;
    const { frame } = Sender;
    const { sendFrame } = Sender.prototype;

    notebook.defer(() => {
      Sender.frame = frame;
      Sender.prototype.sendFrame = sendFrame;
    });
    Sender.frame = (data, options) => {
      notebook.note('frame', data, options);

      return frame(data, options);
    };
    Sender.prototype.sendFrame = function (list, callback) {
      notebook.note('sendFrame', list, this._state, this._bufferedBytes);
      sendFrame.call(this, list, callback);
    };

    const desk = new Desk(WebSocket, notebook);

    await desk.send('packed');
    await desk.send(Buffer.from('plain'), { fin: true });
    await desk.send(new Blob(['packed']));
    await desk.send(new Blob(['plain']), { fin: true });
    await desk.call('ping', 'ping', false);
    await desk.call('close', 1000, 'bye', false);
  });

  sends('may be used in its callbacks', {}, async (desk) => {
    const inner = [];

    desk.sender.send('a', PACKED, () => {
      inner.push(desk.send('in a', { fin: true }), desk.send('also in a'));
    });
    await Promise.all([desk.send('b'), desk.call('ping', 'ping', false)]);
    await Promise.all(inner);
  });

  sends('takes a compressor that answers at once', {}, (desk) => {
    desk.deflate.compress = (data, fin, callback) => {
      desk.look();
      callback(null, Buffer.from('packed'));
    };

    return desk.send('text');
  });

  sends('refuses what cannot be sent', {}, async (desk, notebook) => {
    const sent = desk.send('a');

    for (const [method, ...args] of [
      ['send', 5, PACKED],
      ['send', undefined, PACKED],
      ['send', 'text'],
      ['ping', 'x'.repeat(126), false],
      ['pong', new Blob(['x'.repeat(126)]), false],
      ['close', 999, '', false]
    ]) {
      notebook.attempt(method, () => desk.sender[method](...args));
      desk.look();
    }
    await sent;
  });

  sends('needs what was accepted', {}, (desk, notebook) => {
    desk.deflate.params = null;
    notebook.attempt('send', () => desk.sender.send('a', PACKED));
  });
});

describe('A Sender that fails', () => {
  sends('while its socket goes away', {}, async (desk, notebook) => {
    const all = [
      desk.send('a'),
      desk.send('b'),
      desk.call('ping', 'ping', false),
      desk.call('close', 1000, 'bye', false)
    ];

    desk.sender.send('no callback', PACKED);
    desk.sender.send('no function', PACKED, 'callback');
    desk.socket.destroyed = true;
    await Promise.all(all);
    notebook.note('all');
    desk.sender.send('late', PACKED, () => notebook.note('never'));
  });

  sends('with its compressor and its socket', {}, async (desk, notebook) => {
    const all = [desk.send('a'), desk.send('b')];

    desk.socket.destroyed = true;
    notebook.note('before');
    desk.deflate.cleanup();
    notebook.note('after');
    await Promise.all(all);
  });

  sends('while a Blob is read', {}, async (desk) => {
    const all = [desk.send(new Blob(['blob'])), desk.send('b')];

    desk.socket.destroyed = true;
    await Promise.all(all);
  });

  sends('while a Blob is compressed', {}, async (desk) => {
    const { compress } = desk.deflate;

    desk.deflate.compress = (...args) => {
      desk.socket.destroyed = true;
      compress.apply(desk.deflate, args);
    };
    await Promise.all([desk.send(new Blob(['blob'])), desk.send('b')]);
  });

  for (const [name, spoil] of Object.entries({
    'a Blob that cannot be read': (desk, blob) => {
      blob.arrayBuffer = () => Promise.reject(new Error('unreadable'));
    },
    'a Blob and a throwing compressor': (desk) => {
      desk.deflate.compress = () => {
        throw new Error('thrown');
      };
    },
    'a Blob and a throwing sendFrame': (desk) => {
      desk.sender.sendFrame = () => {
        throw new Error('thrown');
      };
    }
  })) {
    sends(`with ${name}`, {}, async (desk) => {
      const blob = new Blob(['blob']);
      const failed = new Promise((resolve) => {
        const { onerror } = desk.sender;

        desk.sender.onerror = (error) => {
          onerror(error);
          resolve(undefined);
        };
      });

      spoil(desk, blob);
      desk.send(blob, name.includes('sendFrame') ? { fin: true } : PACKED);
      desk.send('b');
      await failed;
    });
  }

  // `ws` throws a TypeError about a missing object.
  it('with its compressor alone', async () => {
    const lines = [];
    const notebook = { note: (...parts) => lines.push(parts.join(' ')) };
    const desk = new Desk(ours, notebook);
    const all = [desk.send('a'), desk.send('b')];

    desk.deflate.cleanup();
    await Promise.all(all);

    const reason =
      'Error: The deflate stream was closed while data was being processed';

    assert.deepStrictEqual(lines.slice(2), [
      `send called back ${reason}`,
      `send called back ${reason}`,
      `onerror ${reason}`
    ]);
  });

  it('without the extension, and sends plain messages', () => {
    const lines = [];
    const notebook = { note: (...parts) => lines.push(parts.join(' ')) };
    const desk = new Desk(ours, notebook);

    for (const extensions of [{}, undefined]) {
      const sender = new ours.Sender(desk.socket, extensions);

      sender.send('text', PACKED);
    }

    assert.deepStrictEqual(
      lines.filter((line) => line.startsWith('write')),
      [
        'write object 8104 undefined',
        'write string 74657874 undefined',
        'write object 8104 undefined',
        'write string 74657874 undefined'
      ]
    );
  });
});
