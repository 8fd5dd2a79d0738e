'use strict';

// binaryType.

const { scenario } = require('../support/scenario.js');

const TYPES = ['nodebuffer', 'arraybuffer', 'fragments', 'blob'];

/**
 * @param {any} data The data of a message
 * @return {Promise<any>} A form that can be noted
 */
async function legible(data) {
  if (!(data instanceof Blob)) return data;
  return `Blob ${data.size} ${data.type} ${await data.text()}`;
}

const BRIEF = { transports: ['tcp', 'duplex'] };

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

scenario('an ArrayBuffer is exact, and not shared', BRIEF, async (play) => {
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

scenario('binaryType changed between messages of a chunk', {}, async (play) => {
  const { ws, peer } = await play.open();
  const types = ['arraybuffer', 'fragments', 'nonsense', 'nodebuffer'];

  play.watch(ws);
  ws.on('message', () => {
    ws.binaryType = types.shift() ?? 'nodebuffer';
    play.note('now', ws.binaryType);
  });
  peer.write(
    ...['one', 'two', 'three', 'four', 'five'].map((text) =>
      peer.frame('binary', text)
    ),
    peer.frame('text', 'six'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

scenario('binaryType fragments, and blob', {}, async (play) => {
  const { ws, peer } = await play.open();
  const blobs = [];
  const fragmented = (first) => [
    peer.frame(first, 'abc', { fin: false }),
    peer.frame('continuation', '', { fin: false }),
    peer.frame('ping', 'in between'),
    peer.frame('continuation', 'defg', { fin: false }),
    peer.frame('continuation', 'h')
  ];

  ws.binaryType = 'fragments';
  ws.on('message', (data, isBinary) => {
    if (data instanceof Blob) blobs.push(data);
    else play.note(isBinary, Array.isArray(data), data);
  });
  ws.on('ping', () => {
    ws.binaryType = blobs.length === 0 ? ws.binaryType : 'fragments';
  });
  ws.on('pong', () => {
    ws.binaryType = 'blob';
  });
  peer.write(
    ...fragmented('binary'),
    ...fragmented('text'),
    peer.frame('binary', 'whole'),
    peer.frame('binary', ''),
    peer.frame('pong', ''),
    peer.frame('binary', 'blobbed'),
    ...fragmented('binary'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
  for (const blob of blobs) play.note(blob.size, await blob.text());
});
