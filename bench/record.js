'use strict';

/** The JSON of a run. */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/**
 * @typedef {object} Run
 * @property {string} date When
 * @property {string} node The version of Node.js
 * @property {string} kernel The version of the kernel
 * @property {string} [cpu] The processor
 * @property {number} cores How many of its cores there were
 * @property {number[]} loadAverage How busy the machine was at the end
 * @property {number} rounds Measurements of each
 * @property {number} seconds The time of each
 * @property {number} warmUp The time before that
 * @property {import('./report').Result[]} results The scenarios
 * @property {import('./rounds').CurveResult[]} curves The curves
 * @property {import('./targets').Verdict[]} verdicts The targets
 */

/**
 * @param {import('./options').Options} options How it was measured
 * @param {Pick<Run, 'results' | 'curves' | 'verdicts'>} outcome What came
 *   out
 * @return {Run} Everything about the run
 */
function recordOf(options, outcome) {
  return {
    date: new Date().toISOString(),
    node: process.version,
    kernel: os.release(),
    cpu: os.cpus()[0]?.model,
    cores: os.availableParallelism(),
    loadAverage: os.loadavg(),
    rounds: options.rounds,
    seconds: options.seconds,
    warmUp: options.warmUp,
    ...outcome
  };
}

/**
 * Writes it down.
 *
 * @param {Run} record The record
 * @param {string} [file] Where, when not among the results
 */
function write(record, file) {
  const name = `${record.date.replaceAll(':', '-')}.json`;
  const target = file ?? path.join(__dirname, 'results', name);

  fs.mkdirSync(path.dirname(path.resolve(target)), { recursive: true });
  fs.writeFileSync(target, `${JSON.stringify(record, null, 2)}\n`);
  console.log(`Written to ${path.relative('', target)}`);
}

/**
 * @param {string} file A file that `write` has written
 * @return {Run} What it holds
 */
function read(file) {
  const record = JSON.parse(fs.readFileSync(file, 'utf8'));

  if (!Array.isArray(record.results) || !Array.isArray(record.curves)) {
    throw new Error(`${file} does not hold the results of a run`);
  }

  return record;
}

/**
 * The part of a record that is worth keeping: no single samples.
 *
 * @param {Run} record The record
 * @return {Run} The part
 */
function summary(record) {
  const { results, curves, ...rest } = record;

  return {
    ...rest,
    results: results.map((result) => ({ ...result, samples: {} })),
    curves: curves.map((curve) => ({
      ...curve,
      points: curve.points.map((point) => ({ ...point, samples: {} }))
    }))
  };
}

module.exports = { read, recordOf, summary, write };
