'use strict';

// The end of a WebSocket that is paused.

const { scenario } = require('../support/scenario.js');

for (const end of ['terminate', 'destroy']) {
  scenario(`${end} while paused in a flood`, {}, async (play) => {
    const { ws, peer } = await play.open();
    const ended = new Promise((resolve) => ws.on('close', resolve));
    const bytes = Buffer.concat(
      Array(64).fill(peer.frame('binary', Buffer.alloc(1000)))
    );
    let messages = 0;

    // The peer writes until its stream is full.
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

scenario(
  "a 'data' listener on the socket as the end comes",
  {},
  async (play) => {
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
  }
);

scenario('paused when the peer closes', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.pause();
  peer.write(peer.frame('text', 'a'), peer.closeFrame(1000, 'bye'));
  peer.stream.end();
  await new Promise((resolve) => setTimeout(resolve, 20));
  play.note('resuming', ws.readyState);
  ws.resume();
  await play.over(ws, peer);
  play.note(ws.isPaused);
});

scenario('close() while paused', {}, async (play) => {
  const { ws, peer } = await play.open({ closeTimeout: 500 });

  play.watch(ws);
  ws.pause();
  peer.write(peer.frame('text', 'unread'), peer.closeFrame(1001));
  await new Promise((resolve) => ws.send('sync', resolve));
  await peer.frames(1);
  // The paused WebSocket does not read the close frame, so the timer closes it.
  ws.close(1000);
  play.note('paused', ws.isPaused, ws.readyState);
  await Promise.all([
    peer.closed(),
    new Promise((resolve) => ws.once('close', resolve))
  ]);
  for (const line of peer.log) play.note(line);
});

scenario('terminate() while paused', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.pause();
  await new Promise((resolve) => ws.send('sync', resolve));
  ws.terminate();
  await play.over(ws, peer);
});

scenario('a close frame, then much, while paused', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws).once('message', () => ws.pause());
  peer.write(
    peer.frame('text', 'a'),
    peer.frame('text', 'b'),
    peer.closeFrame(1000),
    Buffer.alloc(100000)
  );
  await peer.frames(0);
  await new Promise((resolve) => {
    if (ws.isPaused) resolve();
    else ws.once('message', resolve);
  });
  play.note('paused', ws.isPaused, ws.readyState);
  ws.resume();
  await play.over(ws, peer);
  play.note('still', ws.isPaused);
});
