'use strict';

const { setTimeout: pause } = require('node:timers/promises');

const load = require('./load');
const { Server } = require('./server');

/**
 * How many connections come and go before memory is read for the first time:
 * enough to load whatever is loaded once, and few enough that what they leave
 * behind is a small part of what all will take.
 */
const FIRST = { most: 200, share: 1 / 20 };

/**
 * @typedef {object} Scenario
 * @property {string} name Its name on the command line
 * @property {string} title Its name for people
 * @property {string} program What the server does
 * @property {string} [setup] How: plain (default), deflate, stateless or tls
 * @property {string[]} [servers] Which servers can (USUAL of server.js)
 * @property {Record<string, string>} [env] Variables of the server
 * @property {boolean} [oneCore] Whether server and load share one core
 * @property {import('./load').Load} load What the load generator does
 *
 * @typedef {Record<string, number>} Sample One measurement: either
 *   - rate (messages/s); cpu and main (server's CPU µs per message: the whole
 *     process, its main thread); busy (the share of one core that the load
 *     generator used); p50, p99, max (µs)
 *   - or bytes (resident memory per connection).
 */

/**
 * Measures one scenario once on one server, which is started for that.
 *
 * @param {string} name The server
 * @param {Scenario} scenario The scenario
 * @param {import('./options').Options} options The times
 * @return {Promise<Sample>} The measurement
 */
async function measure(name, scenario, options) {
  const server = new Server(name, scenario);

  try {
    await server.listening();

    return scenario.load.mode === 'hold'
      ? await memory(server, scenario)
      : await load.run(server, scenario, options);
  } finally {
    await server.stop();
  }
}

/**
 * The growth of a server's resident memory per idle connection, garbage
 * collected at both readings.
 *
 * @param {Server} server The server
 * @param {Scenario} scenario The scenario
 * @return {Promise<Sample>} The measurement
 */
async function memory(server, scenario) {
  const { connections } = scenario.load;
  const first = Math.min(FIRST.most, Math.ceil(connections * FIRST.share));
  let grown = 0;

  // What is loaded or allocated once belongs to no connection.
  await load.hold(
    server,
    { ...scenario.load, connections: first },
    async () => {}
  );
  await settle(server);
  const before = server.residentMemory();

  await load.hold(server, scenario.load, async () => {
    await settle(server);
    grown = server.residentMemory() - before;
  });

  return { bytes: grown / connections };
}

/**
 * Lets a server finish what it does, and drops its garbage.
 *
 * @param {Server} server The server
 */
async function settle(server) {
  await pause(200);
  await server.collect();
  await pause(100);
}

module.exports = { measure };
