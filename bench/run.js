'use strict';

/**
 * Measures scenarios on servers, interleaved; README.md beside this file says
 * how to read what it prints.
 */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { build } = require('./binary');
const { measure } = require('./measure');
const { USAGE, parse } = require('./options');
const { medianOf, table, verdictTable } = require('./report');
const { scenarios, select } = require('./scenarios');
const { check, targets } = require('./targets');

/**
 * Measures one scenario: in every round each server once, each round
 * beginning with another one.
 *
 * @param {import('./measure').Scenario} scenario The scenario
 * @param {import('./options').Options} options The options
 * @return {Promise<import('./report').Result>} The result
 */
async function measureAll(scenario, options) {
  const { name, title } = scenario;
  const { servers } = options;
  /** @type {import('./report').Result} */
  const result = { name, title, samples: {}, medians: {}, failures: {} };

  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < servers.length; turn++) {
      const server = servers[(round + turn) % servers.length];

      if (server in result.failures) continue;

      progress(`${name}: round ${round + 1} of ${options.rounds}, ${server}`);
      try {
        const sample = await measure(server, scenario, options);

        (result.samples[server] ??= []).push(sample);
      } catch (error) {
        result.failures[server] = /** @type {Error} */ (error).message;
      }
    }
  }

  for (const server of servers) {
    // A server that failed once has no result, whatever it reached before.
    if (server in result.failures) continue;

    result.medians[server] = medianOf(result.samples[server]);
  }

  progress('');
  return result;
}

/**
 * Shows on a terminal what is being done.
 *
 * @param {string} text The line
 */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** Says that the figures will be noise where others use the machine. */
function warnWhenBusy() {
  const [average] = os.loadavg();

  if (average > os.availableParallelism() / 2) {
    console.error(
      `This machine is busy (load ${average.toFixed(1)}): expect noise`
    );
  }
}

/**
 * Writes everything down.
 *
 * @param {import('./options').Options} options The options
 * @param {import('./report').Result[]} results The results
 * @param {import('./targets').Verdict[]} verdicts The verdicts
 */
function write(options, results, verdicts) {
  const date = new Date().toISOString();
  const file =
    options.json ??
    path.join(__dirname, 'results', `${date.replaceAll(':', '-')}.json`);
  const record = {
    date,
    node: process.version,
    kernel: os.release(),
    cpu: os.cpus()[0]?.model,
    cores: os.availableParallelism(),
    loadAverage: os.loadavg(),
    rounds: options.rounds,
    seconds: options.seconds,
    warmUp: options.warmUp,
    results,
    verdicts
  };

  fs.mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  fs.writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`);
  console.log(`Written to ${path.relative('', file)}`);
}

/** Does what the command line says. */
async function main() {
  const options = parse(process.argv.slice(2));

  if (options.help) return console.log(USAGE);
  if (options.list) {
    return console.log(scenarios.map(({ name }) => name).join('\n'));
  }
  if (!(options.targets in targets)) {
    throw new Error(`No targets are named ${options.targets}`);
  }

  const names =
    options.check && options.names.length === 0
      ? targets[options.targets].map(({ scenario }) => scenario)
      : options.names;
  const selected = select(names);
  /** @type {import('./report').Result[]} */
  const results = [];

  build();
  warnWhenBusy();
  for (const scenario of selected) {
    const result = await measureAll(scenario, options);

    results.push(result);
    console.log(table(result));
  }

  const verdicts = options.check ? check(options.targets, results) : [];

  if (options.check) console.log(verdictTable(verdicts));

  write(options, results, verdicts);

  const failed = results.some(({ failures }) => Object.keys(failures)[0]);

  if (failed || verdicts.some(({ reached }) => !reached)) process.exitCode = 1;
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
