'use strict';

// The options autoPong and maxPendingAutoPongs.

const { scenario } = require('../support/scenario.js');

// TLS may split a chunk, so that pongs are written between two pings.
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

scenario(
  'sixty-one pings in a chunk are one too many for pending pongs',
  { transports: ['tcp', 'unix', 'duplex'] },
  async (play) => {
    const { ws, peer } = await play.open();
    let pings = 0;

    ws.on('ping', () => pings++);
    ws.on('error', (err) => play.note('error', err));
    ws.on('close', (code) => play.note('close', code));
    peer.write(Buffer.concat(Array(61).fill(peer.frame('ping', 'p'))));
    await play.over(ws, peer);
    play.log = play.log.filter((line) => !line.startsWith('peer pong'));
    play.note('pings', pings);
  }
);

scenario('autoPong is true or missing', {}, async (play) => {
  for (const autoPong of [true, 'yes', 1, 0, '', null]) {
    const { ws, peer } = await play.open({ autoPong });

    play.note(autoPong, ws._autoPong, ws._pendingAutoPongs);
    ws.close();
    await play.finish(ws, peer);
  }
});

scenario('autoPong off, and a pong by hand', {}, async (play) => {
  const { ws, peer } = await play.open({ autoPong: false });

  play.watch(ws);
  ws.on('ping', (data) => {
    if (String(data) === 'b') ws.pong(`re: ${data}`);
  });
  peer.write(
    peer.frame('ping', 'a'),
    peer.frame('ping', 'b'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});
