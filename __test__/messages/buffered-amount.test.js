'use strict';

// bufferedAmount while frames are queued.

const { scenario } = require('../support/scenario.js');

scenario('bufferedAmount', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.note('fresh', ws.bufferedAmount);
  ws.send('small');
  play.note('small', ws.bufferedAmount);
  await peer.frames(1);

  // More than the kernel buffers while the peer does not read.
  peer.stream.pause();
  const chunk = Buffer.alloc(1 << 20);
  for (let i = 0; i < 16; i++) ws.send(chunk);
  play.note('grows', ws.bufferedAmount > 4 << 20);
  await new Promise(setImmediate);
  play.note('stays', ws.bufferedAmount > 4 << 20);
  play.note(ws.bufferedAmount <= 16 * ((1 << 20) + 14));

  const acked = new Promise((resolve) => ws.send('last', resolve));
  peer.stream.resume();
  await acked;
  play.note('empty', ws.bufferedAmount);
  ws.close();
  await peer.finish();
  for (const line of peer.log) play.note(line);
});
