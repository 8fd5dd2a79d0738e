'use strict';

// Frames that arrive in one chunk: the order of their events, and what a listener may
// change about the rest.

const { scenario } = require('../support/scenario.js');

scenario(
  'a chunk with everything in it',
  {
    log: [
      'text "a"',
      'ping "p"',
      'binary "b"',
      'pong "q"',
      'close 1000 "bye" state 3',
      'peer pong "p"',
      'peer close 1000 "bye"',
      'peer gone'
    ]
  },
  async (play) => {
    const { ws, peer } = await play.open();

    play.watch(ws);
    peer.write(
      peer.frame('text', 'a'),
      peer.frame('ping', 'p'),
      peer.frame('binary', 'b'),
      peer.frame('pong', 'q'),
      peer.closeFrame(1000, 'bye'),
      peer.frame('text', 'nobody sees this')
    );
    await play.over(ws, peer);
  }
);

scenario(
  'answers take their place among what the listeners send',
  {
    log: [
      'peer text "re: a"',
      'peer pong "p"',
      'peer text "re: ping"',
      'peer text "re: b"',
      'peer text "re: pong"',
      'peer close 1000 ""',
      'peer gone'
    ]
  },
  async (play) => {
    const { ws, peer } = await play.open();

    ws.on('message', (data) => ws.send(`re: ${data}`));
    ws.on('ping', () => ws.send('re: ping'));
    ws.on('pong', () => ws.send('re: pong'));
    peer.write(
      peer.frame('text', 'a'),
      peer.frame('ping', 'p'),
      peer.frame('text', 'b'),
      peer.frame('pong', 'q'),
      peer.closeFrame(1000)
    );
    await play.over(ws, peer);
  }
);

scenario('listeners that come and go within a chunk', {}, async (play) => {
  const { ws, peer } = await play.open();
  const second = (data) => play.note('second', data);

  ws.once('message', (data) => {
    play.note('first', data);
    ws.on('message', second);
  });
  ws.on('ping', () => {
    play.note('ping');
    ws.off('message', second);
  });
  peer.write(
    peer.frame('text', 'a'),
    peer.frame('text', 'b'),
    peer.frame('ping', ''),
    peer.frame('text', 'c'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

scenario('fragments with control frames between them', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  peer.write(
    peer.frame('text', 'K\u00f6', { fin: false }),
    peer.frame('ping', '1'),
    peer.frame('continuation', '', { fin: false }),
    peer.frame('pong', '2'),
    peer.frame('continuation', 'ln'),
    peer.frame('binary', '', { fin: false }),
    peer.frame('continuation', ''),
    peer.frame('text', 'half', { fin: false }),
    peer.closeFrame(1001, 'away')
  );
  await play.over(ws, peer);
});

scenario('frames that come a byte at a time', {}, async (play) => {
  const { ws, peer } = await play.open();
  const bytes = Buffer.concat([
    peer.frame('text', 'h\u00e9llo \u{1f600}'),
    peer.frame('ping', 'p'),
    peer.frame('binary', Buffer.alloc(130, 1)),
    peer.closeFrame(3000, 'gr\u00fcn')
  ]);

  play.watch(ws);
  peer.stream.setNoDelay?.(true);
  for (const byte of bytes) {
    await new Promise((resolve) => {
      peer.stream.write(Buffer.from([byte]), resolve);
    });
  }
  await play.over(ws, peer);
});

scenario('many empty messages at once', {}, async (play) => {
  const { ws, peer } = await play.open();
  const seen = new Set();
  let count = 0;

  ws.on('message', (data, isBinary) => {
    seen.add(`${Buffer.isBuffer(data)} ${data.length} ${isBinary}`);
    if (++count === 20000) ws.send('done');
  });
  peer.write(Buffer.concat(Array(20000).fill(peer.frame('binary', ''))));
  await peer.frames(1);
  peer.write(peer.closeFrame(1000));
  await play.over(ws, peer);
  play.note(count, [...seen]);
});

scenario(
  'frames in one packet with the opening handshake',
  {},
  async (play) => {
    const { ws, peer } = await play.open(undefined, {
      head: (raw) =>
        Buffer.concat([
          raw.frame('text', 'early'),
          raw.frame('ping', 'bird'),
          raw.frame('binary', 'worm'),
          raw.closeFrame(4001, 'gone')
        ]),
      onOpen(opened) {
        play.note('open', opened.readyState);
        play.watch(opened);
      }
    });

    await play.over(ws, peer);
  }
);

scenario('part of a frame with the opening handshake', {}, async (play) => {
  let rest;
  const { ws, peer } = await play.open(undefined, {
    head(raw) {
      const bytes = raw.frame('text', 'cut in two');
      rest = bytes.subarray(7);
      return bytes.subarray(0, 7);
    },
    onOpen: (opened) => play.watch(opened)
  });

  peer.write(rest, peer.closeFrame(1000));
  await play.over(ws, peer);
});

scenario('messages sent from within events come in order', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws.on('message', (data) => {
    ws.send(`${data}1`);
    process.nextTick(() => ws.send(`${data}2`));
    Promise.resolve().then(() => ws.send(`${data}3`));
    setImmediate(() => {
      ws.send(`${data}4`);
      ws.close();
    });
  });
  peer.write(peer.frame('text', 'a'));
  await peer.finish();
  for (const line of peer.log) play.note(line);
});

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
