'use strict';

// Compressed messages that arrive: valid, invalid, and too large ones.

const zlib = require('node:zlib');

const { scenario } = require('../support/scenario.js');

const { alone, noise, openDeflated, words } = require('../support/deflated.js');

scenario('messages of every size', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  for (const data of [
    '',
    'a',
    'Hello Hello',
    words(100),
    words(100),
    words(5000),
    noise(5000),
    words(200000),
    noise(200000),
    Buffer.alloc(3000000, 'x'),
    'after'
  ]) {
    peer.write(
      peer.compressed(typeof data === 'string' ? 'text' : 'binary', data)
    );
  }
  peer.write(peer.closeFrame(1000));
  await play.over(ws, peer);
});

scenario('bytes one by one', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  for (const byte of Buffer.concat([
    peer.compressed('text', 'Hello Hello'),
    peer.compressed('text', 'Hello ', { fin: false }),
    peer.frame('ping', 'between'),
    peer.compressed('continuation', 'Hello'),
    peer.frame('text', 'plain'),
    peer.closeFrame(1000)
  ])) {
    peer.write(Buffer.from([byte]));
  }
  await play.over(ws, peer);
});

for (const binaryType of ['nodebuffer', 'fragments', 'arraybuffer']) {
  scenario(`fragments as ${binaryType}`, {}, async (play) => {
    const { ws, peer } = await openDeflated(play);

    ws.binaryType = binaryType;
    play.watch(ws);
    peer.write(
      peer.compressed('binary', 'one', { fin: false }),
      peer.compressed('continuation', '', { fin: false }),
      peer.frame('ping', '1'),
      peer.compressed('continuation', words(3000), { fin: false }),
      peer.frame('pong', '2'),
      peer.compressed('continuation', 'three'),
      peer.compressed('binary', '', { fin: false }),
      peer.compressed('continuation', ''),
      peer.compressed('binary', 'whole'),
      peer.compressed('text', 'te', { fin: false }),
      peer.compressed('continuation', 'xt'),
      // Also cut within a block of deflate.
      ...[peer.deflating.deflate(words(1000))].flatMap((all) => [
        peer.frame('binary', all.subarray(0, 1), { fin: false, rsv: 4 }),
        peer.frame('continuation', all.subarray(1, 50), { fin: false }),
        peer.frame('continuation', '', { fin: false }),
        peer.frame('continuation', all.subarray(50), { fin: false }),
        peer.frame('continuation', '')
      ])
    );
    peer.write(peer.closeFrame(1000));
    await play.over(ws, peer);
  });
}

scenario('Blobs of compressed messages', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);
  const seen = new Promise((resolve) => {
    ws.on('message', (blob) => resolve(blob));
  });

  ws.binaryType = 'blob';
  peer.write(
    peer.compressed('binary', 'one', { fin: false }),
    peer.compressed('continuation', 'two')
  );
  const blob = await seen;
  play.note(blob.size, await blob.text());
  peer.write(peer.closeFrame());
  await play.over(ws, peer);
});

scenario('plain messages between compressed ones', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  for (let i = 0; i < 20; i++) {
    peer.write(
      peer.compressed('text', words(300)),
      peer.frame('text', noise(300).toString('hex')),
      peer.frame('binary', 'pla', { fin: false }),
      peer.frame('ping', String(i)),
      peer.frame('continuation', 'in'),
      peer.compressed('binary', noise(300))
    );
  }
  peer.write(peer.closeFrame(1000));
  await play.over(ws, peer);
});

scenario('stored and fixed blocks, and other levels', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  for (const options of [
    { level: 0 },
    { level: 1 },
    { level: 9 },
    { strategy: zlib.constants.Z_FIXED },
    { strategy: zlib.constants.Z_HUFFMAN_ONLY },
    { strategy: zlib.constants.Z_RLE },
    { windowBits: 9 },
    { memLevel: 1 }
  ]) {
    peer.write(peer.frame('text', alone(words(9000), options), { rsv: 4 }));
  }
  peer.write(peer.closeFrame(1000));
  await play.over(ws, peer);
});

const final = (data) => zlib.deflateRawSync(data);

