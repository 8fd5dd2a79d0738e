'use strict';

// The store of an AsyncLocalStorage that each listener and callback sees, and the store
// and the domain that see its exception. async-context-program.js runs one case.

const assert = require('node:assert');
const { AsyncLocalStorage } = require('node:async_hooks');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { describe, it } = require('node:test');
const { promisify } = require('node:util');

const { scenario } = require('../support/scenario.js');

const program = path.join(__dirname, 'async-context-program.js');

const root = path.join(__dirname, '../..');

const run = promisify(execFile);

const SERVERS = ['port', 'asked', 'server', 'tcp', 'unix', 'tls', 'duplex'];

const CLIENTS = ['tcp', 'unix', 'tls', 'duplex'];

/** The transports for tests of exceptions; the others work in the same way. */
const THROWN_ON = [
  ['port', 'server', 'tcp', 'tls'],
  ['port', 'tcp']
];

const SENT = ['sent', 'ping sent', 'large sent', 'blob sent'];

const PLACES = [
  'message',
  'ping',
  'pong',
  ...SENT,
  'written',
  'error',
  'close',
  'terminated',
  'closed',
  'sent too late'
];

const HANDSHAKE = {
  client: ['open'],
  server: ['verifyClient', 'handleProtocols', 'headers', 'connection']
};

const major = Number(process.versions.node.split('.')[0]);

/**
 * Node.js 24 and newer do not store contexts in async resources, unless this flag
 * is set.
 */
const WAYS = major < 24 ? [[]] : [[], ['--no-async-context-frame']];

/**
 * @param {string} module
 * @param {string[]} args
 * @param {string[]} flags Of Node.js
 * @return {Promise<Record<string, string[]>>} What was seen, by place
 */
async function play(module, args, flags) {
  const { stdout } = await run(
    process.execPath,
    [...flags, program, module, ...args],
    { timeout: 60000 }
  );

  return JSON.parse(stdout);
}

/**
 * @param {string[]} args
 * @param {string[]} flags
 */
async function compare(args, flags) {
  const [ours, theirs] = await Promise.all([
    play(root, args, flags),
    play(require.resolve('ws'), args, flags)
  ]);
  const [, transport, mode] = args;

  for (const seen of [ours, theirs]) {
    // On a Node.js stream, `ws` shows the store of another send; this package shows
    // the right one.
    if (transport === 'tls') for (const place of SENT) delete seen[place];
    // With `ws`, the store that one handshake enters may be visible to the next.
    if (transport === 'port' && mode === 'enter') seen.verifyClient.length = 1;
  }

  assert.deepStrictEqual(ours, theirs);
}

/**
 * @param {string} transport
 * @param {string} place
 * @return {boolean} Whether an exception at this place can be compared
 */
function canThrow(transport, place) {
  return transport !== 'tls' || !SENT.includes(place);
}

const EACH = { transports: ['tcp', 'tls', 'duplex'] };

for (const [way, flags] of WAYS.entries()) {
  describe(`contexts ${flags.join(' ')}`, () => {
    for (const [role, transports] of [
      ['server', SERVERS],
      ['client', CLIENTS]
    ]) {
      for (const transport of transports) {
        for (const mode of ['see', 'enter', 'request']) {
          it(`${role} ${transport}: ${mode}`, () =>
            compare([role, transport, mode], flags));
        }
      }
    }
  });

  describe(`contexts of exceptions ${flags.join(' ')}`, () => {
    for (const [role, transports] of [
      ['server', SERVERS],
      ['client', CLIENTS]
    ]) {
      for (const transport of transports) {
        if (!THROWN_ON[way].includes(transport)) continue;

        for (const mode of ['throw', 'domain']) {
          it(`${role} ${transport}: ${mode}`, async () => {
            for (const place of [...HANDSHAKE[role], ...PLACES]) {
              if (canThrow(transport, place)) {
                await compare([role, transport, mode, place], flags);
              }
            }
          });
        }
      }
    }
  });
}

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

// With `ws`, on a stream that writes several frames at once, all callbacks see
// the store of the first.
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
