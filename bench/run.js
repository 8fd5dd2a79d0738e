'use strict';

/**
 * Measures scenarios on servers, interleaved; README.md beside this file says
 * how to read what it prints.
 */

const os = require('node:os');

const { build } = require('./binary');
const { document } = require('./document');
const { USAGE, parse } = require('./options');
const { read, recordOf, write } = require('./record');
const { curveTable, table, verdictTable } = require('./report');
const { measureAll, measureCurve } = require('./rounds');
const { scenarios, select } = require('./scenarios');
const { selectCurves } = require('./scenarios/curves');
const { check, scenariosOf } = require('./targets');

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
 * The scenarios that a run measures.
 *
 * @param {import('./options').Options} options The options
 * @return {import('./measure').Scenario[]} The scenarios
 */
function chosen(options) {
  if (options.names.length > 0 || options.document) {
    return select(options.names);
  }
  if (options.curves.length > 0) return [];

  return select(options.check ? scenariosOf(options.targets) : []);
}

/**
 * Measures what the options name, and prints it as it comes.
 *
 * @param {import('./options').Options} options The options
 * @return {Promise<import('./record').Run>} Everything that came out
 */
async function run(options) {
  const selected = chosen(options);
  const selectedCurves = selectCurves(options.curves);
  // Unknown targets are to be told before anything is measured.
  scenariosOf(options.targets);
  /** @type {import('./report').Result[]} */
  const results = [];
  /** @type {import('./rounds').CurveResult[]} */
  const curves = [];

  build();
  warnWhenBusy();
  for (const scenario of selected) {
    const result = await measureAll(scenario, options);

    results.push(result);
    console.log(table(result));
  }
  for (const [name, curve] of selectedCurves) {
    const result = await measureCurve(name, curve, options);

    curves.push(result);
    console.log(curveTable(result));
  }

  const verdicts = options.check ? check(options.targets, results) : [];

  if (verdicts.length > 0) console.log(verdictTable(verdicts));

  return recordOf(options, { results, curves, verdicts });
}

/** Does what the command line says. */
async function main() {
  const options = parse(process.argv.slice(2));

  if (options.help) return console.log(USAGE);
  if (options.list) {
    return console.log(scenarios.map(({ name }) => name).join('\n'));
  }
  if (options.from !== undefined) return document(read(options.from));

  const record = await run(options);
  const all = [
    ...record.results,
    ...record.curves.flatMap(({ points }) => points)
  ];
  const failed = all.some(({ failures }) => Object.keys(failures)[0]);
  const missed = record.verdicts.some(({ reached }) => !reached);

  write(record, options.json);
  if (options.document) document(record);
  if (failed || missed) process.exitCode = 1;
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
