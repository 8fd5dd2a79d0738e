'use strict';

// Random compressed messages, valid, truncated, altered or noise: this package
// delivers the same as `ws` and reports the same errors. DEFLATE_CASES and
// DEFLATE_SEED change the number of cases and the seed.

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const path = require('node:path');
const test = require('node:test');
const { promisify } = require('node:util');

const CASES = process.env.DEFLATE_CASES || '600';
const SEED = process.env.DEFLATE_SEED || '1';

const program = path.join(__dirname, '..', 'support', 'deflate-cases.js');
const run = promisify(execFile);

/**
 * @param {string} modulePath
 * @param {string} kind
 * @return {Promise<any[]>} What the module reports of each case
 */
async function play(modulePath, kind) {
  const { stdout } = await run(
    process.execPath,
    [program, modulePath, kind, CASES, SEED],
    { maxBuffer: 2 ** 30 }
  );

  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

for (const kind of ['noise', 'mixed', 'limited']) {
  test(kind, async () => {
    const want = await play(require.resolve('ws'), kind);
    const got = await play(require.resolve('../../index.js'), kind);
    const ends = new Set(want.map(({ seen }) => seen.at(-1)));

    assert.ok(want.length >= Number(CASES));
    assert.ok(ends.size > 5, [...ends].join(', '));
    want.forEach((each, index) => assert.deepStrictEqual(got[index], each));
  });
}
