'use strict';

// Loads the addon: the one built beside package.json or the one of this
// platform's package. Where neither is there the first `require` says what is
// missing and which command makes it, since no install script does.

const fs = require('node:fs');
const path = require('node:path');

const platform = require('./platform.js');

/**
 * That a place has no addon is the normal case. That there is one which cannot be
 * loaded (a C library too old, another architecture) is what one wants to read.
 *
 * @param {any} failure What the generated loader threw
 * @returns {string[]} Why the addons that are there were of no use
 */
function reasons(failure) {
  const found = new Set();

  for (let error = failure.cause; error; error = error.cause) {
    if (!/^Cannot find module/.test(error.message)) found.add(error.message);
  }

  return [...found];
}

/**
 * @param {any} failure What the generated loader threw
 * @returns {Error}
 */
function explain(failure) {
  const name = platform.platformName();
  const script = path.join(__dirname, '../../scripts/build-from-source.mjs');
  const { version } = JSON.parse(
    fs.readFileSync(path.join(__dirname, '../../package.json'), 'utf8')
  );
  const lines = [
    `ws-native has no compiled engine for this platform (${name}).`,
    `Either install the package ws-native-${name}@${version}, where there is ` +
      'one and optional dependencies were left out, or build the engine from ' +
      'the sources in this package (it needs Rust, that is cargo on the PATH):',
    `    node ${JSON.stringify(script)}`
  ];

  for (const reason of reasons(failure)) lines.push(`(${reason})`);

  // Without the loader's own error for a cause: it is pages long, and its advice
  // (remove node_modules) is not ours.
  return Object.assign(new Error(lines.join('\n')), {
    code: 'WS_NATIVE_NOT_FOUND'
  });
}

/**
 * @returns {any} The exports of the addon
 */
function load() {
  try {
    return require('../../native.js');
  } catch (failure) {
    throw explain(failure);
  }
}

module.exports = load();
