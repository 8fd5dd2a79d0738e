'use strict';

// Blobs that are sent: their order, their failures, and a socket that closes meanwhile.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { scenario } = require('../support/scenario.js');
const { turn } = require('../support/wait.js');

/**
 * @param {string} text What it holds
 * @return {{ blob: any, give: () => void, fail: (err: any) => void }} A Blob that
 *     the test lets succeed or fail
 */
function held(text) {
  const bytes = new TextEncoder().encode(text);
  let give;
  let fail;
  const promise = new Promise((resolve, reject) => {
    give = () => resolve(bytes.buffer);
    fail = reject;
  });
  const blob = {
    [Symbol.toStringTag]: 'Blob',
    size: bytes.length,
    type: '',
    arrayBuffer: () => promise,
    stream() {}
  };

  return { blob, give, fail };
}

/**
 * @param {any} play The play
 * @param {string} name The name of the send
 * @return {(err?: Error) => void} Notes it
 */
function ack(play, name) {
  return (err) => play.note(name, err ?? 'sent');
}

const NATIVE = { transports: ['tcp', 'duplex'] };

scenario('a Blob that is read late holds up what follows', {}, async (play) => {
  const { ws, peer } = await play.open();
  const first = held('first');
  const second = held('second');

  ws.send('before', ack(play, 'before'));
  ws.send(first.blob, ack(play, 'first'));
  ws.send('between', ack(play, 'between'));
  ws.ping('ping', undefined, ack(play, 'ping'));
  ws.send(second.blob, { binary: false }, ack(play, 'second'));
  ws.pong('pong', undefined, ack(play, 'pong'));
  ws.send('end', ack(play, 'end'));
  play.note('buffered', ws.bufferedAmount > 0);
  await peer.frames(1);
  second.give();
  await turn();
  play.note('so far', peer.log);
  first.give();
  await peer.frames(7);
  await turn();
  play.note('buffered', ws.bufferedAmount);
  ws.close(1000);
  await play.finish(ws, peer);
});

scenario('fragments, one of them a Blob', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws.send(new Blob(['one']), { fin: false }, ack(play, 'one'));
  ws.send('two', { fin: false }, ack(play, 'two'));
  ws.send(new Blob(['three']), ack(play, 'three'));
  ws.send(new Blob([]), ack(play, 'empty'));
  ws.send(new File(['file'], 'name'), { binary: false }, ack(play, 'file'));
  ws.close(4000, 'done');
  await play.finish(ws, peer);
});

scenario('a Blob as ping and pong', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws.ping(new Blob(['ping']), undefined, ack(play, 'ping'));
  ws.pong(new Blob(['pong']), undefined, ack(play, 'pong'));
  for (const method of ['ping', 'pong']) {
    try {
      ws[method](new Blob(['x'.repeat(126)]));
      play.note(method, 'fine');
    } catch (err) {
      play.note(method, err);
    }
  }
  ws.close();
  await play.finish(ws, peer);
});

scenario('a Blob that cannot be read', {}, async (play) => {
  const { ws, peer } = await play.open();
  const { blob, fail } = held('never');

  play.watch(ws);
  ws.send('before', ack(play, 'before'));
  await peer.frames(1);
  ws.send(blob, ack(play, 'blob'));
  ws.send('after', ack(play, 'after'));
  ws.ping('no ack');
  ws.send('last', ack(play, 'last'));
  fail(new DOMException('Gone', 'NotReadableError'));
  await play.over(ws, peer);
  play.note('buffered', ws.bufferedAmount);
});

scenario('a Blob that cannot be read, without an ack', {}, async (play) => {
  const { ws, peer } = await play.open();
  const { blob, fail } = held('never');

  play.watch(ws);
  ws.send(blob);
  ws.send('after', ack(play, 'after'));
  fail(new Error('Broken'));
  await play.over(ws, peer);
});

scenario('a Blob of a file that has changed', NATIVE, async (play) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ws-native-'));
  const file = path.join(directory, 'file');

  play.defer(() => fs.rmSync(directory, { recursive: true }));
  fs.writeFileSync(file, 'as it was');

  const { ws, peer } = await play.open();
  const blob = await fs.openAsBlob(file);

  play.watch(ws);
  fs.writeFileSync(file, 'as it was not');
  ws.send(blob, ack(play, 'blob'));
  await play.over(ws, peer);
});

