'use strict';

// The minimum version of Node.js: the same wherever it is named, and a command
// that runs the tests with it.

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { describe, it } = require('node:test');

const root = path.join(__dirname, '../..');

/**
 * @param {string} name
 * @returns {string}
 */
function read(name) {
  return fs.readFileSync(path.join(root, name), 'utf8');
}

/**
 * @param {string} name A manifest
 * @returns {string} The version that its `engines` names
 */
function engine(name) {
  return JSON.parse(read(name)).engines.node;
}

describe('the oldest supported Node.js', () => {
  const [, major, minor] = /^>=(\d+)\.(\d+)\.\d+$/.exec(engine('package.json'));

  it('is the same for the platform packages', () => {
    const folders = fs.readdirSync(path.join(root, 'npm'));

    assert.notDeepStrictEqual(folders, []);
    for (const folder of folders) {
      assert.strictEqual(
        engine(`npm/${folder}/package.json`),
        engine('package.json')
      );
    }
  });

  it('is the same in the documents', () => {
    for (const name of ['README.md', 'CONTRIBUTING.md']) {
      const named = Array.from(
        read(name).matchAll(/Node\.js (\d+(?:\.\d+)?) or newer/g),
        ([, version]) => version
      );

      assert.deepStrictEqual(named, [`${major}.${minor}`], name);
    }
    assert.match(
      read('docs/differences.md'),
      new RegExp(`${major}\\.${minor} or newer`)
    );
  });

  it('is what the types are compiled against', () => {
    const { devDependencies } = JSON.parse(read('package.json'));

    assert.strictEqual(devDependencies['@types/node'], major);
  });

  it('is among the versions of the gate', { skip: !hasGate() }, () => {
    assert.match(
      read('.ci/run'),
      new RegExp(`other_node ${major}\\.${minor}\\.\\d+ [^]*in 22 24 26;`)
    );
  });
});

describe('npm run test:node', () => {
  const script = path.join(root, 'scripts/test-node.mjs');
  const run = (...args) =>
    spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });

  it('asks for a version', () => {
    const { status, stderr } = run('--', 'parity');

    assert.strictEqual(status, 1);
    assert.match(stderr, /^ws-native: name the versions/);
  });

  it('takes nothing else for one', () => {
    for (const version of ['latest', '../22', '22;true']) {
      const { status, stderr } = run(version);

      assert.strictEqual(status, 1);
      assert.match(stderr, /is no version of Node\.js/);
    }
  });
});

/**
 * @returns {boolean} Whether this is a clone, and not an unpacked package
 */
function hasGate() {
  return fs.existsSync(path.join(root, '.ci/run'));
}
