'use strict';

/** The load generator's binary. */

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, 'target');
const binary = path.resolve(root, target, 'release', 'ws-load');

/** Builds it when it is missing or older than its sources. */
function build() {
  const sources = path.join(__dirname, 'load', 'src');
  const files = [
    path.join(__dirname, 'load', 'Cargo.toml'),
    ...fs.readdirSync(sources).map((name) => path.join(sources, name))
  ];
  const newest = Math.max(...files.map((file) => fs.statSync(file).mtimeMs));

  if (fs.existsSync(binary) && fs.statSync(binary).mtimeMs > newest) return;

  const { error, status } = spawnSync(
    'cargo',
    ['build', '--release', '--package', 'ws-load'],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }
  );

  if (error) {
    throw new Error(`The load generator needs cargo: ${error.message}`);
  }
  if (status !== 0) throw new Error('The load generator does not build');

  // Cargo leaves a binary untouched that a changed file did not change.
  fs.utimesSync(binary, new Date(), new Date());
}

module.exports = { binary, build };
