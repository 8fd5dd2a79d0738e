'use strict';

// pause() and resume(), of a WebSocket and of its socket.

const { scenario } = require('../support/scenario.js');
const { closed } = require('../support/wait.js');

const MEBIBYTE = Buffer.alloc(1 << 20, 7);

/**
 * @param {any} peer A raw peer
 * @param {Buffer} bytes A frame
 * @param {number} limit Give up after that many
 * @return {Promise<number>} How many were written until the stream stayed full
 */
async function fill(peer, bytes, limit) {
  let count = 0;

  while (count < limit) {
    count++;
    if (!peer.stream.write(bytes)) {
      const drained = await Promise.race([
        new Promise((resolve) =>
          peer.stream.once('drain', () => resolve(true))
        ),
        new Promise((resolve) => setTimeout(resolve, 50, false))
      ]);

      if (!drained) return count;
    }
  }

  return count;
}

scenario('a paused WebSocket pushes back on its peer', {}, async (play) => {
  const { ws, peer } = await play.open();
  let messages = 0;

  ws.on('message', () => messages++);
  play.note(ws.isPaused, ws._socket.isPaused?.());
  ws.pause();
  play.note(ws.isPaused, ws._socket.isPaused());

  const sent = await fill(peer, peer.frame('binary', MEBIBYTE), 40);
  play.note('full', sent < 40, 'seen', messages);

  const ended = new Promise((resolve) => ws.on('close', resolve));
  peer.write(peer.closeFrame(1000));
  ws.resume();
  play.note(ws.isPaused, ws._socket.isPaused());
  await ended;
  play.note('all', messages === sent);
});

scenario('pause() and resume() when there is nothing', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.resume();
  ws.pause();
  ws.pause();
  play.note(ws.isPaused);
  ws.resume();
  play.note(ws.isPaused);
  peer.write(peer.frame('text', 'a'));
  peer.write(peer.closeFrame(1000));
  await play.over(ws, peer);
  ws.pause();
  play.note(ws.isPaused);
});

scenario('a paused WebSocket still sends', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.pause();
  peer.write(peer.frame('text', 'unread'), peer.frame('ping', 'unanswered'));
  await new Promise((resolve) => ws.send('a', resolve));
  ws.ping('b');
  await peer.frames(2);
  play.note(peer.log);
  ws.resume();
  peer.write(peer.closeFrame(1000));
  await play.over(ws, peer);
});

scenario('pause() in a listener, and resume() later', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.once('message', () => {
    ws.pause();
    play.note('paused', ws.isPaused);
    setImmediate(() =>
      setImmediate(() => {
        play.note('resuming', ws.isPaused);
        ws.resume();
      })
    );
  });
  peer.write(
    peer.frame('text', 'a'),
    peer.frame('text', 'b'),
    peer.frame('ping', 'p'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

scenario('the socket shows pause() and resume()', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws.pause();
  play.note(ws.isPaused, ws._socket.isPaused());
  ws.resume();
  play.note(ws.isPaused, ws._socket.isPaused());
  ws.pause();
  ws.terminate();
  await peer.closed();
  if (ws.readyState !== 3) await closed(ws);
  play.note(ws.isPaused);
  ws.resume();
  play.note(ws.isPaused);
});

scenario('pause() and resume() of the socket', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws._socket.pause();
  play.note(ws.isPaused, ws._socket.isPaused());
  peer.write(peer.frame('text', 'a'));
  await new Promise((resolve) => ws.send('sync', resolve));
  await peer.frames(1);
  await new Promise(setImmediate);
  play.note('resuming');
  ws._socket.resume();
  play.note(ws._socket.isPaused());
  peer.write(peer.closeFrame(1000));
  await play.over(ws, peer);
});
