'use strict';

// Worker threads, each with its own servers and clients.

const path = require('node:path');
const { Worker } = require('node:worker_threads');

const { RawPeer, scenario } = require('../support/scenario.js');

const transports = path.join(__dirname, '..', 'support', 'transports.js');
const net = require('node:net');

const variants = { roles: ['server'], transports: ['tcp', 'duplex'] };

/**
 * @param {any} play The scenario's play
 * @param {(kit: any) => void} body What the thread does, as source text
 * @return {{ worker: Worker, port: Promise<number>, exit: Promise<number>,
 *     messages: any[] }} The thread; the first number it posts is its port
 */
function thread(play, body) {
  const worker = new Worker(
    `const kit = {
       WebSocket: require(${JSON.stringify(play.modulePath)}),
       transports: require(${JSON.stringify(transports)}),
       transport: ${JSON.stringify(play.transport)},
       ...require('node:worker_threads')
     };
     (${body})(kit);`,
    { eval: true }
  );
  const messages = [];

  play.defer(() => worker.terminate());

  return {
    worker,
    messages,
    port: new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.on('message', (message) => messages.push(message));
    }),
    exit: new Promise((resolve) => {
      worker.once('exit', resolve);
    })
  };
}

/**
 * @param {any} play The scenario's play
 * @param {number} port Where a server listens
 * @return {Promise<RawPeer>} A connection to it
 */
async function dial(play, port) {
  const peer = play.track(
    new RawPeer(net.connect({ port, host: '127.0.0.1', noDelay: true }), false)
  );

  await peer.request();
  return peer;
}

/**
 * The body of a thread with an echo server, until it is told to close or to exit.
 *
 * @param {any} kit As `thread` passes it
 */
function echo({ WebSocket, transports, transport, parentPort }) {
  transports
    .serve(WebSocket, transport, {}, (ws) => {
      ws.on('message', (data, isBinary) => {
        if (String(data) === 'exit') {
          ws.send('exiting');
          process.exit(7);
        }
        if (String(data) === 'throw') {
          ws.send('throwing');
          throw new Error('in a thread');
        }
        ws.send(data, { binary: isBinary });
      });
    })
    .then(({ server, address }) => {
      parentPort.postMessage(address);
      parentPort.once('message', () => server.close());
    });
}

scenario(
  'three threads and the main one echo at once',
  variants,
  async (play) => {
    const threads = [1, 2, 3].map(() => thread(play, echo));
    const ports = await Promise.all(threads.map(({ port }) => port));
    const own = await play.open();
    const peers = await Promise.all(
      ports.flatMap((port) => [dial(play, port), dial(play, port)])
    );

    own.ws.on('message', (data) => own.ws.send(data));
    peers.push(own.peer);
    for (let i = 0; i < 20; i++) {
      for (const [n, peer] of peers.entries()) {
        peer.write(peer.frame('text', `${n}-${i}`));
      }
    }
    await Promise.all(peers.map((peer) => peer.frames(20)));
    for (const peer of peers) play.note(peer.log.join(' '));

    for (const { worker } of threads) worker.postMessage('close');
    for (const peer of peers) peer.write(peer.closeFrame(1000));
    await Promise.all(peers.map((peer) => peer.finish()));
    play.note(await Promise.all(threads.map(({ exit }) => exit)));
  }
);

scenario('process.exit() in a thread', variants, async (play) => {
  const dying = thread(play, echo);
  const living = thread(play, echo);
  const first = await dial(play, await dying.port);
  const second = await dial(play, await living.port);

  first.write(first.frame('text', 'exit'));
  await first.closed();
  play.note(first.log.at(-1), await dying.exit);
  second.write(second.frame('text', 'unharmed'));
  await second.frames(1);
  play.note(second.log);
});

scenario('an exception in a thread', variants, async (play) => {
  const dying = thread(play, echo);
  const failed = new Promise((resolve) => dying.worker.once('error', resolve));
  const peer = await dial(play, await dying.port);

  peer.write(peer.frame('text', 'throw'));
  await peer.closed();
  play.note((await failed).message, await dying.exit, peer.log.at(-1));
});

scenario('terminate() of a thread', variants, async (play) => {
  const dying = thread(play, echo);
  const living = thread(play, echo);
  const peers = await Promise.all([
    dial(play, await dying.port),
    dial(play, await dying.port)
  ]);
  const other = await dial(play, await living.port);

  for (const peer of peers) peer.write(peer.frame('text', 'a'));
  await Promise.all(peers.map((peer) => peer.frames(1)));
  await dying.worker.terminate();
  await Promise.all(peers.map((peer) => peer.closed()));
  play.note(peers.map(({ log }) => log));
  other.write(other.frame('text', 'unharmed'));
  await other.frames(1);
  play.note(other.log);
});

scenario('threads one after the other', variants, async (play) => {
  for (let i = 0; i < 3; i++) {
    const { port, exit, worker } = thread(play, echo);
    const peer = await dial(play, await port);

    worker.postMessage('close');
    peer.write(peer.frame('text', String(i)), peer.closeFrame(1000));
    await peer.finish();
    play.note(peer.log, await exit);
  }
});

scenario('a client in a thread', variants, async (play) => {
  const server = thread(play, echo);
  const port = await server.port;
  const client = thread(play, function talk({ WebSocket, parentPort }) {
    parentPort.once('message', (to) => {
      const ws = new WebSocket(`ws://127.0.0.1:${to}`);
      ws.on('open', () => ws.send('hello'));
      ws.on('message', (data) => {
        parentPort.postMessage(String(data));
        ws.close(1000, 'done');
      });
      ws.on('close', (code, reason) => {
        parentPort.postMessage(`${code} ${reason}`);
      });
    });
    parentPort.postMessage(0);
  });

  await client.port;
  client.worker.postMessage(port);
  play.note(await client.exit, client.messages);
});
