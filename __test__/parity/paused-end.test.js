'use strict';

/** The end of a WebSocket that is paused, or whose socket has been given back. */

const { scenario } = require('./harness.js');

for (const end of ['terminate', 'destroy']) {
  scenario(`${end} while paused in a flood`, {}, async (play) => {
    const { ws, peer } = await play.open();
    const ended = new Promise((resolve) => ws.on('close', resolve));
    const bytes = Buffer.concat(
      Array(64).fill(peer.frame('binary', Buffer.alloc(1000)))
    );
    let messages = 0;

    // The peer writes as long as it is let.
    const flood = () => {
      while (peer.stream.writable && peer.stream.write(bytes));
    };

    peer.stream.on('drain', flood);
    peer.stream.on('error', () => {});
    ws.on('message', () => {
      if (++messages !== 10) return;
      ws.pause();
      if (end === 'terminate') ws.terminate();
      else ws._socket.destroy();
    });
    flood();
    play.note('close', await ended, messages >= 10, ws.isPaused);
  });
}

scenario('the peer leaves while nothing waits', {}, async (play) => {
  const { ws, peer } = await play.open();
  let left = false;
  const ended = new Promise((resolve) => ws.on('close', resolve));

  ws.pause();
  ws.on('close', () => {
    left = true;
  });
  peer.stream.end();
  await new Promise((resolve) => setTimeout(resolve, 100));
  play.note('left', left, ws.isPaused);
  ws.resume();
  ws.terminate();
  play.note(await ended);
});

scenario('the raw bytes are asked for as the end comes', {}, async (play) => {
  const { ws, peer } = await play.open(
    {},
    {
      allowHalfOpen: true,
      head: (peer) => peer.closeFrame(1000),
      onOpen(ws) {
        play.watch(ws);
        ws._socket.on('data', () => {});
      }
    }
  );

  peer.stream.end();
  await play.finish(ws, peer);
});
