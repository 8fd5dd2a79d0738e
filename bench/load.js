'use strict';

/** The runs of the load generator. */

const readline = require('node:readline');

const { binary } = require('./binary');
const { start, within } = require('./children');

/** How long a run may take beyond the time it measures, in seconds. */
const PATIENCE = 30;

/** How many connections a slow server opens in one second. */
const SLOW = 500;

/**
 * @typedef {object} Load What the generator does; its options by their names
 * @property {string} mode echo, broadcast, storm or hold
 * @property {number} connections How many connections
 * @property {number} [depth] Messages in flight, per connection
 * @property {number} [size] The size of a message
 * @property {string} [kind] binary, text or unicode
 * @property {string} [deflate] any, takeover or stateless: compressed JSON
 *   messages, whatever their size and kind are said to be; who keeps its
 *   context
 * @property {boolean} [verify] Whether all of those are inflated and compared
 * @property {boolean} [tls] Whether the connections are wss:
 * @property {number} [exchange] Messages there and back before holding
 */

/**
 * @param {import('./server').Server} server The server
 * @param {Load} load What to do
 * @param {object} more More options
 * @return {string[]} The command line
 */
function parameters(server, load, more) {
  const { mode, ...rest } = load;
  const options = { port: server.port, pid: server.pid, ...rest, ...more };

  return [
    mode,
    ...Object.entries(options).flatMap(([key, value]) => [
      `--${key}`,
      String(value)
    ])
  ];
}

/**
 * Runs it through one measurement.
 *
 * @param {import('./server').Server} server The server
 * @param {import('./measure').Scenario} scenario The scenario
 * @param {import('./options').Options} options The times
 * @return {Promise<Record<string, number>>} What it found out
 */
async function run(server, scenario, options) {
  const child = start(
    binary,
    parameters(server, scenario.load, {
      verify: options.verify,
      'warm-up': Math.round(options.warmUp * 1000),
      window: Math.round(options.seconds * 1000)
    }),
    { oneCore: scenario.oneCore, stdio: ['ignore', 'pipe', 'pipe'] }
  );
  let output = '';

  child.process.stdout?.on('data', (text) => (output += text));
  try {
    const { code, errors } = await within(
      child.ended,
      options.warmUp + options.seconds + patience(scenario.load),
      'The load generator'
    );

    if (code !== 0) throw new Error(errors);

    return JSON.parse(output);
  } finally {
    await child.kill();
  }
}

/**
 * @param {Load} load What to do
 * @return {number} How long it may take beyond its time, in seconds
 */
function patience(load) {
  return PATIENCE + load.connections / SLOW;
}

/**
 * Opens idle connections, and closes them when `task` has ended.
 *
 * @param {import('./server').Server} server The server
 * @param {Load} load What they are
 * @param {() => Promise<void>} task What to do meanwhile
 */
async function hold(server, load, task) {
  const child = start(binary, parameters(server, load, {}), {
    stdio: ['pipe', 'pipe', 'pipe']
  });
  const { stdin } = child.process;
  const stdout = /** @type {import('stream').Readable} */ (
    child.process.stdout
  );
  const connected = new Promise((resolve, reject) => {
    readline.createInterface({ input: stdout }).once('line', resolve);
    child.ended.then(({ errors }) => reject(new Error(errors)));
  });

  try {
    await within(connected, patience(load), 'The load generator');
    await task();
    stdin?.end();
    await within(child.ended, patience(load), 'The load generator');
  } finally {
    await child.kill();
  }
}

module.exports = { hold, run };
