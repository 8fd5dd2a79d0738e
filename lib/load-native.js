'use strict';

// Loads the addon: the one built beside package.json or the one of this
// platform's package. Where neither is there the first `require` says what is
// missing and which command makes it, since no install script does.

const fs = require('node:fs');
const path = require('node:path');

const platform = require('./platform.js');

/**
 * @param {any} failure What the generated loader threw
 * @returns {string[]} What each place it tried had to say, the useless left out
 */
function reasons(failure) {
  const found = [];

  for (let error = failure?.cause; error; error = error.cause) {
    // That a file is not there is the normal case; that it cannot be loaded
    // (a C library too old, another architecture) is what one wants to read.
    if (error.code !== 'MODULE_NOT_FOUND') found.push(String(error.message));
  }

  return [...new Set(found)];
}

/**
 * @param {any} failure What the generated loader threw
 * @returns {Error}
 */
function explain(failure) {
  const name = platform.platformName();
  const script = path.join(__dirname, '../scripts/build-from-source.mjs');
  const { version } = JSON.parse(
    fs.readFileSync(path.join(__dirname, '../package.json'), 'utf8')
  );
  const lines = [
    `ws-native has no compiled engine for this platform (${name}).`,
    `Either install the package ws-native-${name}@${version}, where there is ` +
      'one and optional dependencies were left out, or build the engine from ' +
      'the sources in this package (it needs Rust, that is cargo on the PATH):',
    `    node ${JSON.stringify(script)}`
  ];

  for (const reason of reasons(failure)) lines.push(`(${reason})`);

  return Object.assign(new Error(lines.join('\n'), { cause: failure }), {
    code: 'WS_NATIVE_NOT_FOUND'
  });
}

/**
 * @returns {any} The exports of the addon
 */
function load() {
  try {
    return require('../native.js');
  } catch (failure) {
    throw explain(failure);
  }
}

module.exports = load();
