'use strict';

// close() and terminate() in a listener, with more frames in the same chunk.

const { scenario } = require('../support/scenario.js');

for (const frames of [
  ['text a', 'ping p', 'text b'],
  ['ping p', 'text a', 'ping q'],
  ['pong p', 'ping q', 'text a']
]) {
  scenario(
    `close(4000) in the first listener of ${frames.join(', ')}`,
    {},
    async (play) => {
      const { ws, peer } = await play.open();
      const close = () => {
        if (ws.readyState !== 1) return;
        ws.close(4000, 'enough');
        play.note('closing', ws.readyState);
      };

      play.watch(ws);
      for (const event of ['message', 'ping', 'pong']) ws.on(event, close);
      peer.write(
        ...frames.map((entry) => peer.frame(...entry.split(' '))),
        peer.closeFrame(1000)
      );
      await play.over(ws, peer);
    }
  );
}

scenario('terminate() in a listener', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.on('message', (data) => {
    if (String(data) !== 'b') return;
    ws.send('last words');
    ws.terminate();
    play.note('terminated', ws.readyState);
  });
  peer.write(
    ...['a', 'b', 'c', 'd'].map((text) => peer.frame('text', text)),
    peer.frame('ping', 'p')
  );
  await play.over(ws, peer, play.loses);
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
