'use strict';

// Large compressed messages on a Node.js stream are inflated on another thread.
// The event loop stays free, later messages wait, and any end of the connection
// ends the job.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { Duplex } = require('node:stream');
const { describe, it } = require('node:test');

const WebSocket = require('ws-native');

const { KIND } = require('../../lib/engine/wire.js');
const { kConnection } = require('../../lib/constants.js');
const { noise, words } = require('../support/deflated.js');
const { RawPeer } = require('../support/raw-peer.js');
const { rawConnect, serve } = require('../support/transports.js');

const STREAMS = ['tls', 'duplex'];
const OFFER = 'permessage-deflate';

/** Many MiB, which stay large when compressed. */
const LARGE = Buffer.concat([noise(300000), Buffer.alloc(24 << 20, 'x')]);

/**
 * @param {string} transport One of STREAMS
 * @return {Promise<{ ws: any, peer: RawPeer, server: any, address: any }>} Both
 *     ends of a connection with permessage-deflate
 */
async function connected(transport) {
  /** @type {(ws: any) => void} */
  let resolve;
  const accepted = new Promise((done) => {
    resolve = done;
  });
  const { address, server } = await serve(
    WebSocket,
    transport,
    { perMessageDeflate: true },
    (ws) => resolve(ws)
  );
  const peer = rawConnect(transport, address);

  await peer.request({ deflate: OFFER });
  return { ws: await accepted, peer, server, address };
}

/**
 * @param {any} ends As `connected` gives them
 * @return {Promise<void>} Settles when they are gone
 */
async function over({ ws, peer, server }) {
  const closed = ws.readyState === 3 ? undefined : once(ws, 'close');

  peer.stream.destroy();
  ws.terminate();
  await closed;
  server.close();
}

/**
 * @param {any} ws One end
 * @param {number} length Bytes that its peer sends
 * @return {Promise<void>} Settles when they have arrived and the last message is
 *     being inflated
 */
function allRead(ws, length) {
  return new Promise((resolve) => {
    let rest = length;

    ws._socket.on('data', (chunk) => {
      rest -= chunk.length;
      if (rest === 0) resolve();
    });
  });
}

/**
 * Makes an in-memory stream.
 *
 * @return {Duplex[]} Its two ends
 */
function pairOfStreams() {
  const ends = [0, 1].map(
    (index) =>
      new Duplex({
        read() {},
        write(chunk, encoding, callback) {
          ends[1 - index].push(chunk);
          callback();
        },
        final(callback) {
          ends[1 - index].push(null);
          callback();
        }
      })
  );

  return ends;
}

describe('While a large message is inflated', () => {
  for (const transport of STREAMS) {
    it(`the loop turns and others are served: ${transport}`, async () => {
      const ends = await connected(transport);
      const other = await connected(transport);
      const frame = ends.peer.compressed('binary', LARGE);
      const log = [];
      let turns = 0;

      ends.ws.on('message', (data) => {
        assert.ok(LARGE.equals(data));
        log.push('message');
      });
      other.ws.on('message', () => log.push('other'));

      const done = once(ends.ws, 'message');

      allRead(ends.ws, frame.length).then(() => {
        log.push('chunk');
        const count = () => {
          turns++;
          if (!log.includes('message')) setImmediate(count);
        };

        setImmediate(count);
        other.peer.write(other.peer.frame('text', 'small'));
      });
      ends.peer.write(frame);
      await done;

      assert.deepEqual(log, ['chunk', 'other', 'message']);
      assert.ok(turns > 1, `${turns} turns`);
      await Promise.all([over(ends), over(other)]);
    });

    it(`what follows waits in the stream: ${transport}`, async () => {
      const ends = await connected(transport);
      const { ws, peer } = ends;
      const frame = peer.compressed('binary', LARGE);
      const small = peer.compressed('text', noise(50000).toString('hex'));
      const log = [];

      ws.on('message', (data) => log.push(data.length));

      const done = allRead(ws, frame.length).then(() => {
        assert.ok(ws._socket.isPaused());
        assert.equal(ws[kConnection].chunks.length, 0);
        ws._socket.on('data', () => log.push('data'));
        for (let i = 0; i < 50; i++) peer.write(small);
        peer.write(peer.closeFrame(1000));
      });

      peer.write(frame);
      await done;
      await once(ws, 'message');
      assert.deepEqual(log.slice(0, 1), [LARGE.length]);
      await once(ws, 'close');
      assert.deepEqual(
        log.filter((entry) => entry !== 'data'),
        [LARGE.length, ...Array(50).fill(100000)]
      );
      assert.equal(ws[kConnection].chunks, null);
      await over(ends);
    });

    it(`a failure of the engine ends the connection: ${transport}`, async () => {
      for (const kind of [KIND.WriteFailed, KIND.ReadFailed]) {
        const ends = await connected(transport);
        const { ws } = ends;
        const log = [];
        const errored = once(ws._socket, 'error');
        const closed = new Promise((resolve) => ws.once('close', resolve));

        ws.on('error', (err) => log.push(err.message));
        ws.send(words(4 << 20), (err) => log.push(err instanceof Error));
        ws.send('behind', (err) => log.push(err instanceof Error));
        await new Promise(setImmediate);
        // Simulates a panic, which no message of a peer can cause.
        ws[kConnection].take(kind, 5, Buffer.alloc(0));
        assert.equal((await errored)[0].code, 'EIO');
        assert.equal(await closed, 1006);
        assert.deepEqual(log, [true, true]);
        await over(ends);
      }
    });
  }

  it('a whole frame in one chunk leaves the thread, too', async () => {
    const [end, far] = pairOfStreams();
    const peer = new RawPeer(far, true);
    const ws = new WebSocket('ws://localhost', {
      createConnection: () => /** @type {any} */ (end)
    });

    await Promise.all([once(ws, 'open'), peer.answer({ deflate: OFFER })]);

    const log = [];

    ws.on('message', (data) => log.push(data.length));
    end.on('data', (chunk) => {
      log.push(`data ${chunk.length > LARGE.length / 100}`);
      setImmediate(() => log.push('turn'));
    });
    peer.write(peer.compressed('binary', LARGE), peer.frame('ping', ''));
    await once(ws, 'message');
    assert.deepEqual(log, ['data true', 'turn', LARGE.length]);
    ws.terminate();
    await once(ws, 'close');
  });
});

