'use strict';

/**
 * How the cost changes with one quantity, while all others stay the same.
 *
 * @typedef {object} Curve
 * @property {string} title What is measured
 * @property {string} axis What grows
 * @property {'count' | 'bytes'} unit How its values are shown
 * @property {{ x: number, scenario: import('../measure').Scenario }[]} points
 *   The values, smallest first
 */

const { asManyAs } = require('../descriptors');

/** @type {Record<string, Curve>} */
const curves = {
  connections: {
    title: 'echo 64 B, 1 in flight per connection',
    axis: 'connections',
    unit: 'count',
    points: [10, 100, 1000, 10000, 20000].map(asManyAs).map((connections) => ({
      x: connections,
      scenario: {
        name: `connections-${connections}`,
        title: `echo 64 B, ${connections} connections, 1 in flight`,
        program: 'echo',
        load: { mode: 'echo', connections, depth: 1, size: 64 }
      }
    }))
  },

  sizes: {
    title: 'echo, 16 connections, 1 in flight',
    axis: 'bytes per message',
    unit: 'bytes',
    points: [16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576].map(
      (size) => ({
        x: size,
        scenario: {
          name: `sizes-${size}`,
          title: `echo ${size} B, 16 connections, 1 in flight`,
          program: 'echo',
          load: { mode: 'echo', connections: 16, depth: 1, size }
        }
      })
    )
  },

  threads: {
    title: 'echo 64 B, 64 connections, 16 in flight',
    axis: 'I/O threads',
    unit: 'count',
    points: [1, 2, 3, 4].map((threads) => ({
      x: threads,
      scenario: {
        name: `threads-${threads}`,
        title: `echo 64 B, 64 connections, 16 in flight, ${threads} I/O threads`,
        program: 'echo',
        servers: ['native'],
        env: { WS_NATIVE_THREADS: String(threads) },
        load: { mode: 'echo', connections: 64, depth: 16, size: 64 }
      }
    }))
  },

  memory: {
    title: 'resident memory per idle connection',
    axis: 'connections',
    unit: 'count',
    points: [1000, 2000, 5000, 9000, 20000]
      .map(asManyAs)
      .map((connections) => ({
        x: connections,
        scenario: {
          name: `memory-${connections}`,
          title: `memory per idle connection, ${connections} connections`,
          program: 'accept',
          load: { mode: 'hold', connections }
        }
      }))
  }
};

/**
 * @param {string[]} names Some names, `all` for all of them
 * @return {[string, Curve][]} Those curves
 */
function selectCurves(names) {
  const unknown = names.find((name) => name !== 'all' && !(name in curves));

  if (unknown !== undefined) throw new Error(`No curve is named ${unknown}`);

  return Object.entries(curves).filter(
    ([name]) => names.includes('all') || names.includes(name)
  );
}

module.exports = { curves, selectCurves };
