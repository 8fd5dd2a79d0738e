'use strict';

/**
 * One listener of the process's 'exit' serves all copies of this module.
 *
 * @param {() => void} hook Called when the process goes
 */
function hookExit(hook) {
  const key = Symbol.for('ws-native.exit');
  const shared = /** @type {any} */ (process);

  if (shared[key] === undefined) {
    /** @type {Set<() => void>} */
    const hooks = new Set();

    Object.defineProperty(process, key, { configurable: true, value: hooks });
    process.on('exit', () => {
      for (const each of hooks) each();
    });
  }

  shared[key].add(hook);
}

module.exports = { hookExit };
