'use strict';

// The option concurrencyLimit: how many jobs run at a time in one process.

const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const { describe, it } = require('node:test');

/**
 * @param {any} WebSocket The module
 * @param {any[]} limits The limits of the first instances
 */
async function playLimits({ PerMessageDeflate }, limits) {
  const lines = [];
  const first = limits.map(
    (concurrencyLimit) => new PerMessageDeflate({ concurrencyLimit })
  );
  const all = [
    ...first,
    ...Array.from({ length: 12 }, () => new PerMessageDeflate())
  ];
  const started = () =>
    all.map(({ _deflate }) => (_deflate === null ? '-' : 'x')).join('');
  const isOne = limits[0] === 1;

  for (const deflate of all) deflate.accept([{}]);

  await Promise.all(
    all.map(
      (deflate, i) =>
        new Promise((resolve) => {
          deflate.compress(`message ${i}`, true, (error, result) => {
            // Concurrent jobs may finish in any order.
            if (isOne)
              lines.push(`${i} ${result.toString('hex')} ${started()}`);
            resolve(undefined);
          });
          lines.push(started());
        })
    )
  );

  // A canceled job frees its slot.
  const more = all.map((deflate, i) => {
    const next = new PerMessageDeflate();

    next.accept([{}]);
    next.compress('x', true, (error) => {
      if (error) lines.push(`${i} ${error.message}`);
    });

    return next;
  });

  for (const next of more) {
    next.cleanup();
    lines.push(more.map(({ _deflate }) => (_deflate ? 'x' : '-')).join(''));
  }

  console.log(lines.join('\n'));
}

describe('The limit of concurrent jobs', () => {
  // The limit of a module cannot change, so each case needs its own process.
  for (const limits of [
    [1, 5, 0],
    [2, 1, 1],
    [0, 1, 1],
    [undefined, 1, 1]
  ]) {
    it(`is that of the first instance: ${limits}`, () => {
      const [want, got] = ['ws', 'ws-native'].map((name) =>
        execFileSync(process.execPath, [
          '-e',
          `(${playLimits})(require(${JSON.stringify(require.resolve(name))}), ${
            // JSON cannot express undefined.
            `[${limits.map(String)}]`
          })`
        ]).toString()
      );

      assert.ok(want.length > 0);
      assert.strictEqual(got, want);
    });
  }
});
