'use strict';

// Peers that read slowly, and floods.

const { once } = require('node:events');
const { describe } = require('node:test');

const { pair } = require('../support/own-server.js');
const { parity, scenario } = require('../support/scenario.js');
const { turn } = require('../support/wait.js');

const MEBIBYTE = Buffer.alloc(1 << 20, 7);

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

describe('Both ends', () => {
  parity(
    'apply back-pressure for a slow reader',
    async (WebSocket, notebook) => {
      const { peer, ws } = await pair(WebSocket, notebook);
      let got = 0;

      peer.pause();
      peer.on('message', (data) => {
        got += data.length;
      });

      let acked = 0;

      for (let i = 0; i < 24; i++) {
        ws.send(Buffer.alloc(1 << 20), () => acked++);
      }
      for (let i = 0; i < 50; i++) await turn();
      notebook.note(acked < 24, ws.bufferedAmount > 4 << 20, got);
      peer.resume();
      ws.close(1000);
      await Promise.all([once(ws, 'close'), once(peer, 'close')]);
      notebook.note(acked, got, ws.bufferedAmount);
    }
  );
});
