'use strict';

// Frames that break the protocol: the error, and what both ends see of it.

const { BAD_UTF8, wrong } = require('../support/protocol-error.js');
const { scenario } = require('../support/scenario.js');

// One decoder applies the rules: two streams show that data reaches it.
const BRIEF = { transports: ['tcp', 'duplex'] };

for (const rsv of [1, 2, 4]) {
  wrong(
    `RSV bits ${rsv} on a text frame`,
    (peer) => [peer.frame('text', 'x', { rsv })],
    undefined,
    rsv === 4 ? {} : BRIEF
  );
}

wrong(
  'RSV1 on a ping',
  (peer) => [peer.frame('ping', 'x', { rsv: 4 })],
  undefined,
  BRIEF
);

wrong(
  'RSV1 on a continuation',
  (peer) => [
    peer.frame('text', 'x', { fin: false }),
    peer.frame('continuation', 'y', { rsv: 4 })
  ],
  undefined,
  BRIEF
);

for (const opcode of [3, 7, 11, 15]) {
  wrong(`opcode ${opcode}`, (peer) => [peer.frame(opcode)], undefined, BRIEF);
}

wrong(
  'a continuation of nothing',
  (peer) => [peer.frame('continuation', 'x')],
  undefined,
  BRIEF
);

wrong(
  'a message within a message',
  (peer) => [
    peer.frame('text', 'x', { fin: false }),
    peer.frame('binary', 'y')
  ],
  undefined,
  BRIEF
);

for (const kind of ['ping', 'pong', 'close']) {
  wrong(
    `a ${kind} frame in pieces`,
    (peer) => [peer.frame(kind, '', { fin: false })],
    undefined,
    BRIEF
  );
  wrong(
    `a ${kind} frame of 126 bytes`,
    (peer) => [peer.frame(kind, Buffer.alloc(126))],
    undefined,
    BRIEF
  );
}

wrong(
  'a close frame of one byte',
  (peer) => [peer.frame('close', 'x')],
  undefined,
  BRIEF
);

for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000]) {
  wrong(
    `close code ${code}`,
    (peer) => [peer.frame('close', Buffer.from([code >> 8, code & 255]))],
    undefined,
    BRIEF
  );
}

wrong(
  'a wrong mask bit',
  (peer) => [peer.frame('text', 'x', { masked: peer.isServer })],
  undefined,
  {}
);

wrong(
  'a length above 2^53 - 1',
  (peer) => {
    const head = peer.frame('binary', '', { length: 2 ** 53 }).subarray(0, 10);
    return [head];
  },
  undefined,
  BRIEF
);

scenario('an error is announced once, whatever follows', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.on('error', () => {
    ws.send('too late', (err) => play.note('ack', err));
    ws.close(1000);
    ws.terminate();
    play.note('terminated', ws.readyState);
  });
  peer.write(peer.frame(3), peer.frame(4));
  await play.over(ws, peer, play.loses);
});

scenario('both ends fail at once', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.close(1000, 'me first');
  await peer.frames(1);
  peer.write(peer.frame('text', 'still heard'), peer.frame(5));
  await play.over(ws, peer);
});

scenario(
  'a message before an error in the same chunk can still be answered',
  {},
  async (play) => {
    const { ws, peer } = await play.open();

    play.watch(ws);
    ws.on('message', () => ws.send('answer'));
    peer.write(
      peer.frame('text', 'question'),
      peer.frame('ping', 'p'),
      peer.frame('text', BAD_UTF8)
    );
    await play.over(ws, peer);
  }
);

scenario('much behind an error is drained', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  peer.write(peer.frame(3), Buffer.alloc(2 << 20));
  await play.over(ws, peer);
});