scenario('blocks that say they are the last', {}, async (play) => {
  for (const [name, ...frames] of [
    ['as in RFC 7692 7.2.3.4', Buffer.concat([final('Hello'), Buffer.of(0)])],
    ['without the byte', final('Hello')],
    ['with more behind', Buffer.concat([final('Hello'), noise(20)])],
    ['twice', final('Hello'), final('Hello')],
    ['in the last fragment', [alone('Hel'), Buffer.concat([final('lo')])]],
    ['in the first fragment', [final('Hel'), final('lo')]],
    [
      'in the first, with the byte',
      [
        Buffer.concat([final('Hel'), Buffer.of(0)]),
        Buffer.concat([final('lo'), Buffer.of(0)])
      ]
    ],
    ['in all of three', [final('H'), final('el'), final('lo')]],
    ['and then an empty fragment', [final('Hello'), Buffer.alloc(0)]],
    ['and a fragment that is no block', [final('Hello'), alone('again')]]
  ]) {
    const { ws, peer } = await openDeflated(play);

    play.note(name);
    play.watch(ws);
    for (const message of frames) {
      const pieces = Array.isArray(message) ? message : [message];

      pieces.forEach((piece, index) => {
        peer.write(
          peer.frame(index ? 'continuation' : 'text', piece, {
            fin: index + 1 === pieces.length,
            rsv: index ? 0 : 4
          })
        );
      });
    }
    peer.write(peer.frame('text', alone('behind'), { rsv: 4 }));
    peer.write(peer.closeFrame(1000));
    await play.over(ws, peer);
  }
});

const CORRUPT = {
  'block type': [0x07],
  'stored lengths': [0x00, 1, 2, 3, 4, 5, 6],
  'too many symbols': [0xfc, 0xff, 0xff, 0xff],
  'far back': [0xf2, 0x00, 0x11, 0x00, 0x00],
  'far back, by a lot': [...alone('x'.repeat(300)).subarray(2)],
  noise: [...noise(500)],
  'code lengths': [0x04, 0x00, 0xfe, 0xff],
  'bit length repeat': [0x04, 0xc0, 0x81, 0x08, 0, 0, 0, 0, 0x20, 0x7f, 0xeb],
  'all ones': Array(40).fill(0xff),
  'all of 0x55': Array(40).fill(0x55),
  'all of 0xaa': Array(40).fill(0xaa)
};

scenario('corrupt data', {}, async (play) => {
  for (const [name, bytes] of Object.entries(CORRUPT)) {
    const { ws, peer } = await openDeflated(play);

    play.note(name);
    play.watch(ws);
    ws.on('error', (err) => {
      play.note(err.constructor.name, err.errno, Object.keys(err));
    });
    peer.write(
      peer.frame('binary', Buffer.from(bytes), { rsv: 4 }),
      peer.frame('text', 'behind'),
      peer.closeFrame(1000)
    );
    await play.over(ws, peer);
  }
});

scenario('corrupt data in the first of two fragments', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  peer.write(peer.frame('text', [0x07], { fin: false, rsv: 4 }));
  await play.over(ws, peer);
});

