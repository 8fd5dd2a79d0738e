'use strict';

// readyState within events and callbacks.

const { scenario } = require('../support/scenario.js');

scenario('readyState within events', {}, async (play) => {
  const { ws, peer } = await play.open(undefined, {
    onOpen(opened) {
      play.note('open', opened.readyState, opened.bufferedAmount);
    }
  });

  ws.on('message', () => play.note('message', ws.readyState));
  ws.on('close', () => play.note('close', ws.readyState, ws._socket === null));
  peer.write(peer.frame('text', 'x'), peer.closeFrame(1000));
  await play.over(ws, peer);
});

scenario(
  'the state while a close frame is masked',
  { roles: ['client'] },
  async (play) => {
    const seen = [];
    const { ws, peer } = await play.open({
      generateMask(mask) {
        mask.fill(1);
        seen.push(mask.length);
        if (seen.length > 1) play.note('mask', ws.readyState);
      }
    });

    await new Promise((resolve) => {
      ws.send('first', resolve);
    });
    ws.close(1000, 'bye');
    play.note(ws.readyState);
    await play.finish(ws, peer);
  }
);
