'use strict';

/**
 * Which store of an AsyncLocalStorage each listener and callback sees, and which
 * store and domain see its exception: as with `ws` on the same Node.js, with both
 * ways in which that keeps stores. context-program.js plays one case.
 */

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { describe, it } = require('node:test');
const { promisify } = require('node:util');

const program = path.join(__dirname, 'context-program.js');
const root = path.join(__dirname, '../..');
const run = promisify(execFile);

const SERVERS = ['port', 'asked', 'server', 'tcp', 'unix', 'tls', 'duplex'];
const CLIENTS = ['tcp', 'unix', 'tls', 'duplex'];
/** Those on which exceptions are tried: what carries the others is the same. */
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
/** Node.js 24 and newer keep stores apart from resources, unless told so. */
const WAYS = major < 24 ? [[]] : [[], ['--no-async-context-frame']];

/**
 * @param {string} module
 * @param {string[]} args
 * @param {string[]} flags Of Node.js
 * @return {Promise<Record<string, string[]>>} What was seen, by its place
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
    // On a stream of Node's `ws` shows the store of another send: ours is right.
    if (transport === 'tls') for (const place of SENT) delete seen[place];
    // With `ws` what one handshake enters may be seen by the next.
    if (transport === 'port' && mode === 'enter') seen.verifyClient.length = 1;
  }

  assert.deepStrictEqual(ours, theirs);
}

/**
 * @param {string} transport
 * @param {string} place
 * @return {boolean} Whether an exception there can be compared
 */
function canThrow(transport, place) {
  return transport !== 'tls' || !SENT.includes(place);
}

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