scenario('messages before a corrupt one', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  peer.write(
    peer.compressed('text', words(1000)),
    peer.frame('ping', 'ping'),
    peer.compressed('text', words(100000)),
    peer.frame('text', [0x07], { rsv: 4 }),
    peer.compressed('text', 'not seen'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

scenario('bad UTF-8', {}, async (play) => {
  for (const skipUTF8Validation of [false, true]) {
    const { ws, peer } = await openDeflated(play, true, {
      skipUTF8Validation
    });

    play.watch(ws);
    peer.write(
      peer.compressed('binary', Buffer.of(0xce, 0xff)),
      peer.compressed('text', Buffer.of(0xce), { fin: false }),
      peer.compressed('continuation', Buffer.of(0xba)),
      peer.compressed('text', Buffer.of(0xce, 0xff)),
      peer.closeFrame(1000)
    );
    await play.over(ws, peer);
  }
});

scenario('maxPayload', {}, async (play) => {
  for (const [name, send] of Object.entries({
    exactly: (peer) => [peer.compressed('text', 'x'.repeat(1000))],
    'one more': (peer) => [peer.compressed('text', 'x'.repeat(1001))],
    'a bomb': (peer) => [peer.compressed('binary', Buffer.alloc(50_000_000))],
    'two fragments': (peer) => [
      peer.compressed('text', 'x'.repeat(500), { fin: false }),
      peer.compressed('continuation', 'x'.repeat(500)),
      peer.compressed('text', 'x'.repeat(500), { fin: false }),
      peer.compressed('continuation', 'x'.repeat(501))
    ],
    'the first fragment': (peer) => [
      peer.compressed('text', 'x'.repeat(1001), { fin: false })
    ],
    'larger when compressed': (peer) => [
      peer.compressed('binary', noise(1000)),
      peer.compressed('text', 'not seen')
    ],
    announced: (peer) => [peer.frame('text', noise(1001), { rsv: 4 })],
    'announced in fragments': (peer) => [
      peer.frame('binary', peer.deflating.deflate(noise(600)), {
        rsv: 4,
        fin: false
      }),
      peer.frame('continuation', noise(700))
    ]
  })) {
    const { ws, peer } = await openDeflated(play, true, { maxPayload: 1000 });

    play.note(name);
    play.watch(ws);
    peer.write(...send(peer));
    peer.write(peer.closeFrame(1000));
    await play.over(ws, peer);
  }
});

scenario('maxFragments of compressed messages', {}, async (play) => {
  for (const count of [3, 4]) {
    const { ws, peer } = await openDeflated(play, true, { maxFragments: 3 });

    play.watch(ws);
    for (let i = 0; i < count; i++) {
      peer.write(
        peer.compressed(i ? 'continuation' : 'text', 'x', {
          fin: i + 1 === count
        })
      );
    }
    peer.write(peer.closeFrame(1000));
    await play.over(ws, peer);
  }
});

scenario('RSV1 where it must not be', {}, async (play) => {
  for (const send of [
    (peer) => peer.frame('ping', 'x', { rsv: 4 }),
    (peer) => peer.frame('close', '', { rsv: 4 }),
    (peer) => peer.frame('text', 'x', { rsv: 2 }),
    (peer) => peer.frame('text', 'x', { rsv: 5 }),
    (peer) => [
      ...peer.compressed('text', 'x', { fin: false }),
      ...peer.frame('continuation', 'x', { rsv: 4 })
    ],
    (peer) => [
      ...peer.frame('text', 'x', { fin: false }),
      ...peer.frame('continuation', 'x', { rsv: 4 })
    ]
  ]) {
    const { ws, peer } = await openDeflated(play);

    play.watch(ws);
    peer.write(Buffer.from(send(peer)));
    await play.over(ws, peer);
  }
});

scenario('pause and resume', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);
  let count = 0;

  play.watch(ws);
  ws.on('message', () => {
    // The messages of one chunk are delivered whatever happens meanwhile.
    if (count++ === 0) ws.pause();
    if (count === 5) ws.resume();
    play.note(ws.isPaused ? 'paused' : 'flowing');
  });
  peer.write(
    ...Array.from({ length: 5 }, (_, i) =>
      peer.compressed('text', words(i * 1000))
    )
  );
  await new Promise((resolve) => {
    ws.on('message', () => count === 5 && resolve(undefined));
  });
  ws.pause();
  peer.write(peer.compressed('text', words(9999)), peer.closeFrame(1000));
  await new Promise(setImmediate);
  play.note('nothing', count);
  ws.resume();
  await play.over(ws, peer);
});

scenario('the end right behind compressed messages', {}, async (play) => {
  for (const how of ['FIN', 'close frame and FIN', 'FIN in a message']) {
    const { ws, peer } = await openDeflated(play);

    play.note(how);
    play.watch(ws);
    for (let i = 0; i < 20; i++) {
      peer.write(peer.compressed('text', words(10000 + i)));
    }
    if (how === 'close frame and FIN') peer.write(peer.closeFrame(1001));
    if (how === 'FIN in a message') {
      peer.write(peer.compressed('text', 'half', { fin: false }));
    }
    peer.stream.end();
    // Whether `ws` still answers the close frame depends on how long inflating takes.
    await play.over(ws, peer, true);
  }
});

scenario('close() while messages come', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  ws.once('message', () => {
    play.note('close');
    ws.close(1000);
  });
  peer.write(
    ...Array.from({ length: 10 }, (_, i) =>
      peer.compressed('text', words(i * 100))
    )
  );
  await play.finish(ws, peer);
});

scenario('terminate() while messages come', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  ws.once('message', () => {
    play.note('terminate');
    ws.terminate();
  });
  peer.write(
    ...Array.from({ length: 10 }, (_, i) =>
      peer.compressed('text', words(i * 100))
    )
  );
  await play.over(ws, peer);
});

scenario('allowSynchronousEvents false', {}, async (play) => {
  const { ws, peer } = await openDeflated(play, true, {
    allowSynchronousEvents: false
  });

  play.watch(ws);
  ws.on('message', () => {
    Promise.resolve().then(() => play.note('microtask'));
  });
  peer.write(
    peer.compressed('text', 'one'),
    peer.frame('text', 'two'),
    peer.compressed('text', 'three'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

scenario('messages in one write with the handshake', {}, async (play) => {
  if (play.role === 'server') {
    play.note('a client does not know yet whether it may compress');
    return;
  }

  const { ws, peer } = await openDeflated(
    play,
    true,
    {},
    {
      head: (end) =>
        Buffer.concat([
          end.compressed('text', words(2000)),
          end.compressed('text', words(2000), { fin: false })
        ]),
      onOpen: (opened) => play.watch(opened)
    }
  );

  peer.write(
    peer.compressed('continuation', words(2000)),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});
