'use strict';

// The event loop reads the sockets itself while traffic is light, and always on a
// single core. An I/O thread takes over when traffic is heavy, when the loop is
// busy, or when another thread has sockets too.

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const { once } = require('node:events');
const os = require('node:os');
const path = require('node:path');
const { describe, it } = require('node:test');
const { Worker } = require('node:worker_threads');

const WebSocket = require('../../index.js');
const { plainEnvironment } = require('../support/packed-project.js');

/** Enough messages, one by one, for the event loop to start reading. */
const LITTLE = 300;
const LARGE = 4 * 1024 * 1024;
const PATIENCE = 30000;

/**
 * Talks to a server with the module `library`, and sets a number when it is done.
 */
const PEER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { done, library, port, bytes, texts, untilClose } = workerData;
  const WebSocket = require(library);
  const ws = new WebSocket('ws://127.0.0.1:' + port);
  const flag = new Int32Array(done);
  let got = 0;
  let said = 0;
  const finish = () => {
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
  };

  ws.on('open', () => {
    parentPort.postMessage('open');
    if (texts > 0) ws.send('0');
  });
  ws.on('message', (data) => {
    got += data.length;
    if (++said < texts) ws.send(String(said));
    else if (got >= bytes && !untilClose) finish();
  });
  ws.on('close', finish);
`;

/** An echo server on its own thread. */
const ECHO = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { WebSocketServer } = require(workerData);
  const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' }, () =>
    parentPort.postMessage(wss.address().port)
  );

  wss.on('connection', (ws) => ws.on('message', (data) => ws.send(data)));
`;

/** @return {Promise<WebSocket.Server>} An echo server */
async function listen() {
  const wss = new WebSocket.Server({ port: 0, host: '127.0.0.1' });

  wss.on('connection', (ws) => ws.on('message', (data) => ws.send(data)));
  await once(wss, 'listening');
  return wss;
}

/**
 * @param {WebSocket.Server} wss
 * @return {Promise<WebSocket>} A client of it
 */
async function connect(wss) {
  const ws = new WebSocket(`ws://127.0.0.1:${wss.address().port}`);

  await once(ws, 'open');
  return ws;
}

/**
 * Sends messages one by one, each after the echo of the one before.
 *
 * @param {WebSocket} ws
 * @param {number} count
 */
async function talk(ws, count) {
  for (let index = 0; index < count; index++) {
    ws.send(`message ${index}`);

    const [data] = await once(ws, 'message');

    assert.strictEqual(data.toString(), `message ${index}`);
  }
}

/**
 * @param {object} options What the peer does
 * @return {Promise<{ worker: Worker, wait: () => string }>} The peer, connected;
 *     `wait` blocks the thread until it is done
 */
async function peer(options) {
  const done = new SharedArrayBuffer(4);
  const worker = new Worker(PEER, {
    eval: true,
    workerData: { done, library: require.resolve('ws'), ...options }
  });

  await once(worker, 'message');
  return {
    worker,
    wait: () => Atomics.wait(new Int32Array(done), 0, 0, PATIENCE)
  };
}

/**
 * @param {WebSocket.Server} wss
 */
async function end(wss) {
  for (const ws of wss.clients) ws.terminate();
  wss.close();
  await once(wss, 'close');
}

