'use strict';

// The masks of a client: the options mask and generateMask.

const { scenario } = require('../support/scenario.js');

const CLIENT = { roles: ['client'] };

scenario('a key of zeros shows all payloads', CLIENT, async (play) => {
  const { ws, peer } = await play.open({
    generateMask(mask) {
      play.note('key', mask.length, Buffer.isBuffer(mask));
      mask.fill(0);
    }
  });
  const raw = [];

  peer.stream.on('data', (chunk) => raw.push(chunk));
  ws.send('text');
  ws.send('');
  ws.send(Buffer.from('binary'));
  ws.send(Buffer.alloc(70000, 'x'));
  ws.ping('ping');
  ws.pong();
  ws.close(1000, 'reason');
  await play.finish(ws, peer);
  play.note(Buffer.concat(raw));
});

scenario('keys of a counter', CLIENT, async (play) => {
  let count = 0;
  const { ws, peer } = await play.open({
    generateMask(mask) {
      mask.writeUInt32BE(++count);
    }
  });
  const raw = [];

  peer.stream.on('data', (chunk) => raw.push(chunk));
  for (const data of ['a', Buffer.from('bcde'), '', 'f'.repeat(200)]) {
    ws.send(data);
  }
  ws.send('unmasked', { mask: false });
  ws.send(new Blob(['blob']));
  ws.send('last');
  peer.write(peer.frame('ping', 'p'));
  await peer.frames(8);
  ws.close();
  await play.finish(ws, peer);
  play.note('keys', count);
  play.note(Buffer.concat(raw));
});

scenario('masking leaves the data as it was', CLIENT, async (play) => {
  const { ws, peer } = await play.open();

  for (const size of [1, 7, 125, 1000, 70000, 300000]) {
    const data = Buffer.alloc(size, 'abc');
    const same = Buffer.from(data);

    await new Promise((resolve) => ws.send(data, resolve));
    play.note(size, data.equals(same));
  }
  const view = new Uint8Array(Buffer.alloc(1000, 'def')).subarray(3, 903);
  const same = Buffer.from(view);
  await new Promise((resolve) => ws.send(view, resolve));
  play.note(same.equals(view));
  ws.close();
  await play.finish(ws, peer);
});

scenario('generateMask that throws', CLIENT, async (play) => {
  const { ws, peer } = await play.open({
    generateMask() {
      throw new Error('no key');
    }
  });

  for (const method of ['send', 'ping', 'pong']) {
    try {
      ws[method]('data');
      play.note(method, 'fine');
    } catch (err) {
      play.note(method, err, ws.readyState, ws.bufferedAmount);
    }
  }
  ws.terminate();
  await peer.closed();
});

scenario('masks', { roles: ['client'] }, async (play) => {
  const { ws, peer } = await play.open({
    generateMask(mask) {
      play.note('key', mask.length);
      mask.fill(0);
    }
  });
  const data = Buffer.from('not changed');
  const raw = [];

  peer.stream.on('data', (chunk) => raw.push(chunk));
  ws.send(data);
  ws.ping('p');
  ws.send(Buffer.alloc(100000, 'z'));
  ws.close(1000, 'r');
  await peer.finish();
  play.note(data, Buffer.concat(raw).includes('not changed'));
  for (const line of peer.log) play.note(line);
});

scenario('mask false is obeyed', { roles: ['client'] }, async (play) => {
  const { ws, peer } = await play.open();

  ws.send('bare', { mask: false });
  ws.ping('bare', false);
  ws.send(Buffer.alloc(70000), { mask: false });
  ws.send('masked', { mask: true });
  ws.close();
  await peer.finish();
  for (const line of peer.log) play.note(line);
});

scenario('masking keys are fresh', { roles: ['client'] }, async (play) => {
  const { ws, peer } = await play.open();
  const raw = [];
  const keys = new Set();

  peer.stream.on('data', (chunk) => raw.push(chunk));
  for (let i = 0; i < 100; i++) ws.send('x');
  ws.close();
  await peer.finish();
  const bytes = Buffer.concat(raw);
  for (let i = 0; i < 100; i++) keys.add(bytes.readUInt32BE(i * 7 + 2));
  play.note(keys.size > 90);
});
