'use strict';

// Broadcasts: the same message to many connections.

const { scenario } = require('../support/scenario.js');

const COUNT = 24;
const EACH = { transports: ['tcp', 'duplex'] };

/**
 * Sends to many connections, and notes what each of them got.
 *
 * @param {any} play The scenario's play
 * @param {(all: any[]) => Promise<void>|void} send Gets the WebSockets
 * @param {object} [options] Those of the WebSockets
 */
async function toMany(play, send, options) {
  const ends = [];

  for (let i = 0; i < COUNT; i++) ends.push(await play.open(options));

  await send(ends.map(({ ws }) => ws));
  for (const { ws } of ends) ws.close(1000);
  await Promise.all(ends.map(({ peer }) => peer.finish()));
  for (const { peer } of ends) play.note(peer.log);
}

scenario('the same to all', EACH, (play) =>
  toMany(play, (all) => {
    const data = Buffer.from('the same bytes');
    const large = Buffer.alloc(100000, 'l');

    for (const ws of all) ws.send('the same text');
    for (const ws of all) ws.send(data);
    for (const ws of all) ws.send(large);
    for (const ws of all) ws.send('the same text', { binary: true });
    for (const ws of all) ws.send(data, { binary: false });
    for (const ws of all) ws.send('');
    for (const ws of all) ws.ping('the same ping');
  })
);

// Not on a plain Duplex, where the change is visible with `ws`.
const NATIVE = { transports: ['tcp', 'unix'] };

scenario('a Buffer that is changed between two sends', NATIVE, (play) =>
  toMany(play, (all) => {
    const small = Buffer.from('message 00');
    const large = Buffer.alloc(70000, '.');

    for (const [i, ws] of all.entries()) {
      small.write(String(i).padStart(2, '0'), 8);
      ws.send(small, { binary: i % 2 === 0 });
    }
    for (const [i, ws] of all.entries()) {
      large.write(`at ${i}`, 35000);
      // `ws` sends a server's large frame without a copy, so this one is copied first.
      ws.send(Buffer.from(large));
    }
  })
);

scenario('different options for the same data', EACH, (play) =>
  toMany(play, (all) => {
    for (const [i, ws] of all.entries()) {
      if (i % 3 === 0) ws.send('x', { fin: false });
      else ws.send('x', { binary: i % 3 === 1 });
    }
    for (const [i, ws] of all.entries()) {
      if (i % 3 === 0) ws.send('x', { fin: true });
    }
  })
);

scenario('to all but one, in the middle of other messages', EACH, (play) =>
  toMany(play, (all) => {
    for (const [i, ws] of all.entries()) {
      ws.send(`mine ${i}`);
      for (const other of all) if (other !== ws) other.send(`from ${i}`);
      ws._socket.write('');
      ws.ping(String(i));
    }
  })
);

scenario('acks of a broadcast', EACH, async (play) => {
  let acks = 0;

  await toMany(play, (all) =>
    Promise.all(
      all.map(
        (ws) =>
          new Promise((resolve, reject) => {
            ws.send('the same', (err) => {
              acks++;
              if (err) reject(err);
              else resolve(undefined);
            });
          })
      )
    ).then(() => {})
  );
  play.note(acks);
});

scenario('a broadcast to some that are closing', EACH, async (play) => {
  let failures = 0;

  await toMany(play, (all) => {
    for (const [i, ws] of all.entries()) if (i % 4 === 0) ws.close(1000);
    for (const ws of all) {
      ws.send('the same', (err) => {
        if (err) failures++;
      });
    }
  });
  play.note(failures);
});

scenario('a broadcast from within a message', EACH, (play) =>
  toMany(play, async (all) => {
    let left = all.length;

    await new Promise((resolve) => {
      for (const [i, ws] of all.entries()) {
        ws.on('pong', () => {
          if (--left > 0) return;
          for (const other of all) other.send('all are here');
          resolve(undefined);
        });
        ws.ping(String(i));
      }
      setImmediate(() => {
        for (const ws of all) ws.emit('pong', Buffer.alloc(0));
      });
    });
  })
);
