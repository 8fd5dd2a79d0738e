'use strict';

/**
 * What ours has to reach: by scenario and by the server that ours is compared
 * with, ratios of medians of one run. A ratio of rates is the smallest that
 * will do, any other (main, cpu, p50, bytes) the largest.
 *
 * @typedef {Record<string, Record<string, Record<string, number>>>} Targets
 *
 * @typedef {object} Target
 * @property {string} scenario The scenario
 * @property {string} against The server that ours is compared with
 * @property {string} metric What is compared
 * @property {number} [atLeast] The smallest ratio that will do
 * @property {number} [atMost] The largest ratio that will do
 */

/** @type {Targets} The engine as it was first laid */
const first = {
  'echo-64-1x1': { ws: { p50: 1.25 } },
  'echo-64-64x1': { ws: { rate: 1.3, main: 1 / 3.5 } },
  'echo-64-64x16': { ws: { rate: 8, main: 1 / 8 } },
  'echo-16k-64': { ws: { rate: 3 } },
  'echo-1m-8': { ws: { rate: 4 } },
  'broadcast-1000': { ws: { rate: 1.2, main: 1 / 10 } }
};

/** @type {Targets} The finished one */
const final = {
  'echo-64-1x1': { ws: { p50: 1.1 } },
  'echo-64-1x1-one-core': { ws: { p50: 1.3 } },
  'echo-64-64x1': {
    ws: { rate: 1.6, main: 1 / 6 },
    uws: { rate: 1, main: 1 / 3 }
  },
  'echo-64-64x16': { ws: { rate: 14, main: 1 / 12 }, uws: { rate: 1.6 } },
  'echo-text-64-64x16': { ws: { rate: 10 }, uws: { rate: 1.3 } },
  'echo-64-1000': { ws: { rate: 1.9 }, uws: { rate: 1 } },
  'echo-16k-64': { ws: { rate: 6 }, uws: { rate: 0.8 } },
  'echo-16k-text-64': { ws: { rate: 6 }, uws: { rate: 4 } },
  'echo-1m-8': { ws: { rate: 5.5 }, uws: { rate: 0.95 } },
  'tls-echo-64-64x16': { ws: { rate: 3 } },
  'broadcast-1000': {
    ws: { rate: 1.5, main: 1 / 20 },
    uws: { rate: 1, main: 1 / 12 }
  },
  'broadcast-5000': { ws: { rate: 1.9 }, uws: { rate: 1 } },
  handshake: { ws: { rate: 3.5 }, uws: { rate: 0.7 } },
  'memory-20000': { ws: { bytes: 1 / 3 } }
};

/** @type {Targets} Its compression */
const deflate = {
  'deflate-echo-1k-64': { ws: { rate: 3.3, cpu: 1 / 4, main: 1 / 12 } },
  'deflate-broadcast-1000': { ws: { rate: 20 } },
  'deflate-memory-takeover': { ws: { bytes: 1 / 15 } },
  'deflate-memory-stateless': { ws: { bytes: 1 / 50 } }
};

/** @type {Record<string, Targets>} */
const targets = { first, final, deflate };

/**
 * @param {string[]} sets Names of targets
 * @return {Target[]} Those targets, one by one
 */
function listOf(sets) {
  return sets.flatMap((set) => {
    if (!(set in targets)) throw new Error(`No targets are named ${set}`);

    return Object.entries(targets[set]).flatMap(([scenario, servers]) =>
      Object.entries(servers).flatMap(([against, metrics]) =>
        Object.entries(metrics).map(([metric, ratio]) => ({
          scenario,
          against,
          metric,
          [metric === 'rate' ? 'atLeast' : 'atMost']: ratio
        }))
      )
    );
  });
}

/**
 * @param {string[]} sets Names of targets
 * @return {string[]} The scenarios that have some
 */
function scenariosOf(sets) {
  return [...new Set(listOf(sets).map(({ scenario }) => scenario))];
}

/**
 * @typedef {Target & { ratio: number, reached: boolean }} Verdict `ratio` is
 *   NaN where one of the two servers was not measured.
 */

/**
 * Compares results with the targets of the scenarios that were measured.
 *
 * @param {string[]} sets Which targets
 * @param {import('./report').Result[]} results The results
 * @return {Verdict[]} One per target
 */
function check(sets, results) {
  /** @type {Verdict[]} */
  const verdicts = [];

  for (const target of listOf(sets)) {
    const result = results.find(({ name }) => name === target.scenario);

    if (result === undefined) continue;

    const ours = result.medians.native?.[target.metric] ?? NaN;
    const theirs = result.medians[target.against]?.[target.metric] ?? NaN;
    const ratio = ours / theirs;
    const reached =
      target.atLeast === undefined
        ? ratio <= Number(target.atMost)
        : ratio >= target.atLeast;

    verdicts.push({ ...target, ratio, reached });
  }

  return verdicts;
}

module.exports = { check, scenariosOf };