/**
 * A program that starts to inflate a large message, and then runs `finish`.
 *
 * @param {any} kit Modules and helpers for it
 */
function program({ WebSocket, noise, finish, rawConnect, serve }) {
  serve(WebSocket, 'duplex', { perMessageDeflate: true }, (ws) => {
    ws.on('message', () => finish('message'));
    ws._socket.on('data', () => {
      // A paused socket has delivered its last chunk.
      setImmediate(() => ws._socket.isPaused() && finish('work'));
    });
  }).then(async ({ address }) => {
    const peer = rawConnect('duplex', address);

    await peer.request({ deflate: 'permessage-deflate' });
    peer.write(
      peer.compressed(
        'binary',
        Buffer.concat([noise(300000), Buffer.alloc(64 << 20, 'x')])
      )
    );
  });
}

/**
 * A program whose listener throws while a message is being inflated.
 *
 * @param {any} kit Modules and helpers for it
 */
function throwing({ WebSocket, connectionOf, noise, rawConnect, serve }) {
  const log = [];
  const large = Buffer.concat([noise(300000), Buffer.alloc(4 << 20, 'x')]);
  let peer;

  process.on('uncaughtException', (error) => log.push(error.message));
  serve(WebSocket, 'duplex', { perMessageDeflate: true }, (ws) => {
    let waiting = false;

    ws.on('message', (data) => {
      log.push(data.length);
      throw new Error('mine');
    });
    ws.on('close', (code) => {
      process.stdout.write([...log, code].join(' '));
      process.exit();
    });
    ws._socket.on('data', () => {
      if (waiting || !ws._socket.isPaused()) return;
      waiting = true;
      // Although no listener makes it flow.
      for (const part of [
        peer.frame('text', 'one'),
        peer.compressed('binary', large),
        peer.compressed('text', 'three'),
        peer.closeFrame(1000)
      ]) {
        connectionOf(ws).feed(part);
      }
    });
  }).then(async ({ address }) => {
    peer = rawConnect('duplex', address);
    await peer.request({ deflate: 'permessage-deflate' });
    peer.write(peer.compressed('binary', large));
    await peer.until(() => / 1000 /.test(peer.log.at(-1)), 'a close');
    peer.stream.end();
  });
}

/**
 * A program whose connections receive large and small messages, and end in
 * various ways meanwhile. It exits after the last connection.
 *
 * @param {any} kit Modules and helpers for it
 */
