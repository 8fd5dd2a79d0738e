'use strict';

// The harness of the differential tests: a scenario runs with `ws` and with the
// module under test, and both must leave the same log.
//
// `scenario` runs in both roles on every kind of stream against a raw peer.
// `parity` runs once per module and makes its own connections.
//
// PARITY_MODULE names another module under test (`ws` shows whether a scenario
// is stable); PARITY_ONLY is a pattern for the variants, such as "server tcp";
// PARITY_SHOW prints what `ws` does.

const assert = require('node:assert');
const test = require('node:test');

const { digest, frame } = require('./frames.js');
const { Notebook } = require('./notebook.js');
const { Play } = require('./play.js');
const { RawPeer } = require('./raw-peer.js');
const { TRANSPORTS } = require('./transports.js');

const ROLES = ['server', 'client'];
/** How long a run may take before it counts as hanging. */
const TIME_LIMIT = 20000;

const reference = require.resolve('ws');
const subject = require.resolve(process.env.PARITY_MODULE || 'ws-native');
const only = new RegExp(process.env.PARITY_ONLY || '');

/**
 * Runs a scenario with one module.
 *
 * @template {Play|Notebook} Kind
 * @param {(log: Kind) => any} run The scenario
 * @param {Kind} log What it is given
 * @return {Promise<{ log: string[], result: any }>} Its log, and what it returned
 */
async function perform(run, log) {
  let timer;
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => {
      const lines = log.log.join('\n  ');
      reject(new Error(`${log.modulePath} hangs; so far:\n  ${lines}`));
    }, TIME_LIMIT);
  });
  let result;

  try {
    result = await Promise.race([run(log), late]);
  } catch (err) {
    // This error matters, not what cannot be cleaned up because of it.
    await log.cleanUp().catch(() => {});
    throw err;
  } finally {
    clearTimeout(timer);
  }

  await log.cleanUp();
  return { log: log.log, result };
}

/**
 * @param {string} title A test
 * @param {any} seen What `ws` did in it
 * @return {any} The same; printed if PARITY_SHOW is set
 */
function show(title, seen) {
  if (process.env.PARITY_SHOW) console.log(title, seen);
  return seen;
}

/**
 * @param {string} role
 * @param {{ transports?: string[], port?: boolean }} options Those of a scenario
 * @return {string[]} Its transports; a server over TCP also runs with a port of its
 *     own, where the engine accepts the connections
 */
function variantsOf(role, { transports = TRANSPORTS, port = true }) {
  return role === 'server' && port && transports.includes('tcp')
    ? [...transports, 'port']
    : transports;
}

/**
 * Declares a scenario that runs in each role and on each transport.
 *
 * @param {string} title What it shows
 * @param {{ roles?: string[], transports?: string[], port?: boolean,
 *     log?: string[], better?: boolean }} options The variants; `port` is false
 *     if the scenario needs an HTTP server of its own; `log` is the expected log,
 *     where it is worth showing; `better` if `ws` falls short of it
 * @param {(play: Play) => Promise<any>} run Plays it and notes what it sees
 */
function scenario(title, options, run) {
  const runVariant = async (name, role, transport) => {
    const play = async (modulePath) => {
      const { result } = await perform(
        async (played) => {
          await run(played);
          // What the cleanup brings about is left out.
          return [...played.log];
        },
        new Play(modulePath, role, transport)
      );

      return result;
    };
    const full = `${title}, ${name}`;

    if (options.better) {
      if (subject === reference) return;
      assert.deepStrictEqual(show(full, await play(subject)), options.log);
      return;
    }

    const want = show(full, await play(reference));

    assert.notDeepStrictEqual(want, [], 'the scenario saw nothing');
    if (options.log) assert.deepStrictEqual(want, options.log);
    assert.deepStrictEqual(await play(subject), want);
  };

  test(title, async (t) => {
    for (const role of options.roles ?? ROLES) {
      for (const transport of variantsOf(role, options)) {
        const name = `${role} ${transport}`;

        if (!only.test(name)) continue;

        await t.test(name, () => runVariant(name, role, transport));
      }
    }
  });
}

/**
 * Declares a scenario that runs once per module.
 *
 * @param {string} title What it shows
 * @param {(WebSocket: any, notebook: Notebook) => any} run Gets the module; what
 *     it returns is compared too
 */
function parity(title, run) {
  test(title, async () => {
    const play = (modulePath) =>
      perform(
        (notebook) => run(notebook.WebSocket, notebook),
        new Notebook(modulePath)
      );
    const want = show(title, await play(reference));

    assert.deepStrictEqual(await play(subject), want);
  });
}

module.exports = {
  Notebook,
  Play,
  ROLES,
  RawPeer,
  TRANSPORTS,
  digest,
  frame,
  /** The module under test itself; `subject` is its path. */
  ours: require(subject),
  parity,
  scenario,
  subject
};
