'use strict';

// Runs a conversation through each of the packages that depend on `ws`, with this
// module in its place: installs them in one project (needs the npm registry),
// copies the conversations into it, and runs them with the Node.js test runner.
//
//     node run.js [PART...]     those whose file name has one of the parts
//
// With WS_NATIVE_TEST_REFERENCE=1 the packages keep the real `ws`.

const fs = require('node:fs');
const path = require('node:path');
const { run } = require('node:test');
const { spec: Spec } = require('node:test/reporters');

const { findChromium } = require('../support/chromium.js');
const { plainEnvironment } = require('../support/packed-project.js');
const { installedProject } = require('./project.js');

/** Time limit of a conversation in milliseconds; a second or two is usual. */
const TIME_LIMIT = 90_000;

const SUFFIX = '.dependent.js';

/**
 * Copies the conversations into the project, so that they find their packages.
 *
 * @param {string} directory
 * @return {string[]} The files
 */
function layConversations(directory) {
  for (const name of fs.readdirSync(directory)) {
    if (name.endsWith(SUFFIX)) fs.rmSync(path.join(directory, name));
  }

  for (const source of ['kit', '../fixtures']) {
    fs.cpSync(
      path.join(__dirname, source),
      path.join(directory, path.basename(source)),
      { recursive: true }
    );
  }

  return fs
    .readdirSync(__dirname)
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => {
      const file = path.join(directory, name);

      fs.copyFileSync(path.join(__dirname, name), file);
      return file;
    });
}

/**
 * @param {string[]} parts
 */
async function main(parts) {
  const directory = await installedProject();
  const files = layConversations(directory).filter(
    (file) =>
      !parts.length ||
      parts.some((part) => path.basename(file, SUFFIX).includes(part))
  );

  if (files.length === 0) throw new Error('No conversation has such a name.');

  // Each conversation runs in a child that inherits both.
  process.chdir(directory);
  process.env = plainEnvironment();
  process.env.CHROMIUM_PATH ??= findChromium() ?? '';

  let count = 0;

  run({ files, concurrency: 2, timeout: TIME_LIMIT })
    .on('test:pass', () => count++)
    .on('test:fail', () => (process.exitCode = 1))
    .on('end', () => {
      if (count === 0) process.exitCode = 1;
    })
    .compose(new Spec())
    .pipe(process.stdout);
}

main(process.argv.slice(2)).catch((err) => {
  console.error(err.stderr || err);
  process.exitCode = 1;
});
