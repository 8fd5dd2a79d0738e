'use strict';

// Programs that throttle themselves by the queue of `ws._socket`.

const net = require('node:net');

const { scenario } = require('../support/scenario.js');

const MEBIBYTE = Buffer.alloc(1 << 20, 7);

const LENGTHS = {
  writableLength: ({ _socket }) => _socket.writableLength,
  bufferSize: ({ _socket }) => _socket.bufferSize,
  state: ({ _socket }) => _socket._writableState.length,
  bufferedAmount: (ws) => ws.bufferedAmount
};

/**
 * @param {any} ws A WebSocket
 * @return {any[]} Whether its counters agree, and their values
 */
function agreement(ws) {
  // Another thread may be writing: read again what changes in between.
  for (;;) {
    const amount = ws.bufferedAmount;
    const lengths = Object.values(LENGTHS).map((read) => read(ws));

    if (ws.bufferedAmount === amount) {
      return [
        ...lengths.map((length) => length === amount),
        amount > 0,
        ws._socket.writableNeedDrain
      ];
    }
  }
}

scenario('the counters of a queue', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.note('idle', agreement(ws));
  ws.send('a');
  await peer.frames(1);
  play.note('a frame', agreement(ws));
  peer.stream.pause();
  for (let i = 0; i < 32; i++) ws.send(MEBIBYTE);
  play.note('much', agreement(ws));
  await new Promise(setImmediate);
  play.note('later', agreement(ws));
  ws._socket.write('raw');
  play.note('raw', agreement(ws));
  ws.terminate();
  play.note('terminated', agreement(ws));
  await new Promise((resolve) => ws.once('close', resolve));
  play.note('closed', agreement(ws));
});

scenario('the counters of a queue that ends', {}, async (play) => {
  const { ws, peer } = await play.open();

  peer.stream.pause();
  for (let i = 0; i < 32; i++) ws.send(MEBIBYTE);
  ws._socket.end('raw');
  play.note('ended', agreement(ws));
  peer.stream.resume();
  await new Promise((resolve) => ws._socket.once('finish', resolve));
  play.note('finished', agreement(ws));
  await play.over(ws, peer, true);
});

for (const [name, read] of Object.entries(LENGTHS)) {
  scenario(`a producer looks at ${name}`, {}, async (play) => {
    const { ws, peer } = await play.open();

    if (read(ws) === undefined) {
      play.note('there is none');
      return;
    }

    const produce = () => {
      let count = 0;

      // Far more than the kernel buffers.
      while (read(ws) < MEBIBYTE.length && count < 256) {
        ws.send(MEBIBYTE);
        count++;
      }
      play.note('full', count < 256);
    };

    peer.stream.pause();
    produce();
    await new Promise((resolve) => {
      ws.once('message', () => {
        produce();
        resolve();
      });
      peer.write(peer.frame('text', 'a'));
    });
    ws.terminate();
  });
}

// How much a Unix domain socket accepts at once depends on the speed of its peer.
const EVEN = { transports: ['tcp', 'tls'] };

scenario("'drain' behind frames", EVEN, async (play) => {
  const { ws, peer } = await play.open();
  const socket = ws._socket;
  const mark = socket.writableHighWaterMark;
  const onDrain = () => play.note('drain');

  peer.stream.resume();
  for (const size of [1000, mark - 14, mark, 4 * mark]) {
    const payload = Buffer.alloc(size);
    const sent = () => new Promise((resolve) => ws.send(payload, resolve));
    let ack;

    play.note(size / mark);
    ack = sent();
    play.note('wait', socket.writableNeedDrain);
    socket.once('drain', onDrain);
    await ack;
    socket.off('drain', onDrain);

    ack = sent();
    // They show how much is left.
    play.note('left', ws.bufferedAmount === socket.writableLength);
    play.note('wait', socket.writableNeedDrain);
    socket.once('drain', onDrain);
    await ack;
    socket.off('drain', onDrain);

    ack = sent();
    socket.once('drain', onDrain);
    await ack;
    play.note('waits', socket.listenerCount('drain'));
    socket.removeAllListeners('drain');

    socket.on('drain', onDrain);
    await sent();
    socket.off('drain', onDrain);
    // No listener is installed.
    await sent();
  }
  ws.terminate();
});

scenario("'drain' behind write()", EVEN, async (play) => {
  const { ws, peer } = await play.open();
  const socket = ws._socket;
  const mark = socket.writableHighWaterMark;

  peer.stream.resume();
  socket.on('drain', () => play.note('drain', socket.writableLength));
  for (const size of [0, 1, mark - 1, mark, 4 * mark]) {
    await new Promise((resolve) => {
      const free = socket.write(Buffer.alloc(size), resolve);

      play.note(size / mark, free, socket.writableNeedDrain);
    });
    play.note('written', socket.writableNeedDrain);
  }
  ws.terminate();
});

scenario(
  'a socket with a mark of its own',
  { roles: ['client'], transports: ['tcp'] },
  async (play) => {
    for (const highWaterMark of [0, 1000, 1 << 20]) {
      const { ws, peer } = await play.open({
        createConnection: (options) =>
          net.connect({ ...options, highWaterMark, noDelay: true })
      });
      const socket = ws._socket;

      play.note(socket.writableHighWaterMark);
      peer.stream.resume();
      socket.on('drain', () => play.note('drain'));
      for (const size of [0, 1, 999, 1000, 70000, 1 << 20]) {
        const payload = Buffer.alloc(size);

        play.note(size);
        await new Promise((resolve) => {
          play.note(socket.write(payload, resolve), socket.writableNeedDrain);
        });
        await new Promise((resolve) => {
          ws.send(payload, resolve);
          play.note(socket.writableNeedDrain);
        });
      }
      ws.terminate();
    }
  }
);