for (const [title, end] of [
  ['terminate()', (ws) => ws.terminate()],
  ['the peer', (ws, peer) => peer.stream.destroy()],
  ['destroy()', (ws) => ws._socket.destroy()]
]) {
  for (const outcome of ['read', 'failed']) {
    scenario(
      `the socket closed by ${title} before a Blob is ${outcome}`,
      {},
      async (play) => {
        const { ws, peer } = await play.open();
        const { blob, fail, give } = held('blob');
        const closed = new Promise((resolve) => {
          ws.once('close', resolve);
        });

        play.watch(ws);
        ws.send(blob, ack(play, 'blob'));
        ws.send('after', ack(play, 'after'));
        ws.ping('no ack');
        ws.send('last', ack(play, 'last'));
        end(ws, peer);
        await closed;
        play.note('closed', ws.readyState);

        if (outcome === 'read') give();
        else fail(new DOMException('Gone', 'NotReadableError'));
        await turn();
        await turn();
        await peer.closed();
        ws.send(blob, ack(play, 'afterwards'));
        await turn();
        play.note('buffered', ws.bufferedAmount);
      }
    );
  }
}

scenario('close() while a Blob is read', {}, async (play) => {
  const { ws, peer } = await play.open();
  const { blob, give } = held('blob');

  play.watch(ws);
  ws.send(blob, ack(play, 'blob'));
  ws.close(4000, 'behind');
  ws.send('too late', ack(play, 'late'));
  play.note('state', ws.readyState, typeof ws._closeTimer);
  await turn();
  play.note('so far', peer.log);
  give();
  await play.finish(ws, peer);
});

scenario('the peer closes while a Blob is read', {}, async (play) => {
  const { ws, peer } = await play.open();
  const { blob, give } = held('blob');
  const pinged = new Promise((resolve) => {
    ws.once('ping', resolve);
  });

  play.watch(ws);
  ws.send(blob, ack(play, 'blob'));
  ws.send('after', ack(play, 'after'));
  peer.write(peer.frame('ping', 'p'), peer.closeFrame(4000, 'bye'));
  await pinged;
  await turn();
  play.note('so far', peer.log, 'state', ws.readyState);
  give();
  await play.over(ws, peer);
});

scenario('a protocol error while a Blob is read', {}, async (play) => {
  const { ws, peer } = await play.open();
  const { blob, give } = held('blob');
  const failed = new Promise((resolve) => {
    ws.once('error', resolve);
  });

  play.watch(ws);
  ws.send(blob, ack(play, 'blob'));
  ws.send('after', ack(play, 'after'));
  peer.write(peer.frame(3));
  await failed;
  give();
  await play.over(ws, peer);
});

scenario('Blobs after close() count with their size', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws.close();
  const before = ws.bufferedAmount;
  ws.send(new Blob(['12345']), ack(play, 'blob'));
  play.note(ws.bufferedAmount - before);
  ws.ping(new Blob(['123']), undefined, ack(play, 'ping'));
  ws.pong('é', undefined, ack(play, 'pong'));
  ws.send(undefined, ack(play, 'nothing'));
  ws.send(new Uint16Array(3), ack(play, 'words'));
  ws.send(12345, ack(play, 'number'));
  play.note(ws.bufferedAmount - before);
  await play.finish(ws, peer);
  play.note(ws.bufferedAmount);
  ws.send(new Blob(['12345']));
  play.note(ws.bufferedAmount);
});

scenario('a Blob keeps its place', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws.send('before', (err) => play.note('before', err ?? 'sent'));
  ws.send(new Blob(['blob']), (err) => play.note('blob', err ?? 'sent'));
  ws.send('after', (err) => play.note('after', err ?? 'sent'));
  ws.ping(new Uint8Array(2));
  ws.send(new Blob(['text blob']), { binary: false });
  ws.close(1000);
  await peer.finish();
  for (const line of peer.log) play.note(line);
});