describe('an event loop that reads', () => {
  it('stops under heavy traffic, and starts again', async () => {
    const wss = await listen();
    const one = await connect(wss);

    for (let round = 0; round < 3; round++) {
      await talk(one, LITTLE);

      const many = await Promise.all(
        Array.from({ length: 32 }, () => connect(wss))
      );

      await Promise.all(many.map((ws) => talk(ws, 100)));
      for (const ws of many) ws.terminate();

      one.send(Buffer.alloc(LARGE, round));

      const [data] = await once(one, 'message');

      assert.ok(data.equals(Buffer.alloc(LARGE, round)));
    }

    await end(wss);
  });

  const leaving = {
    'what it sends': [(ws) => ws.send('few'), { bytes: 3 }],
    'what is much': [(ws) => ws.send(Buffer.alloc(LARGE)), { bytes: LARGE }],
    'the end': [(ws) => ws.terminate(), { untilClose: true }],
    'the end of a socket': [(ws) => ws._socket.destroy(), { untilClose: true }],
    'an end behind a message': [
      (ws) => {
        ws.send('few');
        ws.terminate();
      },
      { untilClose: true }
    ]
  };

  for (const [title, [act, options]] of Object.entries(leaving)) {
    it(`keeps nobody waiting for ${title} when it blocks`, async () => {
      const wss = await listen();
      const one = await connect(wss);
      const { port } = wss.address();
      const [[ws], { worker, wait }] = await Promise.all([
        once(wss, 'connection'),
        peer({ port, bytes: 0, texts: 0, ...options })
      ]);

      await talk(one, LITTLE);
      // What looks after those who are late goes to sleep.
      await new Promise((resolve) => setTimeout(resolve, 100));
      act(ws);
      assert.notStrictEqual(wait(), 'timed-out');
      await worker.terminate();
      await end(wss);
    });
  }

  it('keeps nobody waiting for an end while it delivers', async () => {
    const wss = await listen();
    const { port } = wss.address();
    const [[ws], { worker, wait }] = await Promise.all([
      once(wss, 'connection'),
      peer({ port, bytes: 0, texts: Infinity, untilClose: true })
    ]);
    const waited = await new Promise((resolve) => {
      let count = 0;

      ws.on('message', () => {
        if (++count < LITTLE) return;
        ws.terminate();
        resolve(wait());
      });
    });

    assert.notStrictEqual(waited, 'timed-out');
    await worker.terminate();
    await end(wss);
  });

  it('serves no other thread, which it might keep waiting', async () => {
    const wss = await listen();
    const one = await connect(wss);

    await talk(one, LITTLE);

    const echo = new Worker(ECHO, {
      eval: true,
      workerData: path.join(__dirname, '../../index.js')
    });
    const [port] = await once(echo, 'message');
    const { worker, wait } = await peer({ port, bytes: 0, texts: 1000 });

    assert.notStrictEqual(wait(), 'timed-out');
    await talk(one, LITTLE);
    await Promise.all([worker.terminate(), echo.terminate()]);
    await talk(one, LITTLE);
    await end(wss);
  });
});

describe('on a single core', () => {
  const taskset = spawnSync('taskset', ['-c', '0', 'true']);
  const groups = {
    'a port of its own': [
      'server/own-port-closing',
      'server/own-port-http-server',
      'server/own-port-incoming-message',
      'server/own-port-listening',
      'server/own-port-overrides',
      'server/own-port-requests',
      'server/own-port-socket',
      'server/verify-client'
    ],
    'received messages': [
      'messages/binary-type',
      'messages/limits',
      'messages/utf8'
    ],
    broadcasts: ['messages/broadcast'],
    'the end of a connection': [
      'closing/close-event',
      'closing/handshake',
      'closing/in-a-listener',
      'closing/peer-disconnects',
      'closing/ready-state',
      'closing/terminate',
      'closing/timeout',
      'server/close'
    ],
    'the order of events': ['messages/order'],
    'sent messages': [
      'messages/buffered-amount',
      'messages/masking',
      'messages/memory',
      'messages/send',
      'messages/send-callbacks'
    ]
  };
  const skip =
    os.availableParallelism() === 1
      ? 'all tests are'
      : taskset.status !== 0 && 'there is no taskset';

  for (const [title, files] of Object.entries(groups)) {
    it(title, { skip }, () => {
      const { status, stdout } = spawnSync(
        'taskset',
        [
          ...['-c', '0', process.execPath],
          ...['--test', '--test-reporter=tap'],
          ...files.map((file) => path.join(__dirname, '..', `${file}.test.js`))
        ],
        { encoding: 'utf8', timeout: 240000, env: plainEnvironment() }
      );

      assert.strictEqual(status, 0, stdout.slice(-5000));
    });
  }
});
