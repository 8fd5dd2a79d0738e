'use strict';

/** The rounds of a run: what is measured on which server, and in which order. */

const { measure } = require('./measure');
const { medianOf } = require('./report');
const { USUAL } = require('./server');

/**
 * @typedef {object} CurveResult
 * @property {string} name Its name
 * @property {string} title What was measured
 * @property {string} axis What grew
 * @property {'count' | 'bytes'} unit How its values are shown
 * @property {(import('./report').Result & { x: number })[]} points The values
 */

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
  const able = scenario.servers ?? USUAL;
  const servers = options.servers.filter((server) => able.includes(server));
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
 * Measures one curve, point by point.
 *
 * @param {string} name The curve's name
 * @param {import('./scenarios/curves').Curve} curve The curve
 * @param {import('./options').Options} options The options
 * @return {Promise<CurveResult>} The result
 */
async function measureCurve(name, curve, options) {
  const { title, axis, unit } = curve;
  /** @type {CurveResult} */
  const result = { name, title, axis, unit, points: [] };

  for (const { x, scenario } of curve.points) {
    result.points.push({ x, ...(await measureAll(scenario, options)) });
  }

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

module.exports = { measureAll, measureCurve };
