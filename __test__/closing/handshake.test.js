'use strict';

// The closing handshake.

const { scenario } = require('../support/scenario.js');
const { closed } = require('../support/wait.js');

for (const [title, args] of /** @type {[string, any[]][]} */ ([
  ['no code', []],
  ['1000', [1000]],
  ['1013', [1013, 'try again']],
  ['1014', [1014]],
  ['3000 and a long reason', [3000, '\u00e9'.repeat(61)]],
  ['4999 and a Buffer', [4999, Buffer.from('why')]]
])) {
  scenario(`close() with ${title}`, {}, async (play) => {
    const { ws, peer } = await play.open();

    play.watch(ws);
    ws.send('before');
    ws.close(...args);
    play.note('called', ws.readyState);
    await peer.frames(2);
    peer.write(peer.frame('text', 'crossing'), peer.closeFrame(...args));
    await play.over(ws, peer);
  });
}

for (const [title, code, reason] of /** @type {[string, any, any][]} */ ([
  ['no code', undefined, undefined],
  ['1000', 1000, ''],
  ['1001 and a reason', 1001, 'away'],
  ['3999 and the longest reason', 3999, 'x'.repeat(123)]
])) {
  scenario(`the peer closes with ${title}`, {}, async (play) => {
    const { ws, peer } = await play.open();

    play.watch(ws);
    peer.write(peer.closeFrame(code, reason));
    await play.over(ws, peer);
  });
}

scenario('another code in the answer', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.close(1000, 'mine');
  await peer.frames(1);
  peer.write(peer.closeFrame(4002, 'theirs'));
  await play.over(ws, peer);
});

scenario('the close frame goes out behind all messages', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  for (let i = 0; i < 5; i++) {
    ws.send(Buffer.alloc(300000, i), (err) => play.note('ack', i, err ?? ''));
  }
  ws.close(4000, 'done');
  await peer.finish();
  await closed(ws);
  for (const line of peer.log) play.note(line);
});

scenario('the peer ends after its close frame', {}, async (play) => {
  const { ws, peer } = await play.open(undefined, { allowHalfOpen: true });

  play.watch(ws);
  peer.stream.end(
    Buffer.concat([peer.frame('text', 'a'), peer.closeFrame(1000, 'bye')])
  );
  await play.over(ws, peer);
});

scenario('what comes after close() is still received', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.close();
  await peer.frames(1);
  peer.write(
    peer.frame('text', 'a'),
    peer.frame('ping', 'p'),
    peer.frame('text', 'b', { fin: false }),
    peer.frame('continuation', 'c')
  );
  peer.write(peer.closeFrame(1005 - 5, 'late'));
  await play.over(ws, peer);
});

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
