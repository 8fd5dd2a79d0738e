'use strict';

// Checks which module the packages of the project loaded as `ws`.

const assert = require('node:assert');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');

const project = path.join(__dirname, '..');
const reference = process.env.WS_NATIVE_TEST_REFERENCE === '1';

/**
 * Asserts that the package's `ws` is the module under test, that it has been
 * loaded with its addon, and that no second `ws` has.
 *
 * @param {string} dependent A package of the project
 */
function assertLoadedBy(dependent) {
  const directory = path.join(project, 'node_modules', dependent);
  const file = createRequire(path.join(directory, 'index.js')).resolve('ws');
  const home = path.join(project, 'node_modules', 'ws');
  const { name } = require(path.join(home, 'package.json'));
  const loaded = Object.keys(require.cache);

  assert.ok(fs.existsSync(directory), dependent);
  assert.strictEqual(name, reference ? 'ws' : 'ws-native');
  assert.strictEqual(file, path.join(home, 'index.js'));
  assert.ok(loaded.includes(file), `${file} has not been loaded`);
  assert.strictEqual(
    loaded.some((module) => /ws-native[^/\\]*\.node$/.test(module)),
    !reference
  );

  for (const module of loaded) {
    assert.ok(module.startsWith(project), `${module} is not of the project`);
    assert.doesNotMatch(
      path.relative(home, module),
      /node_modules[/\\]ws[/\\]/,
      'a second ws has been loaded'
    );
  }
}

module.exports = { assertLoadedBy };
