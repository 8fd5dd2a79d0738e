'use strict';

// What can be required and imported: every name of `ws`, with the same kind of
// value.

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const { readdirSync } = require('node:fs');
const path = require('node:path');
const { describe, it } = require('node:test');
const theirs = require('ws');

const ours = require('../..');
const manifest = require('../../package.json');

const root = path.join(__dirname, '../..');

/**
 * @param {object} object
 * @returns {object} The descriptors of its own properties; values by their type
 */
function shape(object) {
  const result = {};

  for (const name of Reflect.ownKeys(object)) {
    const { value, ...rest } = Object.getOwnPropertyDescriptor(object, name);

    result[name] = { ...rest, type: typeof value };
    delete result[name].get;
    delete result[name].set;
  }

  return result;
}

describe('the exports', () => {
  it('are the class with the statics of the reference', () => {
    assert.deepStrictEqual(shape(ours), shape(theirs));
    assert.strictEqual(ours.name, theirs.name);
    assert.strictEqual(ours.length, theirs.length);
    assert.strictEqual(ours.WebSocket, ours);
    assert.strictEqual(ours.Server, ours.WebSocketServer);
    assert.strictEqual(ours.Server.name, theirs.Server.name);
    assert.strictEqual(ours.Server.length, theirs.Server.length);

    for (const name of ['extension', 'subprotocol']) {
      assert.deepStrictEqual(shape(ours[name]), shape(theirs[name]), name);
    }
  });

  it('have for an ES module the names of the reference', async () => {
    const module = await import('ws-native');
    const reference = await import('ws');

    assert.deepStrictEqual(Object.keys(module), Object.keys(reference));
    assert.strictEqual(module.default, ours);
    for (const [name, value] of Object.entries(module)) {
      assert.strictEqual(value, name === 'default' ? ours : ours[name], name);
    }
  });

  it('are closed but for the manifest, as those of the reference', () => {
    const { exports } = require('ws/package.json');

    assert.deepStrictEqual(Object.keys(manifest.exports), Object.keys(exports));
    for (const condition of ['browser', 'import', 'require']) {
      assert.strictEqual(
        manifest.exports['.'][condition],
        exports['.'][condition]
      );
    }
    assert.strictEqual(manifest.main, 'index.js');
  });

  it('say in a browser what the reference says', () => {
    // Resolved by the package's own name, as a bundler does.
    const complaint = (name) => {
      const { stdout } = spawnSync(
        process.execPath,
        [
          '--conditions=browser',
          '--print',
          `try { require('${name}')() } catch ({ message }) { message }`
        ],
        { cwd: root, encoding: 'utf8' }
      );

      return stdout;
    };

    assert.match(complaint('ws'), /does not work in the browser/);
    assert.strictEqual(complaint('ws-native'), complaint('ws'));
  });

  it('equal the reference in the version', () => {
    const equal = (version) => version.split('.').slice(0, 2).join('.');

    assert.strictEqual(
      equal(manifest.version),
      equal(require('ws/package.json').version)
    );
  });

  it('have platform packages of the same version', () => {
    const { targets } = manifest.napi;
    const platforms = readdirSync(path.join(root, 'npm'));

    assert.strictEqual(platforms.length, targets.length);
    for (const name of platforms) {
      const { version } = require(path.join(root, 'npm', name, 'package.json'));

      assert.strictEqual(version, manifest.version, name);
    }
  });
});
