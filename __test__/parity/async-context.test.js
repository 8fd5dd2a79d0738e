'use strict';

/** Which AsyncLocalStorage store the listeners see. */

const { AsyncLocalStorage } = require('node:async_hooks');

const { scenario } = require('./harness.js');

const EACH = { transports: ['tcp', 'tls', 'duplex'] };

scenario(
  "a client's events see the store of its constructor",
  { ...EACH, roles: ['client'] },
  async (play) => {
    const storage = new AsyncLocalStorage();
    const { ws, peer } = await storage.run('constructor', () => play.open());
    const see = (name) => play.note(name, storage.getStore());

    storage.run('listener', () => {
      for (const event of ['message', 'ping', 'pong', 'close']) {
        ws.on(event, () => see(event));
      }
    });
    peer.write(peer.frame('text', 'a'), peer.frame('ping', 'b'));
    await peer.frames(1);
    storage.run('sender', () => {
      ws.send('c', () => see('ack'));
    });
    await peer.frames(2);
    await new Promise(setImmediate);
    peer.write(peer.frame('pong', ''), peer.closeFrame(1000));
    await play.over(ws, peer);
  }
);

scenario(
  "a server's messages do not see the store of 'connection'",
  { ...EACH, roles: ['server'] },
  async (play) => {
    const storage = new AsyncLocalStorage();
    const { ws, peer } = await play.open(undefined, {
      onOpen(opened) {
        storage.enterWith('connection');
        for (const event of ['message', 'ping', 'close']) {
          opened.on(event, () => play.note(event, storage.getStore()));
        }
      }
    });

    peer.write(peer.frame('text', 'a'), peer.frame('ping', 'b'));
    await peer.frames(1);
    peer.write(peer.frame('text', 'c'), peer.closeFrame(1000));
    await play.over(ws, peer);
  }
);

scenario(
  'what one message enters is not seen by another connection',
  { transports: ['tcp', 'unix'] },
  async (play) => {
    const storage = new AsyncLocalStorage();
    const ends = [await play.open(), await play.open(), await play.open()];
    const leaks = [];
    let missing = ends.length;
    const all = new Promise((resolve) => {
      for (const [n, { ws }] of ends.entries()) {
        ws.on('message', () => {
          leaks.push(storage.getStore());
          storage.enterWith(`message of ${n}`);
          if (--missing === 0) resolve(undefined);
        });
      }
    });

    for (const { peer } of ends) peer.write(peer.frame('text', 'a'));
    await all;
    play.note(leaks.map((store) => store ?? 'nothing'));
  }
);

// With `ws` on a stream that writes several frames at once, all acks see the
// store of the first.
scenario(
  'acks see the store of their send',
  { ...EACH, better: true, log: ['["one", "two", "three"]'] },
  async (play) => {
    const storage = new AsyncLocalStorage();
    const { ws } = await play.open();
    const acks = [];

    await Promise.all(
      ['one', 'two', 'three'].map((name) =>
        storage.run(
          name,
          () =>
            new Promise((resolve) => {
              ws.send(name, () => {
                acks.push(storage.getStore() ?? 'nothing');
                resolve(undefined);
              });
            })
        )
      )
    );
    play.note(acks);
  }
);
