// Every test: those in JavaScript with Node's runner, then those in Rust.
//
//   npm test                      all of them
//   npm test -- websocket types   the JavaScript files whose path has one of these
// @ts-check

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';

import { main, Refusal, root, run } from './toolchain.mjs';

await main(() => {
  const filters = process.argv.slice(2);
  const files = testFiles('__test__').filter(
    (name) => !filters.length || filters.some((part) => name.includes(part))
  );

  if (files.length === 0) throw new Refusal('no test file has such a name.');

  // Both are run whatever the first says: one wants to see all that is broken.
  const { status } = spawnSync(
    process.execPath,
    ['--test', '--test-reporter=spec', '--test-timeout=300000', ...files],
    { cwd: root, stdio: 'inherit' }
  );

  if (filters.length === 0) {
    run('cargo', ['test', '--workspace', '--locked'], { stdio: 'inherit' });
  }

  if (status !== 0) throw new Refusal('a JavaScript test failed.');
});

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
