'use strict';

// The options maxPayload, maxFragments and maxBufferedChunks.

const { wrong } = require('../support/protocol-error.js');
const { scenario } = require('../support/scenario.js');

// One decoder applies the rules: two streams show that data reaches it.
const BRIEF = { transports: ['tcp', 'duplex'] };

scenario('the default of maxPayload', BRIEF, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  peer.write(peer.frame('binary', '', { length: 100 * 1024 * 1024 + 1 }));
  await play.over(ws, peer);
});

scenario(
  'a length of exactly the default of maxPayload',
  BRIEF,
  async (play) => {
    const { ws, peer } = await play.open();

    play.watch(ws);
    // The length alone must neither fail nor allocate memory.
    peer.write(peer.frame('binary', '', { length: 100 * 1024 * 1024 }));
    ws.ping('still here');
    await peer.frames(1);
    peer.stream.end();
    await play.over(ws, peer);
  }
);

for (const count of [16384, 16385]) {
  scenario(`${count} fragments by default`, BRIEF, async (play) => {
    const { ws, peer } = await play.open();
    const piece = peer.frame('continuation', 'x', { fin: false });

    play.watch(ws);
    peer.write(
      peer.frame('text', 'x', { fin: false }),
      ...Array(count - 2).fill(piece),
      peer.frame('continuation', 'x'),
      peer.closeFrame(1000)
    );
    await play.over(ws, peer);
  });
}

scenario('maxPayload 0 and maxFragments 0', BRIEF, async (play) => {
  const { ws, peer } = await play.open({ maxPayload: 0, maxFragments: 0 });
  const piece = peer.frame('continuation', 'x', { fin: false });

  play.watch(ws);
  peer.write(
    peer.frame('text', 'x', { fin: false }),
    ...Array(17000).fill(piece),
    peer.frame('continuation', 'x'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

for (const limits of [
  { maxPayload: 5 },
  { maxFragments: 2 },
  { skipUTF8Validation: true }
]) {
  scenario(`what ${JSON.stringify(limits)} means`, {}, async (play) => {
    const { ws, peer } = await play.open(limits);

    play.watch(ws);
    peer.write(
      peer.frame('text', 'five5'),
      peer.frame('ping', 'longer than five'),
      peer.frame('text', 'a', { fin: false }),
      peer.frame('continuation', '', { fin: false }),
      peer.frame('continuation', Buffer.from([0xff])),
      peer.frame('binary', 'sixsix'),
      peer.closeFrame(1000, Buffer.from([0xff]))
    );
    await play.over(ws, peer);
  });
}

wrong(
  'a frame over maxPayload, judged by its header',
  (peer) => [peer.frame('binary', Buffer.alloc(21))],
  { maxPayload: 20 }
);

wrong(
  'fragments over maxPayload',
  (peer) => [
    peer.frame('binary', Buffer.alloc(12), { fin: false }),
    peer.frame('ping', 'within the limit'),
    peer.frame('continuation', Buffer.alloc(9))
  ],
  { maxPayload: 20 },
  BRIEF
);

wrong(
  'more than maxFragments',
  (peer) => [
    peer.frame('text', 'a', { fin: false }),
    peer.frame('continuation', '', { fin: false }),
    peer.frame('continuation', 'b')
  ],
  { maxFragments: 2 },
  BRIEF
);

scenario('as many as maxFragments and maxPayload allow', {}, async (play) => {
  const { ws, peer } = await play.open({ maxFragments: 3, maxPayload: 6 });

  play.watch(ws);
  peer.write(
    peer.frame('text', 'ab', { fin: false }),
    peer.frame('continuation', 'cd', { fin: false }),
    peer.frame('continuation', 'ef'),
    peer.frame('binary', '123456'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

scenario(
  'more than maxBufferedChunks',
  { transports: ['tcp', 'unix'] },
  async (play) => {
    const { ws, peer } = await play.open({ maxBufferedChunks: 3 });
    const bytes = peer.frame('binary', Buffer.alloc(90));
    let failed = false;

    play.watch(ws);
    ws.on('error', () => {
      failed = true;
    });
    // The limit counts chunks as they arrive, and the kernel may join two of them. So
    // each piece is sent only after the one before has been read.
    for (let i = 0; i < 8 && !failed; i++) {
      const { _socket: socket } = ws;
      const before = socket.bytesRead;

      peer.write(bytes.subarray(i * 10, i * 10 + 10));
      do {
        await new Promise(setImmediate);
      } while (!failed && socket.bytesRead === before);
      await new Promise(setImmediate);
    }
    await play.over(ws, peer);
  }
);

for (const [name, value] of [
  ['maxPayload', 2 ** 32 + 2],
  ['maxPayload', 2.9],
  ['maxFragments', 2 ** 32 + 2]
]) {
  scenario(
    `${name} ${value}`,
    { transports: ['tcp', 'duplex'] },
    async (play) => {
      const { ws, peer } = await play.open({ [name]: value });

      play.watch(ws);
      for (let i = 0; i < 3; i++) {
        peer.write(
          peer.frame(i === 0 ? 'text' : 'continuation', 'x', { fin: i === 2 })
        );
      }
      peer.write(peer.closeFrame(1000));
      await play.over(ws, peer);
    }
  );
}
