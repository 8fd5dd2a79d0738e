'use strict';

// A listener takes the memory of a message away, by whatever means Node.js has:
// that works or throws, and nobody else loses a byte.

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { it } = require('node:test');
const { promisify } = require('node:util');
const { MessageChannel } = require('node:worker_threads');

const support = path.join(path.dirname(__dirname), 'support');
const transports = require(path.join(support, 'transports.js'));

const WebSocket = require('ws-native');

const run = promisify(execFile);

const BYSTANDERS = 10;
const ROUNDS = 8;

/** Sizes that come alone, with others, and in memory of their own. */
const SIZES = [1, 64, 65, 700, 5000, 70_000, 300_000];

/** What a program may do with a message. */
const MEANS = {
  transfer: (data) => data.buffer.transfer?.(),
  'transfer of less': (data) => data.buffer.transfer?.(1),
  transferToFixedLength: (data) => data.buffer.transferToFixedLength?.(),
  structuredClone: (data) => structuredClone(data, { transfer: [data.buffer] }),
  postMessage(data) {
    const { port1, port2 } = new MessageChannel();

    try {
      port1.postMessage(data, [data.buffer]);
    } finally {
      port1.close();
      port2.close();
    }
  },
  'a byte stream': (data) =>
    new ReadableStream({
      type: 'bytes',
      start: (controller) => controller.enqueue(data)
    }),
  'a byte stream that is read into it'(data) {
    const stream = new ReadableStream({
      type: 'bytes',
      pull(controller) {
        controller.byobRequest.view.fill(0xee);
        controller.byobRequest.respond(1);
      }
    });

    stream
      .getReader({ mode: 'byob' })
      .read(data)
      .catch(() => {});
  }
};

/**
 * @param {number} size
 * @param {number} who
 * @param {number} round
 * @return {Buffer} That message
 */
function message(size, who, round) {
  return Buffer.alloc(size, (who * ROUNDS + round) % 251);
}

/**
 * @param {string} transport
 * @param {any} t The test
 * @return {Promise<{ ours: any[], peers: any[] }>} Both ends of the connections
 *     of one thief and many bystanders
 */
async function connectAll(transport, t) {
  const peers = [];
  const { address, server, wss } = await transports.serve(
    WebSocket,
    transport,
    {},
    (ws) => peers.push(ws)
  );
  const ours = [];

  t.after(() => {
    for (const ws of [...ours, ...peers]) ws.terminate();
    wss.close();
    if (server !== wss) server.close();
  });

  for (let i = 0; i <= BYSTANDERS; i++) {
    const ws = transports.connect(WebSocket, transport, address);

    await once(ws, 'open');
    ours.push(ws);
  }

  return { ours, peers };
}

for (const transport of ['tcp', 'tls', 'port', 'duplex']) {
  for (const [means, take] of Object.entries(MEANS)) {
    it(`${transport}: ${means}`, { timeout: 20_000 }, async (t) => {
      const { ours, peers } = await connectAll(transport, t);

      for (const size of SIZES) {
        const kept = ours.map(() => []);
        const expected = ours.map((_, who) =>
          Array.from({ length: ROUNDS }, (_, i) => message(size, who, i))
        );
        const heard = ours.map((ws, who) => {
          let left = ROUNDS;

          return new Promise((resolve) => {
            ws.on('message', function hear(data) {
              if (who === 0) {
                // What came of it in this listener's hands is its own affair.
                kept[0].push(Buffer.from(data));
                try {
                  take(data);
                } catch (err) {
                  assert.match(err.name, /TypeError|DataCloneError|RangeError/);
                }
              } else {
                kept[who].push(data);
              }
              if (--left > 0) return;
              ws.off('message', hear);
              resolve();
            });
          });
        });

        for (let round = 0; round < ROUNDS; round++) {
          for (let who = 0; who < ours.length; who++) {
            peers[who].send(message(size, who, round));
          }
        }

        await Promise.all(heard);
        for (let who = 0; who < ours.length; who++) {
          for (let round = 0; round < ROUNDS; round++) {
            assert.ok(
              kept[who][round].equals(expected[who][round]),
              `${size} bytes, connection ${who}, message ${round}`
            );
          }
        }
      }
    });
  }
}

/** Where nothing else keeps memory in its place, each message has its own. */
const reliesOnAsm = /^v2[0-3]\./.test(process.version);
const withoutAsm = '--no-validate-asm';

it(
  'without asm.js',
  {
    skip: !reliesOnAsm || process.execArgv.includes(withoutAsm),
    timeout: 60_000
  },
  async () => {
    const env = { ...process.env };

    delete env.NODE_TEST_CONTEXT;
    await run(process.execPath, [withoutAsm, __filename], { env });
  }
);

it('an empty message', { timeout: 20_000 }, async (t) => {
  const { ours, peers } = await connectAll('tcp', t);

  for (const ws of ours.slice(0, 2)) {
    ws.once('message', (data) => {
      try {
        structuredClone(data, { transfer: [data.buffer] });
        data.buffer.transfer?.();
      } catch {
        // That is what others see of it that counts.
      }
    });
    peers[ours.indexOf(ws)].send('');
  }

  const [last] = ours.slice(-1);

  last.binaryType = 'arraybuffer';
  peers[peers.length - 1].send(Buffer.alloc(0));
  assert.strictEqual((await once(last, 'message'))[0].byteLength, 0);
});

it('a large message goes to another thread', async (t) => {
  const { ours, peers } = await connectAll('tcp', t);
  const { port1, port2 } = new MessageChannel();

  t.after(() => port1.close());
  peers[0].send(Buffer.alloc(1 << 20, 'x'));

  const [data] = await once(ours[0], 'message');

  port1.postMessage(data, [data.buffer]);
  const [got] = await once(port2, 'message');
  assert.ok(Buffer.from(got).equals(Buffer.alloc(1 << 20, 'x')));
  // Node.js 20 leaves memory that is not V8's where it is.
  if (!process.version.startsWith('v20.')) assert.strictEqual(data.length, 0);
});
