'use strict';

// The exported class PerMessageDeflate, used without a WebSocket.

const assert = require('node:assert');
const { describe, it } = require('node:test');
const zlib = require('node:zlib');

const { ours, parity } = require('../support/scenario.js');

const FORGETTING = [
  {},
  { client_no_context_takeover: [true] },
  { server_no_context_takeover: [true] },
  { client_no_context_takeover: [true], server_no_context_takeover: [true] }
];

/** Some text with near and far repetitions. */
const TEXT = Buffer.from(
  Array.from({ length: 2000 }, (_, i) => `{"n":${(i * 7919) % 997}}`).join('')
);

const HELLO = Buffer.from('f248cdc9c90700', 'hex');

/**
 * @param {any} data A message
 * @param {object} [options] Those of zlib
 * @return {Buffer} The payload that a peer would send
 */
const packed = (data, options) =>
  zlib
    .deflateRawSync(data, {
      ...options,
      finishFlush: zlib.constants.Z_SYNC_FLUSH
    })
    .subarray(0, -4);

/** A message with a final block. */
const FINAL = zlib.deflateRawSync(Buffer.from('final'));

/**
 * @param {any} WebSocket The module
 * @param {object} [options] The options
 * @param {object} [parameters] The negotiated parameters
 * @return {any} A PerMessageDeflate after accept()
 */
function agreed({ PerMessageDeflate }, options, parameters = {}) {
  const deflate = new PerMessageDeflate(options);

  deflate.accept([structuredClone(parameters)]);

  return deflate;
}

/**
 * @param {any} result The result of a job
 * @return {any} A form that can be noted
 */
const shown = (result) =>
  Buffer.isBuffer(result) ? result.toString('base64') : result;

/**
 * @param {any} deflate A PerMessageDeflate
 * @param {'compress' | 'decompress'} method The job
 * @param {any} data Its data
 * @param {boolean} [fin] The last fragment
 * @return {Promise<any>} Its result
 */
function make(deflate, method, data, fin = true) {
  return new Promise((resolve) => {
    deflate[method](data, fin, (error, result) => resolve(error || result));
  });
}

/**
 * @param {any} notebook The notebook
 * @param {any} deflate A PerMessageDeflate
 */
function noteStreams(notebook, { _deflate, _inflate }) {
  notebook.note(
    _deflate && [_deflate._level, _deflate._strategy, _deflate._chunkSize],
    _inflate && _inflate._chunkSize
  );
}

/**
 * @param {any} error An error
 * @return {any[]} What it carries besides its message
 */
const details = (error) => [
  error,
  error.errno,
  Object.getOwnPropertySymbols(error).map((key) => error[key])
];

