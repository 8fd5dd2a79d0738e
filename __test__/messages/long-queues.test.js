'use strict';

// Long queues: they do not overflow the stack, and the time per entry does not
// grow.

const assert = require('node:assert');
const { once } = require('node:events');
const { describe, it } = require('node:test');
const { Duplex } = require('node:stream');

const WebSocket = require('../../index.js');
const Limiter = require('../../lib/compat/limiter.js');
const { Fifo } = require('../../lib/connection/fifo.js');
const { bytesOf, fakeBlob } = require('../support/blobs.js');
const { random } = require('../support/random.js');

/** So many arguments of one call overflow the stack. */
const MANY = 126000;

/** Allows for a slow machine: each test takes about a second. */
const OPTIONS = { timeout: 60000 };

/**
 * @param {object} [options] Those of both ends
 * @return {Promise<{ ws: any, texts: () => Promise<string[]>, stop: () => void
 *     }>} A client; `texts` closes it and returns the messages that arrived
 */
async function connect(options = { perMessageDeflate: false }) {
  const wss = new WebSocket.Server({ port: 0, host: '127.0.0.1', ...options });
  const connected = once(wss, 'connection');

  await once(wss, 'listening');

  const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`, options);
  const [[peer]] = await Promise.all([connected, once(ws, 'open')]);
  const got = [];

  peer.on('error', () => {});
  peer.on('message', (data) => got.push(String(data)));

  return {
    ws,
    async texts() {
      ws.close();
      await once(peer, 'close');
      return got;
    },
    stop() {
      ws.terminate();
      wss.close();
    }
  };
}

/**
 * @param {number} count
 * @return {string[]} That many texts
 */
const texts = (count) => Array.from({ length: count }, (_, i) => String(i));

describe('Fifo', () => {
  it('gives what it got, in that order', () => {
    const next = random(7);
    const below = (limit) => Math.floor(next() * limit);
    const fifo = new Fifo([-2, -1]);
    const model = [-2, -1];

    for (let i = 0; i < 2000; i++) {
      const count = below(below(4) === 0 ? 3000 : 40);

      for (let j = 0; j < count; j++) {
        fifo.push(i * 3000 + j);
        model.push(i * 3000 + j);
      }
      assert.strictEqual(fifo.length, model.length);
      assert.strictEqual(fifo.first, model[0]);
      assert.strictEqual(fifo.takeFirst(), model.shift());

      const most = below(below(3) === 0 ? model.length + 9 : 50);

      assert.deepStrictEqual(fifo.take(most), model.splice(0, most));
      assert.ok(fifo.entries.length <= 2 * fifo.length + 2048);
    }
  });

  it('takes nothing if it is empty, or if asked for nothing', () => {
    const fifo = new Fifo();

    assert.strictEqual(fifo.takeFirst(), undefined);
    assert.deepStrictEqual(fifo.take(3), []);
    fifo.push(1);
    assert.deepStrictEqual(fifo.take(0), []);
    assert.deepStrictEqual(fifo.take(-1), []);
    assert.strictEqual(fifo.length, 1);
  });
});

describe('Long queues', () => {
  it('sends what waits for two Blobs', OPTIONS, async () => {
    const { ws, texts: got, stop } = await connect();
    const acks = [];

    ws.send(new Blob(['a']), () => acks.push('a'));
    ws.send(new Blob(['b']), () => acks.push('b'));
    for (let i = 0; i < MANY; i++) {
      ws.send(String(i), () => acks.push(String(i)));
    }

    const want = ['a', 'b', ...texts(MANY)];

    assert.deepStrictEqual(await got(), want);
    assert.deepStrictEqual(acks, want);
    assert.strictEqual(ws.bufferedAmount, 0);
    stop();
  });

  it('sends Blobs that wait for Blobs', OPTIONS, async () => {
    const { ws, texts: got, stop } = await connect();
    const read = (text) => fakeBlob(async () => bytesOf(text));

    for (let i = 0; i < MANY; i++) ws.send(read(String(i)));
    assert.deepStrictEqual(await got(), texts(MANY));
    stop();
  });

  it(
    'fails all sends that wait for a Blob that cannot be read',
    OPTIONS,
    async () => {
      const { ws, stop } = await connect();
      const failed = once(ws, 'error');
      const error = new Error('unreadable');
      let told = 0;

      ws.send(fakeBlob(() => Promise.reject(error)));
      for (let i = 0; i < MANY; i++) {
        ws.send('x', (reason) => {
          if (reason === error) told++;
        });
      }
      assert.deepStrictEqual(await failed, [error]);
      assert.strictEqual(told, MANY);
      stop();
    }
  );

  it('compresses by a function that calls back at once', OPTIONS, async () => {
    const {
      ws,
      texts: got,
      stop
    } = await connect({
      perMessageDeflate: { threshold: 0, clientNoContextTakeover: true }
    });
    const extension = ws._extensions['permessage-deflate'];

    // A stored block.
    extension.compress = (data, fin, callback) => {
      const header = Buffer.from([0, 0, 0, 0xff, 0xff]);

      header[1] = data.length;
      header[3] = ~data.length;
      callback(null, Buffer.concat([header, Buffer.from(data), Buffer.of(0)]));
    };
    ws.send(new Blob(['blob']), { compress: false });
    for (let i = 0; i < MANY; i++) ws.send(String(i));
    assert.deepStrictEqual(await got(), ['blob', ...texts(MANY)]);
    stop();
  });

  it('calls back all sends on a slow socket', OPTIONS, async () => {
    const { ws, texts: got, stop } = await connect();
    const data = 'x'.repeat(500);
    let told = 0;

    for (let i = 0; i < MANY; i++) {
      ws.send(data, () => {
        told++;
      });
    }
    assert.strictEqual((await got()).length, MANY);
    assert.strictEqual(told, MANY);
    stop();
  });

  it('passes over jobs that cannot start', OPTIONS, () => {
    const limiter = new Limiter(1);
    let finish = () => {};
    let tried = 0;

    limiter.add((done) => {
      finish = done;
    });
    for (let i = 0; i < MANY; i++) {
      limiter.add(() => {
        tried++;
        throw new Error('no start');
      });
    }
    limiter.add(() => tried++);
    assert.throws(finish, { message: 'no start' });
    assert.strictEqual(tried, MANY + 1);
  });

  it('sends by a Sender by hand', OPTIONS, async () => {
    const written = [];
    const stream = new Duplex({
      read() {},
      write(chunk, encoding, callback) {
        written.push(String(chunk));
        callback();
      }
    });
    const sender = new WebSocket.Sender(stream);
    const options = { binary: false, compress: true, fin: true, mask: false };

    await new Promise((resolve) => {
      sender.send(new Blob(['blob']), options);
      for (let i = 0; i < MANY; i++) {
        sender.send(String(i), options, i === MANY - 1 ? resolve : undefined);
      }
    });
    assert.deepStrictEqual(
      written.filter((_, i) => i % 2 === 1),
      ['blob', ...texts(MANY)]
    );
    assert.strictEqual(sender._queue.length, 0);
    assert.strictEqual(sender._bufferedBytes, 0);
  });
});
