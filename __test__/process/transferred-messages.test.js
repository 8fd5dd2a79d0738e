'use strict';

// Large messages that are transferred to another thread: their memory stays valid
// when the receiving thread ends, and when the process exits.

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { it } = require('node:test');
const { promisify } = require('node:util');
const { Worker } = require('node:worker_threads');

const root = path.join(__dirname, '..', '..');
const modulePath = path.join(root, 'index.js');
const support = path.join(root, '__test__', 'support', 'transports.js');
const transports = require(support);
const WebSocket = require(modulePath);
const run = promisify(execFile);

const SIZES = [64 * 1024, 200_000, 1 << 20, 3 << 20];

/**
 * Source of functions that a thread needs: `take` makes the memory of a message
 * transferable, and `receive` receives a message over a transport.
 */
const TOOLS = `
  async function take(data) {
    if (data.buffer.transfer) return data.buffer.transfer();

    const stream = new ReadableStream({
      type: 'bytes',
      start(controller) { controller.enqueue(data); }
    });

    return (await stream.getReader().read()).value.buffer;
  }

  async function receive(WebSocket, transports, transport, size, letter) {
    const { address, server, wss } = await transports.serve(
      WebSocket, transport, {}, (ws) => ws.send(Buffer.alloc(size, letter))
    );
    const ws = transports.connect(WebSocket, transport, address);
    const [data] = await require('node:events').once(ws, 'message');

    ws.terminate();
    wss.close();
    if (server !== wss) server.close();
    return data;
  }
`;

const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  const WebSocket = require(workerData.modulePath);
  const transports = require(workerData.support);
  ${TOOLS}
  (async () => {
    for (const size of workerData.sizes) {
      const { transport } = workerData;
      const data = await receive(WebSocket, transports, transport, size, 'A');
      const memory = await take(data);

      parentPort.postMessage(memory, [memory]);
    }
    process.exit();
  })();
`;

const { receive } = new Function('require', `${TOOLS} return { receive };`)(
  require
);

for (const transport of ['tcp', 'port', 'tls', 'duplex']) {
  const title = `${transport}: a message that a thread leaves behind`;

  it(title, { timeout: 60_000 }, async () => {
    const got = [];
    const workers = Array.from({ length: 6 }, () => {
      const workerData = { modulePath, support, transport, sizes: SIZES };
      const worker = new Worker(THREAD, { eval: true, workerData });

      worker.on('message', (memory) => got.push(Buffer.from(memory)));
      return worker;
    });

    await Promise.all(workers.map((worker) => once(worker, 'exit')));

    const later = [];

    for (let i = 0; i < 3; i++) {
      for (const size of SIZES) {
        const data = await receive(WebSocket, transports, 'tcp', size, 'S');

        later.push(data);
      }
    }

    assert.strictEqual(got.length, 6 * SIZES.length);
    for (const data of got) {
      assert.ok(data.equals(Buffer.alloc(data.length, 'A')));
    }
    for (const data of later) {
      assert.ok(data.equals(Buffer.alloc(data.length, 'S')));
    }
  });
}

/** A thread that reads its message forever, and reports the first time. */
const READER = `
  const { parentPort } = require('node:worker_threads');

  parentPort.once('message', (memory) => {
    const bytes = new Uint8Array(memory);

    for (let i = 0; ; i++) {
      if (!bytes.every((byte) => byte === 65)) process._rawDebug('foreign');
      if (i === 0) parentPort.postMessage('reads');
    }
  });
`;

/**
 * @param {string} end What the main thread does once the other thread reads
 * @return {string} A program whose main thread transfers messages
 */
function giving(end) {
  return `
    const { Worker } = require('node:worker_threads');
    const WebSocket = require(${JSON.stringify(modulePath)});
    const transports = require(${JSON.stringify(support)});
    ${TOOLS}
    (async () => {
      const worker = new Worker(${JSON.stringify(READER)}, { eval: true });
      const memory = await take(
        await receive(WebSocket, transports, 'tcp', 1 << 20, 'A')
      );

      worker.postMessage(memory, [memory]);
      await require('node:events').once(worker, 'message');
      for (let i = 0; i < 20; i++) {
        await receive(WebSocket, transports, 'tcp', 1 << 20, 'S');
        gc();
      }
      ${end}
      console.log('done');
    })();
  `;
}

const ENDS = {
  'process.exit()': "process.on('exit', () => console.log('done')).exit();",
  'no more to do': 'worker.unref();',
  'an exception': "console.log('done'); queueMicrotask(() => { throw 1; });"
};

for (const [title, end] of Object.entries(ENDS)) {
  it(`the main thread ends by ${title}`, { timeout: 60_000 }, async () => {
    const program = run(process.execPath, ['--expose-gc', '-e', giving(end)]);
    const { code, signal, stderr, stdout } = await program.then(
      (output) => ({ code: 0, signal: null, ...output }),
      (err) => err
    );

    assert.match(stdout, /done/, stderr);
    assert.ok(!stderr.includes('foreign'), stderr);
    assert.strictEqual(signal, null);
    assert.strictEqual(code, title === 'an exception' ? 1 : 0);
  });
}