describe('PerMessageDeflate by hand', () => {
  for (const isServer of [true, false]) {
    for (const parameters of FORGETTING) {
      const names = Object.keys(parameters).join(' and ') || 'takeover';

      parity(
        `keeps its context or not: ${names}, ${isServer ? 'server' : 'client'}`,
        async (WebSocket, notebook) => {
          const deflate = agreed(WebSocket, { isServer }, parameters);

          noteStreams(notebook, deflate);
          for (const data of ['Hello', 'Hello', Buffer.from('Hello'), '']) {
            const result = await make(deflate, 'compress', data);

            notebook.note(shown(result));
            noteStreams(notebook, deflate);
          }
          for (let i = 0; i < 2; i++) {
            const { _deflate } = deflate;

            notebook.note(shown(await make(deflate, 'compress', TEXT)));
            notebook.note(deflate._deflate === _deflate);
          }
          for (const data of [HELLO, HELLO, Buffer.from('020000', 'hex')]) {
            const result = await make(deflate, 'decompress', data);

            notebook.note(shown(result));
            noteStreams(notebook, deflate);
          }
        }
      );
    }
  }

  for (const parameters of FORGETTING) {
    parity('takes fragments', async (WebSocket, notebook) => {
      const out = agreed(WebSocket, {}, parameters);
      const back = agreed(WebSocket, { isServer: true }, parameters);

      for (const [data, fin] of [
        ['Hello', false],
        ['Hello', true],
        ['', false],
        ['', false],
        ['Hello', false],
        ['', true],
        [TEXT, false],
        ['Hello', undefined],
        [TEXT, true],
        ['', true]
      ]) {
        const result = await make(out, 'compress', data, fin);

        notebook.note(shown(result), fin);
        notebook.note(shown(await make(back, 'decompress', result, fin)));
      }
    });
  }

  for (const isServer of [true, false]) {
    parity('uses the windows agreed on', async (WebSocket, notebook) => {
      for (const parameters of [
        {},
        { client_max_window_bits: ['9'] },
        { server_max_window_bits: ['9'] },
        { client_max_window_bits: ['8'], server_max_window_bits: ['8'] },
        { client_max_window_bits: ['14'], server_max_window_bits: ['13'] }
      ]) {
        for (const windowBits of [undefined, 9, 15, 77]) {
          const deflate = agreed(
            WebSocket,
            {
              isServer,
              zlibDeflateOptions: { windowBits },
              zlibInflateOptions: { windowBits }
            },
            parameters
          );

          notebook.note(shown(await make(deflate, 'compress', TEXT)));
          for (const windowBits of [9, 12, 15]) {
            const data = packed(TEXT, { windowBits });

            notebook.note(shown(await make(deflate, 'decompress', data)));
          }
        }
      }
    });
  }

  parity('uses windows of its options', async (WebSocket, notebook) => {
    for (const [options, parameters] of [
      [{ isServer: true, serverMaxWindowBits: 10 }, {}],
      [{ clientMaxWindowBits: 10 }, {}],
      [
        { clientMaxWindowBits: 10, isServer: true },
        { client_max_window_bits: [true] }
      ],
      [{ isServer: true }, { client_max_window_bits: [true] }]
    ]) {
      const deflate = agreed(WebSocket, options, parameters);

      notebook.note(deflate.params);
      notebook.note(shown(await make(deflate, 'compress', TEXT)));
      notebook.note(shown(await make(deflate, 'decompress', packed(TEXT))));
    }
  });

  parity('uses the options for zlib', async (WebSocket, notebook) => {
    for (const zlibOptions of [
      null,
      { level: 1 },
      { level: 9, memLevel: 1 },
      { level: 0 },
      { memLevel: 9 },
      { chunkSize: 64 },
      { chunkSize: 100000 },
      { strategy: zlib.constants.Z_HUFFMAN_ONLY },
      { strategy: zlib.constants.Z_FIXED },
      { dictionary: Buffer.from('{"n":') }
    ]) {
      const options = {
        zlibDeflateOptions: zlibOptions,
        zlibInflateOptions: zlibOptions
      };
      const before = JSON.stringify(options);
      const deflate = agreed(WebSocket, options);
      const result = await make(deflate, 'compress', TEXT);

      notebook.note(shown(result));
      notebook.note(shown(await make(deflate, 'decompress', result)));
      noteStreams(notebook, deflate);
      notebook.note(JSON.stringify(options) === before);
    }
    for (const zlibOptions of [{ level: 77 }, { chunkSize: 1 }]) {
      const deflate = agreed(WebSocket, { zlibDeflateOptions: zlibOptions });

      notebook.attempt('compress', () =>
        deflate.compress(TEXT, true, () => notebook.note('called'))
      );
    }
  });

  parity('starts over after a final block', async (WebSocket, notebook) => {
    const deflate = agreed(WebSocket);

    for (const fin of [true, true, false, true, true]) {
      await new Promise((resolve) => {
        deflate.decompress(FINAL, fin, (error, result) => {
          notebook.note(fin, error, shown(result), deflate._inflate === null);
          resolve();
        });
      });
      notebook.note(deflate._inflate === null);
    }
  });

  parity('keeps to maxPayload', async (WebSocket, notebook) => {
    const deflate = agreed(WebSocket, { maxPayload: 10 });
    const pack = (length, fin) =>
      Buffer.concat([
        packed(Buffer.alloc(length, 'a')),
        // Only the end of a message leaves this out.
        Buffer.from(fin ? '' : '0000ffff', 'hex')
      ]);

    for (const [length, fin] of [
      [10, true],
      [11, true],
      [5, true],
      [1e6, true],
      [6, false],
      [6, true],
      [1e6, false],
      [5, true]
    ]) {
      const result = await make(deflate, 'decompress', pack(length, fin), fin);

      notebook.note(length, shown(result), deflate._inflate === null);
      if (result instanceof Error) notebook.note(...details(result));
    }

    deflate._maxPayload = 20;
    notebook.note(shown(await make(deflate, 'decompress', pack(20, true))));
    deflate._maxPayload = 0;
    notebook.note(shown(await make(deflate, 'decompress', pack(1e5, true))));
  });

  parity('tells of data that is corrupt', async (WebSocket, notebook) => {
    for (const hex of ['ffff', '07', '0101020304', '4b4c4afff0']) {
      const deflate = agreed(WebSocket);
      const data = Buffer.from(hex, 'hex');

      notebook.note(shown(await make(deflate, 'decompress', HELLO)));

      for (const fin of [true, false]) {
        const result = await make(deflate, 'decompress', data, fin);

        notebook.note(hex, shown(result), deflate._inflate === null);
        if (result instanceof Error) notebook.note(...details(result));
      }
    }
  });

  parity('calls back later, with two values', async (WebSocket, notebook) => {
    const deflate = agreed(WebSocket);
    let isSync = true;

    for (const [method, data] of [
      ['compress', 'Hello'],
      ['decompress', HELLO]
    ]) {
      const called = new Promise((resolve) => {
        notebook.note(
          deflate[method](data, true, (...args) => {
            notebook.note(method, isSync, ...args.map(shown));
            resolve();
          })
        );
      });

      notebook.note(deflate._deflate !== null, deflate._inflate !== null);
      isSync = false;
      await called;
      isSync = true;
    }
  });

  parity('takes the next job before the last is done', async (WebSocket) => {
    const deflate = agreed(WebSocket);
    const jobs = ['a', 'ab', 'abc', TEXT, 'b'].map((data) =>
      make(deflate, 'compress', data)
    );

    return (await Promise.all(jobs)).map(shown);
  });

  parity('gives up in cleanup()', async (WebSocket, notebook) => {
    for (const parameters of FORGETTING) {
      for (const fin of [true, false]) {
        for (const delay of [false, true]) {
          const deflate = agreed(WebSocket, {}, parameters);
          let isSync = false;

          deflate.compress(TEXT, fin, (...args) =>
            notebook.note(isSync, ...args, deflate._deflate)
          );
          if (delay) await null;
          isSync = true;
          notebook.note(deflate.cleanup(), deflate._deflate);
          isSync = false;
        }
      }
    }
  });

  parity('goes on after an idle cleanup()', async (WebSocket, notebook) => {
    const deflate = agreed(WebSocket);

    for (let i = 0; i < 3; i++) {
      deflate.cleanup();
      notebook.note(deflate._deflate, deflate._inflate);
      for (const [method, data] of [
        ['compress', 'Hello'],
        ['decompress', HELLO]
      ]) {
        notebook.note(shown(await make(deflate, method, data)));
        await new Promise((resolve) => {
          deflate[method](data, true, (...args) => {
            notebook.note(...args.map(shown));
            if (i === 1) deflate.cleanup();
            resolve();
          });
        });
      }
    }
  });

  parity('needs accept() first', (WebSocket, notebook) => {
    for (const method of ['compress', 'decompress']) {
      notebook.attempt(method, () =>
        new WebSocket.PerMessageDeflate()[method](HELLO, true, () => {})
      );
    }
  });

  parity('calls its own methods', async (WebSocket, notebook) => {
    const deflate = agreed(WebSocket);

    for (const name of ['_compress', '_decompress']) {
      deflate[name] = (...args) => {
        notebook.note(name, ...args.slice(0, 2), args.length);
        args[2](null, Buffer.from('result'));
      };
    }

    notebook.note(await make(deflate, 'compress', 'Hello', false));
    notebook.note(await make(deflate, 'decompress', HELLO));
  });
});

