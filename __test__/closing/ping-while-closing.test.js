'use strict';

// Pings that arrive while the connection closes.

const { scenario } = require('../support/scenario.js');

scenario('no automatic pong while closing', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.close(1000);
  await peer.frames(1);
  peer.write(peer.frame('ping', 'late'), peer.frame('text', 'late'));
  await new Promise((resolve) => {
    ws.once('message', resolve);
  });
  play.note('buffered', ws.bufferedAmount);
  await play.finish(ws, peer);
});

for (const how of ['close', 'terminate']) {
  scenario(
    `${how}() in a ping listener does not stop its pong`,
    { transports: ['tcp', 'unix', 'tls'] },
    async (play) => {
      const { ws, peer } = await play.open();

      play.watch(ws).on('ping', () => ws[how]());
      peer.write(peer.frame('ping', 'payload'), peer.frame('ping', 'other'));
      await play.over(ws, peer, how === 'terminate');
      if (how === 'terminate') play.note(peer.log[0]);
    }
  );
}
