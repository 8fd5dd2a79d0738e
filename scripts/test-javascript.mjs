// The tests in JavaScript, with the runner of the Node.js that runs this.
//
//   node scripts/test-javascript.mjs [WORD...]
//
// With words, only the files whose path has one of them.
// @ts-check

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { main, Refusal, root } from './toolchain.mjs';

/**
 * @param {string[]} filters Words of the files' paths; all files without any
 * @returns {boolean} Whether all tests passed
 */
export function testJavaScript(filters) {
  const files = testFiles('__test__').filter(
    (name) => !filters.length || filters.some((part) => name.includes(part))
  );

  if (files.length === 0) throw new Refusal('no test file has such a name.');

  const { status } = spawnSync(
    process.execPath,
    ['--test', '--test-reporter=spec', '--test-timeout=300000', ...files],
    { cwd: root, stdio: 'inherit' }
  );

  return status === 0;
}

/**
 * Globs are not understood by the runner of Node.js 20, nor directories by that
 * of 22.
 *
 * @param {string} directory
 * @returns {string[]} Test files in it, at any depth
 */
function testFiles(directory) {
  return readdirSync(path.join(root, directory), { withFileTypes: true })
    .flatMap((entry) => {
      const name = `${directory}/${entry.name}`;

      if (entry.isDirectory()) return testFiles(name);
      return /\.test\.[cm]?js$/.test(name) ? [name] : [];
    })
    .sort();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(() => {
    if (!testJavaScript(process.argv.slice(2))) {
      throw new Refusal('a JavaScript test failed.');
    }
  });
}
