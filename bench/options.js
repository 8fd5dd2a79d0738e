'use strict';

const { parseArgs } = require('node:util');

const { SERVERS } = require('./server');

const USAGE = `npm run bench -- [options] [scenario...]

A scenario is a name or the beginning of names; all of them by default.

  --rounds N      measurements of each scenario on each server (3)
  --seconds S     the measured time of each (1.3)
  --warm-up S     the time before that (0.5)
  --servers A,B   which of ${SERVERS.join(', ')}
                  (all but bare)
  --quick         one round of half a second: an impression, no result
  --verify        inflate and compare every compressed message, not a sample
  --check         compare with the targets; exit 1 where one is not reached
  --targets A,B   which --check means: first (default), final, deflate
  --curve A,B     measure curves: connections, sizes, threads, memory or all;
                  scenarios then only where they are named
  --document      measure all of it, and write docs/performance.md and its plots
  --from FILE     the same from the JSON of an earlier run, without measuring
  --json FILE     where the JSON goes (bench/results/<time>.json)
  --list          print the names of the scenarios
  --help          print this`;

/**
 * @typedef {object} Options
 * @property {string[]} names The scenarios
 * @property {string[]} servers The servers, in the order of the table
 * @property {number} rounds Measurements of each
 * @property {number} seconds The measured time of each
 * @property {number} warmUp The time before that
 * @property {boolean} verify Whether all compressed messages are compared
 * @property {boolean} check Whether to compare with the targets
 * @property {string[]} targets Which targets
 * @property {string[]} curves The curves
 * @property {boolean} document Whether to write the documentation
 * @property {string} [from] The results that it shows, when not those of a run
 * @property {string} [json] Where the JSON goes
 * @property {boolean} list Whether to print the names alone
 * @property {boolean} help Whether to print the usage alone
 */

/**
 * Reads the command line.
 *
 * @param {string[]} parameters The arguments
 * @return {Options} The options
 */
function parse(parameters) {
  const { values, positionals } = parseArgs({
    args: parameters,
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      servers: { type: 'string', default: 'ws,uws,uws-dedicated,native' },
      quick: { type: 'boolean', default: false },
      verify: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      targets: { type: 'string' },
      curve: { type: 'string' },
      document: { type: 'boolean', default: false },
      from: { type: 'string' },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  });
  const { quick, document } = values;

  return {
    names: positionals,
    servers: chosenServers(values.servers),
    rounds: positive('rounds', values.rounds ?? (quick ? '1' : '3')),
    seconds: positive('seconds', values.seconds ?? (quick ? '0.5' : '1.3')),
    warmUp: positive('warm-up', values['warm-up'] ?? (quick ? '0.3' : '0.5')),
    verify: values.verify,
    check: values.check || document,
    targets: list(values.targets ?? (document ? 'final,deflate' : 'first')),
    curves: list(values.curve ?? (document ? 'all' : '')),
    document,
    from: values.from,
    json: values.json,
    list: values.list,
    help: values.help
  };
}

/**
 * @param {string} text Names with commas between them
 * @return {string[]} The names
 */
function list(text) {
  return text.split(',').filter((name) => name !== '');
}

/**
 * @param {string} text Names with commas between them
 * @return {string[]} Those of SERVERS that are meant
 */
function chosenServers(text) {
  const names = list(text);
  const unknown = names.find((name) => !SERVERS.includes(name));

  if (unknown !== undefined) throw new Error(`No server is named ${unknown}`);

  return SERVERS.filter((name) => names.includes(name));
}

/**
 * @param {string} name The option
 * @param {string} value Its value
 * @return {number} The value as a number
 */
function positive(name, value) {
  const number = Number(value);

  if (!(number > 0)) throw new Error(`--${name} needs a positive number`);

  return number;
}

module.exports = { USAGE, parse };
