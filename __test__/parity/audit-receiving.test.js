'use strict';

/** What arrives: default limits, binaryType, pieces, what comes before an end. */

const { scenario } = require('./harness.js');

const BRIEF = { transports: ['tcp', 'duplex'] };
const TYPES = ['nodebuffer', 'arraybuffer', 'fragments', 'blob'];

/**
 * @param {any} data What a message gave
 * @return {Promise<any>} What a play can note
 */
async function legible(data) {
  if (!(data instanceof Blob)) return data;
  return `Blob ${data.size} ${data.type} ${await data.text()}`;
}

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
    // Its announcement alone must neither fail nor take the memory.
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

for (const binaryType of TYPES) {
  scenario(`binaryType ${binaryType}`, {}, async (play) => {
    const { ws, peer } = await play.open();
    const seen = [];

    ws.binaryType = binaryType;
    ws.on('message', (data, isBinary) => {
      seen.push([isBinary, data.constructor.name, data]);
    });
    ws.addEventListener('message', ({ data }) => {
      seen.push(['event', data.constructor.name, data]);
    });
    peer.write(
      peer.frame('binary', 'whole'),
      peer.frame('binary', ''),
      peer.frame('text', 'text'),
      peer.frame('text', ''),
      peer.frame('binary', '', { fin: false }),
      peer.frame('continuation', 'ab', { fin: false }),
      peer.frame('continuation', ''),
      peer.frame('binary', '', { fin: false }),
      peer.frame('continuation', ''),
      peer.frame('binary', 'x'.repeat(1000)),
      peer.closeFrame(1000)
    );
    await play.over(ws, peer);
    for (const [kind, name, data] of seen) {
      play.note(kind, name, await legible(data));
    }
  });

  scenario(`a large message as ${binaryType}`, {}, async (play) => {
    const { ws, peer } = await play.open();
    const seen = [];
    const size = 300000;

    ws.binaryType = binaryType;
    ws.on('message', (data, isBinary) => {
      const length = data.byteLength ?? data.size ?? data.length;

      seen.push([isBinary, data.constructor.name, length]);
      if (Array.isArray(data)) play.note(data.map((part) => part.length));
      if (data instanceof ArrayBuffer || Buffer.isBuffer(data)) play.note(data);
    });
    peer.write(
      peer.frame('binary', Buffer.alloc(size, 'abc')),
      peer.frame('binary', Buffer.alloc(size, 'def'), { fin: false }),
      peer.frame('continuation', Buffer.alloc(size, 'ghi')),
      peer.closeFrame(1000)
    );
    await play.over(ws, peer);
    for (const line of seen) play.note(...line);
  });
}

scenario("an ArrayBuffer is exact, and one's own", BRIEF, async (play) => {
  const { ws, peer } = await play.open();

  ws.binaryType = 'arraybuffer';
  ws.on('message', (data, isBinary) => {
    if (!isBinary) return;
    play.note(data.byteLength, data);
    new Uint8Array(data).fill(0);
  });
  peer.write(
    ...['a', 'bc', 'def', 'ghij'].map((text) => peer.frame('binary', text)),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

scenario('an unknown binaryType is not taken', BRIEF, async (play) => {
  const { ws, peer } = await play.open();

  for (const type of ['', 'foo', 1, null, undefined, 'Blob', 'toString']) {
    ws.binaryType = type;
    play.note(String(type), ws.binaryType);
  }
  ws.close();
  await play.finish(ws, peer);
});

scenario('binaryType changed between fragments', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws.binaryType = 'arraybuffer';
  ws.on('ping', () => {
    ws.binaryType = 'fragments';
  });
  play.watch(ws);
  peer.write(
    peer.frame('binary', 'ab', { fin: false }),
    peer.frame('ping', 'p'),
    peer.frame('continuation', 'cd'),
    peer.frame('binary', 'ef'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

scenario('UTF-8 that is right and cut anywhere', BRIEF, async (play) => {
  const { ws, peer } = await play.open();
  const text = Buffer.from('\u00e9\u20ac\ud83d\ude00\u{10ffff}\ud7ff\ue000\0');

  play.watch(ws);
  for (let i = 0; i <= text.length; i++) {
    peer.write(
      peer.frame('text', text.subarray(0, i), { fin: false }),
      peer.frame('continuation', text.subarray(i))
    );
  }
  peer.write(peer.closeFrame(1000, '\u{1f600}'));
  await play.over(ws, peer);
});

for (const [title, bytes] of /** @type {[string, number[]][]} */ ([
  ['a surrogate', [0xed, 0xa0, 0x80]],
  ['a pair of surrogates', [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80]],
  ['an overlong slash', [0xc0, 0xaf]],
  ['an overlong form of three', [0xe0, 0x80, 0xaf]],
  ['an overlong form of four', [0xf0, 0x80, 0x80, 0xaf]],
  ['a value past U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ['a lead byte of five', [0xf8, 0x88, 0x80, 0x80, 0x80]],
  ['a stray byte', [0x61, 0x80]],
  ['a byte that never is', [0xff]]
])) {
  scenario(`text with ${title}`, BRIEF, async (play) => {
    const { ws, peer } = await play.open();

    play.watch(ws);
    peer.write(peer.frame('text', Buffer.from(bytes)));
    await play.over(ws, peer);
  });
}

scenario('bytes behind a close frame', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  peer.write(
    peer.closeFrame(1000),
    peer.frame('text', 'unseen'),
    peer.frame('ping', 'unseen'),
    peer.frame(3),
    Buffer.alloc(300000)
  );
  await play.over(ws, peer);
});

scenario('much behind an error is drained', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  peer.write(peer.frame(3), Buffer.alloc(2 << 20));
  await play.over(ws, peer);
});

scenario('a close frame, then much, while paused', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws).once('message', () => ws.pause());
  peer.write(
    peer.frame('text', 'a'),
    peer.frame('text', 'b'),
    peer.closeFrame(1000),
    Buffer.alloc(100000)
  );
  await peer.frames(0);
  await new Promise((resolve) => {
    if (ws.isPaused) resolve();
    else ws.once('message', resolve);
  });
  play.note('paused', ws.isPaused, ws.readyState);
  ws.resume();
  await play.over(ws, peer);
  play.note('still', ws.isPaused);
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

scenario('a listener that is added late', {}, async (play) => {
  const { ws, peer } = await play.open();
  const ponged = new Promise((resolve) => {
    ws.once('pong', resolve);
  });

  peer.write(peer.frame('text', 'nobody'), peer.frame('pong', 'p'));
  await ponged;
  play.watch(ws);
  peer.write(peer.frame('text', 'somebody'), peer.closeFrame());
  await play.over(ws, peer);
});

for (const close of ['close', 'terminate']) {
  scenario(`${close}() in a message, more behind it`, {}, async (play) => {
    const { ws, peer } = await play.open();

    play.watch(ws).once('message', () => {
      ws[close]();
      play.note('state', ws.readyState);
    });
    peer.write(
      peer.frame('text', 'a'),
      peer.frame('text', 'b'),
      peer.frame('ping', 'c'),
      peer.frame('binary', 'd', { fin: false }),
      peer.frame('continuation', 'e'),
      peer.closeFrame(1000)
    );
    await play.over(ws, peer, true);
  });
}
