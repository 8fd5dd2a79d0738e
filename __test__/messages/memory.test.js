'use strict';

// Memory that a program and the engine share: sent data may change afterwards, received
// data belongs to the program.

const { scenario } = require('../support/scenario.js');

scenario('what was sent may be changed afterwards', {}, async (play) => {
  const { ws, peer } = await play.open();
  const small = Buffer.from('small');
  const large = Buffer.alloc(70000, 'l');

  ws.send(small, () => play.note('small', small));
  small.write('SMALL');
  ws.send(small);
  ws.send(large, () => play.note('large'));
  await peer.frames(3);
  large.fill('L');
  ws.send(large);
  ws.close();
  await peer.finish();
  // `ws` does not copy a server's frames, so the first one may show the change.
  for (const line of peer.log.slice(1)) play.note(line);
});

scenario("received memory is the user's", {}, async (play) => {
  const { ws, peer } = await play.open();
  const kept = [];

  for (let round = 0; round < 3; round++) {
    const came = new Promise((resolve) => {
      const take = (data) => {
        kept.push(data);
        if (kept.length % 2 > 0) return;
        ws.removeListener('message', take);
        resolve();
      };

      ws.on('message', take);
    });

    peer.write(peer.frame('text', 'aaaa'), peer.frame('text', 'bbbb'));
    await came;
    play.note(kept.map(String));
    for (const data of kept) data.fill(48 + round);
  }
  ws.close();
  await play.finish(ws, peer);
});

scenario('the reason keeps no other memory alive', {}, async (play) => {
  for (const reason of [undefined, '', 'a reason']) {
    const { ws, peer } = await play.open();
    const none = ws._closeMessage;

    ws.on('close', (code, data) => {
      play.note(code, data, data === none, data === ws._closeMessage);
      play.note(data.buffer.byteLength === data.length);
    });
    peer.write(peer.closeFrame(1000, reason));
    await play.over(ws, peer);
  }
});
