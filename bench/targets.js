'use strict';

/**
 * What ours has to reach, as ratios of medians of one run. `first` are the
 * targets of the engine as it was first laid, `final` those of the finished
 * one.
 *
 * @typedef {object} Target
 * @property {string} scenario The scenario
 * @property {string} against The server that ours is compared with
 * @property {string} metric What is compared: rate, main, p50 or bytes
 * @property {number} [atLeast] The smallest ratio that will do
 * @property {number} [atMost] The largest ratio that will do
 */

/**
 * @param {string} scenario The scenario
 * @param {string} against The other server
 * @param {string} metric What is compared
 * @return {{ atLeast: (ratio: number) => Target, atMost: (ratio: number) => Target }}
 */
function compare(scenario, against, metric) {
  const target = { scenario, against, metric };

  return {
    atLeast: (ratio) => ({ ...target, atLeast: ratio }),
    atMost: (ratio) => ({ ...target, atMost: ratio })
  };
}

/** @type {Record<string, Target[]>} */
const targets = {
  first: [
    compare('echo-64-1x1', 'ws', 'p50').atMost(1.25),
    compare('echo-64-64x1', 'ws', 'rate').atLeast(1.3),
    compare('echo-64-64x1', 'ws', 'main').atMost(1 / 3.5),
    compare('echo-64-64x16', 'ws', 'rate').atLeast(8),
    compare('echo-64-64x16', 'ws', 'main').atMost(1 / 8),
    compare('echo-16k-64', 'ws', 'rate').atLeast(3),
    compare('echo-1m-8', 'ws', 'rate').atLeast(4),
    compare('broadcast-1000', 'ws', 'rate').atLeast(1.2),
    compare('broadcast-1000', 'ws', 'main').atMost(1 / 10)
  ],
  final: [
    compare('echo-64-1x1', 'ws', 'p50').atMost(1.1),
    compare('echo-64-1x1-one-core', 'ws', 'p50').atMost(1.3),
    compare('echo-64-64x1', 'ws', 'rate').atLeast(1.6),
    compare('echo-64-64x1', 'ws', 'main').atMost(1 / 6),
    compare('echo-64-64x1', 'uws', 'rate').atLeast(1),
    compare('echo-64-64x1', 'uws', 'main').atMost(1 / 3),
    compare('echo-64-64x16', 'ws', 'rate').atLeast(14),
    compare('echo-64-64x16', 'ws', 'main').atMost(1 / 12),
    compare('echo-64-64x16', 'uws', 'rate').atLeast(1.6),
    compare('echo-text-64-64x16', 'ws', 'rate').atLeast(10),
    compare('echo-text-64-64x16', 'uws', 'rate').atLeast(1.3),
    compare('echo-64-1000', 'ws', 'rate').atLeast(1.9),
    compare('echo-64-1000', 'uws', 'rate').atLeast(1),
    compare('echo-16k-64', 'ws', 'rate').atLeast(6),
    compare('echo-16k-64', 'uws', 'rate').atLeast(0.8),
    compare('echo-16k-text-64', 'ws', 'rate').atLeast(6),
    compare('echo-16k-text-64', 'uws', 'rate').atLeast(4),
    compare('echo-1m-8', 'ws', 'rate').atLeast(5.5),
    compare('echo-1m-8', 'uws', 'rate').atLeast(0.95),
    compare('broadcast-1000', 'ws', 'rate').atLeast(1.5),
    compare('broadcast-1000', 'ws', 'main').atMost(1 / 20),
    compare('broadcast-1000', 'uws', 'rate').atLeast(1),
    compare('broadcast-1000', 'uws', 'main').atMost(1 / 12),
    compare('broadcast-5000', 'ws', 'rate').atLeast(1.9),
    compare('broadcast-5000', 'uws', 'rate').atLeast(1),
    compare('handshake', 'ws', 'rate').atLeast(3.5),
    compare('handshake', 'uws', 'rate').atLeast(0.7),
    compare('memory-9000', 'ws', 'bytes').atMost(1 / 3)
  ]
};

/**
 * @typedef {Target & { ratio: number, reached: boolean }} Verdict `ratio` is
 *   NaN where one of the two servers was not measured.
 */

/**
 * Compares results with the targets of the scenarios that were measured.
 *
 * @param {string} set Which targets
 * @param {import('./report').Result[]} results The results
 * @return {Verdict[]} One per target
 */
function check(set, results) {
  /** @type {Verdict[]} */
  const verdicts = [];

  for (const target of targets[set]) {
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

module.exports = { check, targets };
