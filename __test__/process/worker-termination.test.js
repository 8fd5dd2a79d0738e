'use strict';

// Servers in four worker threads, under traffic: one thread is terminated, the
// others lose nothing, and every file descriptor is released.

const assert = require('node:assert');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { it } = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');
const { Worker } = require('node:worker_threads');

const { useReference } = require('../support/packed-project.js');

const modulePath = useReference
  ? require.resolve('ws')
  : path.join(__dirname, '..', '..', 'index.js');
const WebSocket = require(modulePath);

/** How many messages of a client are in flight. */
const WINDOW = 16;

const ECHO = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { WebSocketServer } = require(workerData);
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' }, () => {
    parentPort.postMessage(server.address().port);
  });

  server.on('connection', (ws) => {
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
  });
  parentPort.once('message', () => {
    server.close(() => parentPort.close());
    for (const ws of server.clients) ws.close(1001);
  });
`;

/**
 * @return {Promise<{ worker: Worker, port: number }>} A thread with an echo
 *     server
 */
async function thread() {
  const worker = new Worker(ECHO, { eval: true, workerData: modulePath });
  const [port] = await once(worker, 'message');

  return { worker, port };
}

/** Keeps messages in flight, every tenth of them large, and checks the echoes. */
class Talker {
  #sent = 0;
  #received = 0;
  #waiting = [];
  #stopped = false;

  /**
   * @param {number} port
   */
  constructor(port) {
    this.ws = new WebSocket(`ws://127.0.0.1:${port}`);
    this.closed = once(this.ws, 'close');
    this.ws.on('open', () => {
      for (let i = 0; i < WINDOW; i++) this.#send();
    });
    this.ws.on('message', (data) => this.#take(data));
    this.ws.on('error', () => {});
  }

  /** @return {number} How many messages have come back */
  get received() {
    return this.#received;
  }

  /** @return {number} How many have not come back */
  get missing() {
    return this.#sent - this.#received;
  }

  /**
   * @param {number} n
   * @return {Buffer} The nth message
   */
  static message(n) {
    const buffer = Buffer.alloc(n % 10 === 0 ? 40_000 : 40, n % 251);

    buffer.writeUInt32BE(n);
    return buffer;
  }

  /**
   * @param {number} more
   * @return {Promise<void>} Settles when that many more have come back
   */
  hear(more) {
    const until = this.#received + more;

    return new Promise((resolve) => this.#waiting.push({ until, resolve }));
  }

  /** @return {Promise<void>} Settles when everything has come back */
  finish() {
    this.#stopped = true;
    return this.missing ? this.hear(this.missing) : Promise.resolve();
  }

  #send() {
    this.ws.send(Talker.message(this.#sent++));
  }

  #take(data) {
    // Thrown here, it fails the test, whatever the test is waiting for.
    assert.ok(data.equals(Talker.message(this.#received)));
    this.#received++;
    this.#waiting = this.#waiting.filter(({ until, resolve }) => {
      if (this.#received < until) return true;
      resolve();
      return false;
    });
    if (!this.#stopped) this.#send();
  }
}

/**
 * @return {number} The descriptors that the process has open
 */
function descriptors() {
  return fs.readdirSync('/proc/self/fd').length;
}

/**
 * @param {number} count
 * @return {Promise<void>} Settles when no more descriptors are open; if it never
 *     does, the test times out
 */
async function noMoreThan(count) {
  while (descriptors() > count) await turn();
}

/**
 * @param {Worker} worker
 * @return {Promise<number>} Settles when it has closed its connections and exited
 */
async function dismiss(worker) {
  const exit = once(worker, 'exit');

  worker.postMessage('close');
  return (await exit)[0];
}

it(
  'one of four is terminated in mid-traffic',
  { timeout: 20_000 },
  async () => {
    const threads = await Promise.all(Array.from({ length: 4 }, thread));
    const talkers = threads.map(({ port }) => [
      new Talker(port),
      new Talker(port),
      new Talker(port)
    ]);

    await Promise.all(talkers.flat().map((talker) => talker.hear(100)));

    const [victims, ...rest] = talkers;
    const others = rest.flat();
    const going = Promise.all(others.map((talker) => talker.hear(300)));

    await threads[0].worker.terminate();
    for (const victim of victims) {
      assert.strictEqual((await victim.closed)[0], 1006);
      assert.ok(victim.received >= 100);
    }
    await going;
    await Promise.all(others.map((talker) => talker.finish()));
    assert.deepStrictEqual(
      others.map(({ missing }) => missing),
      others.map(() => 0)
    );

    const exits = threads.slice(1).map(({ worker }) => dismiss(worker));

    assert.deepStrictEqual(await Promise.all(exits), [0, 0, 0]);
    for (const { closed } of others) {
      assert.strictEqual((await closed)[0], 1001);
    }
  }
);

it(
  'descriptors return',
  { timeout: 20_000, skip: !fs.existsSync('/proc/self/fd') },
  async () => {
    const play = async () => {
      const threads = await Promise.all([thread(), thread()]);
      const talkers = threads.flatMap(({ port }) =>
        Array.from({ length: 10 }, () => new Talker(port))
      );

      await Promise.all(talkers.map((talker) => talker.hear(20)));
      await threads[0].worker.terminate();
      await dismiss(threads[1].worker);
      await Promise.all(talkers.map(({ closed }) => closed));
    };

    // After the first run, the process has everything that it keeps.
    await play();
    await turn();

    const before = descriptors();

    for (let i = 0; i < 3; i++) await play();
    await noMoreThan(before);
  }
);

it('a thread is terminated while it starts', { timeout: 20_000 }, async () => {
  for (let i = 0; i < 4; i++) {
    const worker = new Worker(ECHO, { eval: true, workerData: modulePath });

    if (i % 2) await once(worker, 'online');
    await worker.terminate();
  }

  const { worker, port } = await thread();
  const talker = new Talker(port);

  await talker.hear(20);
  await talker.finish();
  assert.strictEqual(await dismiss(worker), 0);
});
