'use strict';

// The event 'close' as a listener of addEventListener() sees it.

const { scenario } = require('../support/scenario.js');

scenario('a close event and its wasClean', {}, async (play) => {
  for (const how of ['clean', 'ended', 'error', 'terminated']) {
    const { ws, peer } = await play.open();

    ws.addEventListener('close', (event) => {
      play.note(how, event.code, event.reason, event.wasClean);
    });
    if (how === 'clean') peer.write(peer.closeFrame(1000, 'ok'));
    else if (how === 'ended') peer.stream.end();
    else if (how === 'error') peer.write(peer.frame(3));
    else ws.terminate();
    await play.over(ws, peer);
  }
});

scenario('wasClean', { transports: ['tcp', 'duplex'] }, async (play) => {
  for (const [title, end] of [
    ['both', (ws, peer) => peer.write(peer.closeFrame(1000, 'b'))],
    ['only the peer', (ws, peer) => peer.stream.end(peer.frame('text', 'x'))],
    ['nobody', (ws) => ws.terminate()],
    ['bad frame', (ws, peer) => peer.write(peer.frame(3))]
  ]) {
    const { ws, peer } = await play.open();

    ws.onclose = ({ code, reason, target, type, wasClean }) => {
      play.note(title, code, reason, wasClean, type, target === ws);
    };
    end(ws, peer);
    await play.over(ws, peer, true);
  }
});
