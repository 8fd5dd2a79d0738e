'use strict';

/** What a peer may do wrong: the error, and what both ends see of it. */

const { scenario } = require('./harness.js');

const BAD_UTF8 = Buffer.from([0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xcf, 0x83, 0xed]);

/**
 * Sends something wrong between two messages, the first of which is good.
 *
 * @param {string} title What is wrong
 * @param {(peer: any) => Buffer[]} frames The bytes
 * @param {object} [options] Those of the WebSocket or its server
 * @param {object} [variants] Roles and transports
 */
function wrong(title, frames, options, variants = {}) {
  scenario(title, variants, async (play) => {
    const { ws, peer } = await play.open(options);

    play.watch(ws);
    peer.write(
      peer.frame('text', 'good'),
      ...frames(peer),
      peer.frame('text', 'unseen')
    );
    await play.over(ws, peer);
  });
}

// The rules are those of one decoder: two streams show that it is reached.
const brief = { transports: ['tcp', 'duplex'] };

for (const rsv of [1, 2, 4]) {
  wrong(
    `RSV bits ${rsv} on a text frame`,
    (peer) => [peer.frame('text', 'x', { rsv })],
    undefined,
    rsv === 4 ? {} : brief
  );
}

wrong(
  'RSV1 on a ping',
  (peer) => [peer.frame('ping', 'x', { rsv: 4 })],
  undefined,
  brief
);
wrong(
  'RSV1 on a continuation',
  (peer) => [
    peer.frame('text', 'x', { fin: false }),
    peer.frame('continuation', 'y', { rsv: 4 })
  ],
  undefined,
  brief
);

for (const opcode of [3, 7, 11, 15]) {
  wrong(`opcode ${opcode}`, (peer) => [peer.frame(opcode)], undefined, brief);
}

wrong(
  'a continuation of nothing',
  (peer) => [peer.frame('continuation', 'x')],
  undefined,
  brief
);
wrong(
  'a message within a message',
  (peer) => [
    peer.frame('text', 'x', { fin: false }),
    peer.frame('binary', 'y')
  ],
  undefined,
  brief
);

for (const kind of ['ping', 'pong', 'close']) {
  wrong(
    `a ${kind} frame in pieces`,
    (peer) => [peer.frame(kind, '', { fin: false })],
    undefined,
    brief
  );
  wrong(
    `a ${kind} frame of 126 bytes`,
    (peer) => [peer.frame(kind, Buffer.alloc(126))],
    undefined,
    brief
  );
}

wrong(
  'a close frame of one byte',
  (peer) => [peer.frame('close', 'x')],
  undefined,
  brief
);

for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000]) {
  wrong(
    `close code ${code}`,
    (peer) => [peer.frame('close', Buffer.from([code >> 8, code & 255]))],
    undefined,
    brief
  );
}

wrong(
  'bad UTF-8 in a close reason',
  (peer) => [peer.closeFrame(1000, BAD_UTF8)],
  undefined,
  brief
);
wrong('bad UTF-8 in text', (peer) => [peer.frame('text', BAD_UTF8)]);
wrong(
  'text that ends within a character',
  (peer) => [
    peer.frame('text', Buffer.from([0xf0, 0x9f]), { fin: false }),
    peer.frame('continuation', Buffer.from([0x98]))
  ],
  undefined,
  brief
);

for (const [name, bytes] of Object.entries({
  'a surrogate': [0xed, 0xa0, 0x80],
  'an overlong form': [0xc0, 0xaf],
  'a value too large': [0xf4, 0x90, 0x80, 0x80],
  'a stray byte': [0x80]
})) {
  wrong(
    `${name} in text`,
    (peer) => [peer.frame('text', Buffer.from(bytes))],
    undefined,
    brief
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
  brief
);

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
  brief
);
wrong(
  'more than maxFragments',
  (peer) => [
    peer.frame('text', 'a', { fin: false }),
    peer.frame('continuation', '', { fin: false }),
    peer.frame('continuation', 'b')
  ],
  { maxFragments: 2 },
  brief
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
    // Chunks are counted as they come, and the kernel may join two of them: a
    // piece is sent only when the one before has surely been read.
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

scenario('skipUTF8Validation lets all text through', brief, async (play) => {
  const { ws, peer } = await play.open({ skipUTF8Validation: true });

  play.watch(ws);
  peer.write(
    peer.frame('text', BAD_UTF8),
    peer.closeFrame(1000, BAD_UTF8.subarray(4))
  );
  await play.over(ws, peer);
});

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

scenario(
  'sixty-one pings in a chunk are one too many for pending pongs',
  { transports: ['tcp', 'unix', 'duplex'] },
  async (play) => {
    const { ws, peer } = await play.open();
    let pings = 0;

    ws.on('ping', () => pings++);
    ws.on('error', (err) => play.note('error', err));
    ws.on('close', (code) => play.note('close', code));
    peer.write(Buffer.concat(Array(61).fill(peer.frame('ping', 'p'))));
    await play.over(ws, peer);
    play.log = play.log.filter((line) => !line.startsWith('peer pong'));
    play.note('pings', pings);
  }
);
