'use strict';

// The microtasks and ticks that run between two events.

const { scenario } = require('../support/scenario.js');

/**
 * Notes an event, and when its promises, ticks and immediates run.
 *
 * @param {any} play The scenario's play
 * @param {string} name The event
 */
function ripple(play, name) {
  play.note(name);
  process.nextTick(() => play.note(name, 'tick'));
  Promise.resolve()
    .then(() => play.note(name, 'promise 1'))
    .then(() => play.note(name, 'promise 2'));
}

for (const allowSynchronousEvents of [undefined, true, false]) {
  scenario(
    `one chunk, allowSynchronousEvents ${allowSynchronousEvents}`,
    {},
    async (play) => {
      const options =
        allowSynchronousEvents === undefined ? {} : { allowSynchronousEvents };
      const { ws, peer } = await play.open(options);

      for (const event of ['message', 'ping', 'pong']) {
        ws.on(event, (data) => ripple(play, `${event} ${data}`));
      }
      ws.on('close', () => ripple(play, 'close'));
      peer.write(
        peer.frame('text', 'a'),
        peer.frame('ping', 'b'),
        peer.frame('pong', 'c'),
        peer.frame('binary', 'd'),
        peer.closeFrame(1000)
      );
      await play.over(ws, peer);
    }
  );
}

scenario(
  'allowSynchronousEvents false lets an await see every message',
  {},
  async (play) => {
    const { ws, peer } = await play.open({ allowSynchronousEvents: false });
    const next = () =>
      new Promise((resolve) => {
        ws.once('message', (data) => resolve(String(data)));
      });
    const all = (async () => {
      for (let i = 0; i < 5; i++) play.note(await next());
    })();

    peer.write(
      ...['a', 'b', 'c', 'd', 'e'].map((text) => peer.frame('text', text))
    );
    await all;
    ws.close();
    await play.finish(ws, peer);
  }
);

scenario(
  'what an await misses with synchronous events',
  { transports: ['tcp', 'duplex'] },
  async (play) => {
    const { ws, peer } = await play.open();
    const closed = new Promise((resolve) => ws.once('close', resolve));

    (async () => {
      for (;;) {
        const [data] = await require('node:events').once(ws, 'message');
        play.note(data);
      }
    })().catch(() => {});
    peer.write(
      ...['a', 'b', 'c'].map((text) => peer.frame('text', text)),
      peer.closeFrame(1000)
    );
    await Promise.all([closed, play.over(ws, peer)]);
  }
);

scenario(
  'ticks and promises run between two connections',
  { transports: ['tcp', 'unix'] },
  async (play) => {
    const ends = [await play.open(), await play.open(), await play.open()];
    const seen = [];
    let missing = ends.length * 2;
    const all = new Promise((resolve) => {
      for (const [n, { ws }] of ends.entries()) {
        ws.on('message', () => {
          seen.push(`${n} message`);
          process.nextTick(() => seen.push(`${n} tick`));
          Promise.resolve().then(() => {
            seen.push(`${n} promise`);
            if (--missing === 0) resolve(undefined);
          });
        });
      }
    });

    for (const { peer } of ends) {
      peer.write(peer.frame('text', 'a'), peer.frame('text', 'b'));
    }
    await all;
    // The kernel decides which connection comes first.
    const order = [...new Set(seen.map((line) => line[0]))];
    play.note(seen.map((line) => `${order.indexOf(line[0])}${line.slice(1)}`));
  }
);

scenario(
  'handlers that send from ticks keep the order of the peer',
  { transports: ['tcp', 'duplex'] },
  async (play) => {
    const { ws, peer } = await play.open();

    ws.on('message', (data) => {
      ws.send(`now ${data}`);
      queueMicrotask(() => ws.send(`micro ${data}`));
      process.nextTick(() => ws.send(`tick ${data}`));
      setImmediate(() => ws.send(`immediate ${data}`));
    });
    peer.write(peer.frame('text', 'a'), peer.frame('text', 'b'));
    await peer.frames(8);
    ws.close();
    await play.finish(ws, peer);
  }
);

scenario(
  'acks come behind the call and its microtasks',
  { transports: ['tcp', 'tls'] },
  async (play) => {
    const { ws, peer } = await play.open();
    const acked = new Promise((resolve) => {
      ws.on('message', () => {
        ws.send('a', () => play.note('ack a'));
        Promise.resolve().then(() => play.note('promise'));
        ws.send('b', () => {
          play.note('ack b');
          resolve(undefined);
        });
        play.note('called');
      });
    });

    peer.write(peer.frame('text', 'go'));
    await acked;
    ws.close();
    await play.finish(ws, peer);
  }
);
