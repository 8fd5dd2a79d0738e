'use strict';

/** Automatic pongs and their bound, and the masks that frames go out under. */

const { scenario } = require('./harness.js');

// TLS may cut a chunk, and then pongs are written between two pings.
const WHOLE = { transports: ['tcp', 'unix', 'duplex'] };

for (const [limit, count] of [
  [0, 200],
  [1, 1],
  [1, 2],
  [3, 3],
  [3, 4],
  [3, 9],
  [undefined, 60],
  [undefined, 61]
]) {
  scenario(
    `${count} pings in a chunk, maxPendingAutoPongs ${limit}`,
    WHOLE,
    async (play) => {
      const { ws, peer } = await play.open(
        limit === undefined ? {} : { maxPendingAutoPongs: limit }
      );
      let pings = 0;
      const states = new Set();

      ws.on('ping', () => {
        pings++;
        states.add(ws.readyState);
      });
      ws.on('message', (data) => play.note('message', data));
      ws.on('error', (err) => play.note('error', err));
      ws.on('close', (code, reason) => play.note('close', code, reason));
      peer.write(
        ...Array(count).fill(peer.frame('ping', 'p')),
        peer.frame('text', 'behind'),
        peer.closeFrame(1000)
      );
      await play.over(ws, peer, true);
      play.note('pings', pings, 'states', [...states]);
      play.note('buffered', ws.bufferedAmount);
    }
  );
}

scenario('only automatic pongs count as pending', WHOLE, async (play) => {
  const { ws, peer } = await play.open({
    autoPong: false,
    maxPendingAutoPongs: 1
  });
  let pings = 0;

  play.watch(ws).on('ping', (data) => {
    pings++;
    ws.pong(data);
  });
  peer.write(...Array(5).fill(peer.frame('ping', 'p')), peer.closeFrame(1000));
  await play.over(ws, peer);
  play.note('pings', pings);
});

scenario(
  'pings that come one at a time never are too many',
  {},
  async (play) => {
    const { ws, peer } = await play.open({ maxPendingAutoPongs: 1 });

    play.watch(ws);
    for (let i = 0; i < 5; i++) {
      peer.write(peer.frame('ping', `ping ${i}`));
      await peer.frames(i + 1);
    }
    ws.close();
    await play.finish(ws, peer);
  }
);

scenario('no automatic pong while closing', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.close(1000);
  await peer.frames(1);
  peer.write(peer.frame('ping', 'late'), peer.frame('text', 'late'));
  await new Promise((resolve) => {
    ws.once('message', resolve);
  });
  play.note('buffered', ws.bufferedAmount);
  await play.finish(ws, peer);
});

for (const how of ['close', 'terminate']) {
  scenario(
    `${how}() in a ping listener does not stop its pong`,
    { transports: ['tcp', 'unix', 'tls'] },
    async (play) => {
      const { ws, peer } = await play.open();

      play.watch(ws).on('ping', () => ws[how]());
      peer.write(peer.frame('ping', 'payload'), peer.frame('ping', 'other'));
      await play.over(ws, peer, how === 'terminate');
      if (how === 'terminate') play.note(peer.log[0]);
    }
  );
}

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