describe('PerMessageDeflate, where ws crashes', () => {
  for (const parameters of FORGETTING) {
    it('does jobs in a row, in their order', async () => {
      const out = agreed(ours, {}, parameters);
      const back = agreed(ours, { isServer: true }, parameters);
      const seen = [];
      const jobs = Array.from({ length: 30 }, async (_, i) => {
        const result = await make(out, 'compress', `${i}${TEXT}`, i % 3 === 2);

        seen.push(i);

        return make(back, 'decompress', result, i % 3 === 2);
      });
      const results = await Promise.all(jobs);

      assert.deepStrictEqual(
        seen,
        seen.map((_, i) => i)
      );
      assert.deepStrictEqual(
        results.map(String),
        seen.map((i) => `${i}${TEXT}`)
      );
    });
  }

  it('reports jobs that cleanup() cancels', async () => {
    const deflate = agreed(ours);
    const jobs = [HELLO, HELLO].map((data) =>
      make(deflate, 'decompress', data)
    );

    deflate.cleanup();
    for (const error of await Promise.all(jobs)) {
      assert.strictEqual(
        error.message,
        'The inflate stream was closed while data was being processed'
      );
    }
  });

  it('reports a stream that was closed from outside', async () => {
    for (const [method, field] of [
      ['compress', '_deflate'],
      ['decompress', '_inflate']
    ]) {
      const deflate = agreed(ours);
      const job = make(deflate, method, HELLO);

      deflate[field].close();
      assert.ok((await job) instanceof Error);
      assert.strictEqual(deflate[field], null);
    }
  });

  it('goes on right after cleanup()', async () => {
    const deflate = agreed(ours);
    const given = make(deflate, 'compress', TEXT);

    deflate.cleanup();

    const result = await make(deflate, 'compress', 'Hello');

    assert.ok((await given) instanceof Error);
    assert.strictEqual(shown(result), HELLO.toString('base64'));
  });

  it('reports a job after a final block', async () => {
    const deflate = agreed(ours);
    const [first, second] = await Promise.all(
      [FINAL, FINAL].map((data) => make(deflate, 'decompress', data))
    );

    assert.strictEqual(String(first), 'final');
    assert.ok(second instanceof Error);
    assert.strictEqual(
      String(await make(deflate, 'decompress', FINAL)),
      'final'
    );
  });

  it('tells of an error of the compressor', async () => {
    const deflate = agreed(ours, { zlibDeflateOptions: { flush: 4 } });
    const result = await make(deflate, 'compress', 'Hello');

    assert.strictEqual(result.code, 'Z_STREAM_ERROR');
    assert.strictEqual(deflate._deflate, null);
  });

  it('keeps no place for a job that could not start', async () => {
    for (let i = 0; i < 20; i++) {
      assert.throws(() =>
        new ours.PerMessageDeflate().compress('', true, () => {})
      );
      assert.throws(() => agreed(ours).compress(5, true, () => {}));
    }

    assert.strictEqual(
      shown(await make(agreed(ours), 'compress', 'Hello')),
      HELLO.toString('base64')
    );
  });
});
