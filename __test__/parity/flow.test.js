'use strict';

/** Who is slow, and who notices: pause, resume and full buffers. */

const { scenario } = require('./harness.js');

const MEBIBYTE = Buffer.alloc(1 << 20, 7);

/**
 * @param {any} peer A raw peer
 * @param {Buffer} bytes A frame
 * @param {number} limit Give up after so many
 * @return {Promise<number>} How many were written until the stream was full and
 *     stayed so
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
  // Nobody reads what the peer has sent, so the timer ends it.
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

scenario('a slow reader makes no ack come early', {}, async (play) => {
  const { ws, peer } = await play.open();
  const acked = [];

  peer.stream.pause();
  for (let i = 0; i < 16; i++) {
    ws.send(MEBIBYTE, (err) => acked.push(err ?? i));
  }
  const last = new Promise((resolve) => ws.send('last', resolve));

  await new Promise((resolve) => setTimeout(resolve, 50));
  play.note('waiting', acked.length < 16, ws.bufferedAmount > 0);
  peer.stream.resume();
  await last;
  play.note('acked', acked, ws.bufferedAmount);
  ws.close();
  await peer.finish();
  play.note(peer.payloads.map(({ length }) => length));
});

scenario('one slow connection does not hold up another', {}, async (play) => {
  const slow = await play.open();
  const fast = await play.open();

  slow.peer.stream.pause();
  for (let i = 0; i < 16; i++) slow.ws.send(MEBIBYTE);
  fast.ws.on('message', (data) => fast.ws.send(data));
  fast.peer.write(fast.peer.frame('text', 'a'));
  await fast.peer.frames(1);
  play.note(fast.peer.log, slow.ws.bufferedAmount > 0);
  fast.ws.close();
  await fast.peer.finish();
  slow.ws.terminate();
});

scenario('a flood that is echoed', {}, async (play) => {
  const { ws, peer } = await play.open();
  const message = peer.frame('binary', Buffer.alloc(1000, 3));
  const count = 2000;
  let acks = 0;

  ws.on('message', (data) => ws.send(data, () => acks++));
  peer.write(Buffer.concat(Array(count).fill(message)));
  await peer.frames(count);
  ws.close();
  await play.finish(ws, peer);
  play.log = [`acks ${acks}`, ...new Set(play.log)];
});
