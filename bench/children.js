'use strict';

/**
 * The processes of a measurement. None outlives its time limit, nor the
 * driver.
 */

const { spawn } = require('node:child_process');

const running = new Set();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => process.exit(1));
}

/**
 * @typedef {object} Child
 * @property {import('node:child_process').ChildProcess} process The process
 * @property {Promise<{ code: number | null, errors: string }>} ended Its end
 * @property {() => Promise<unknown>} kill Ends it, resolves when it is gone
 */

/**
 * Starts a process, on the first core alone where that is wanted.
 *
 * @param {string} file The program
 * @param {string[]} parameters Its arguments
 * @param {object} options How
 * @param {boolean} [options.oneCore] Whether to pin it
 * @param {Record<string, string>} [options.env] Its variables, beside ours
 * @param {import('node:child_process').StdioOptions} options.stdio Its streams
 * @return {Child} The child
 */
function start(file, parameters, { oneCore = false, env, stdio }) {
  const how = { env: { ...process.env, ...env }, stdio };
  const child = oneCore
    ? spawn('taskset', ['-c', '0', file, ...parameters], how)
    : spawn(file, parameters, how);
  let errors = '';

  running.add(child);
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    errors = (errors + text).slice(-4000);
  });

  const ended = new Promise((resolve) => {
    child.on('error', (error) => {
      running.delete(child);
      resolve({ code: null, errors: error.message });
    });
    child.on('close', (code) => {
      running.delete(child);
      resolve({ code, errors: errors.trim() });
    });
  });

  return {
    process: child,
    ended,
    kill() {
      child.kill('SIGKILL');
      return ended;
    }
  };
}

/**
 * Waits for a promise, but not for ever.
 *
 * @template T
 * @param {Promise<T>} promise The promise
 * @param {number} seconds How long
 * @param {string} what What is waited for, for the error's sentence
 * @return {Promise<T>} The same, or a rejection
 */
function within(promise, seconds, what) {
  /** @type {NodeJS.Timeout} */
  let timer;
  const limit = new Promise((resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what} took more than ${seconds} s`));
    }, seconds * 1000);
  });

  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

module.exports = { start, within };