async function storm({ WebSocket, noise, rawConnect, serve, words }) {
  const large = Buffer.concat([noise(150000), Buffer.alloc(3000000, 'x')]);
  const all = ['one', large, words(200000), 'x', large, words(9000)];
  const farewell = (peer) => peer.stream.end(peer.closeFrame(1000));
  /** The ways that let every message be delivered come first. */
  const ways = [
    (ws, peer) => peer.stream.end(),
    (ws, peer) => farewell(peer),
    (ws, peer) => {
      ws.pause();
      setTimeout(() => {
        ws.resume();
        farewell(peer);
      }, 20);
    },
    (ws, peer, left = 100) => {
      const flow = () => {
        ws.resume();
        if (--left > 0) setImmediate(flow);
        else farewell(peer);
      };

      flow();
    },
    (ws, peer) => peer.stream.destroy(),
    (ws) => ws._socket.destroy(),
    (ws) => ws.terminate(),
    (ws) => {
      ws.send(words(300000));
      ws.terminate();
    }
  ];

  /**
   * @param {any} ws One end
   * @param {any} peer The other
   * @param {number} way How to end it
   * @param {number} delay When to end it
   */
  const play = async (ws, peer, way, delay) => {
    let seen = 0;
    let closed = 0;

    ws.on('message', (data) => {
      const right = data.equals(Buffer.from(all[seen++] ?? ''));

      if (!right || closed > 0) console.log('message', way, delay, seen);
    });
    peer.stream.on('error', () => {});
    for (const data of all) peer.write(peer.compressed('binary', data));
    setTimeout(() => ways[way](ws, peer), delay);
    await new Promise((resolve) => {
      ws.on('close', () => {
        closed++;
        resolve(undefined);
      });
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (closed !== 1 || (way < 4 && seen < all.length)) {
      console.log('close', way, delay, closed, seen);
    }
    peer.stream.destroy();
  };

  for (const transport of ['tls', 'duplex']) {
    const accepted = [];
    const { address, server } = await serve(
      WebSocket,
      transport,
      { perMessageDeflate: true },
      (ws) => accepted.shift()(ws)
    );

    for (let delay = 0; delay < 30; delay += 10) {
      await Promise.all(
        ways.map(async (_, way) => {
          const peer = rawConnect(transport, address);
          const ws = new Promise((resolve) => accepted.push(resolve));

          await peer.request({ deflate: 'permessage-deflate' });
          await play(await ws, peer, way, delay + (way % 3));
        })
      );
    }
    server.close();
    server.closeAllConnections();
  }

  console.log('over');
}

const PRELUDE = `
  const { noise, words } = require(${JSON.stringify(
    path.join(__dirname, '..', 'support', 'deflated.js')
  )});
  const { rawConnect, serve } = require(${JSON.stringify(
    path.join(__dirname, '..', 'support', 'transports.js')
  )});
  const { kConnection } = require(${JSON.stringify(
    path.join(__dirname, '..', '..', 'lib', 'constants.js')
  )});
  const kit = {
    connectionOf: (ws) => ws[kConnection],
    WebSocket: require(${JSON.stringify(require.resolve('ws-native'))}),
    noise, rawConnect, serve, words
  };
`;

/**
 * @param {string} source The program of a child process
 * @return {Promise<{ code: number | null, signal: string | null, output: string
 *     }>} How it ended
 */
async function run(source) {
  const child = spawn(process.execPath, ['-e', PRELUDE + source], {
    stdio: ['ignore', 'pipe', 'pipe']
  });
  let output = '';

  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));

  const [code, signal] = await once(child, 'close');

  return { code, signal, output };
}

describe('The end of what inflates a large message', () => {
  it('process.exit()', async () => {
    const { code, signal, output } = await run(`
      kit.finish = (why) => { console.log(why); process.exit(7); };
      (${program})(kit);
    `);

    assert.deepEqual(
      { code, signal, output },
      {
        code: 7,
        signal: null,
        output: 'work\n'
      }
    );
  });

  it('an uncaught exception', async () => {
    const { code, signal, output } = await run(`
      kit.finish = (why) => { throw new Error('in ' + why); };
      (${program})(kit);
    `);

    assert.deepEqual([code, signal], [1, null], output);
    assert.match(output, /Error: in work/);
  });

  it('workers that are terminated', async () => {
    const worker = `
      ${PRELUDE}
      const { parentPort } = require('node:worker_threads');
      kit.finish = (why) => parentPort.postMessage(why);
      (${program})(kit);
    `;
    const { code, signal, output } = await run(`
      const { Worker } = require('node:worker_threads');
      const { once } = require('node:events');
      (async () => {
        for (let i = 0; i < 5; i++) {
          const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
          const [why] = await once(worker, 'message');
          console.log(why, await worker.terminate());
        }
      })();
    `);

    assert.deepEqual(
      { code, signal, output },
      {
        code: 0,
        signal: null,
        output: 'work 1\n'.repeat(5)
      }
    );
  });

  it('comes once, after the messages', async () => {
    const { code, output } = await run(`(${storm})(kit);`);

    assert.equal(output, 'over\n');
    assert.equal(code, 0);
  });

  it('a listener that throws loses no event of others', async () => {
    const { code, output } = await run(`
      (${throwing})(kit);
    `);
    const large = `${300000 + (4 << 20)} mine`;

    assert.equal(output, `${large} 3 mine ${large} 5 mine 1000`);
    assert.equal(code, 0);
  });
});
