// @ts-check
'use strict';

/**
 * In which asynchronous context listeners and callbacks of users run: which store
 * of an `AsyncLocalStorage`, and which domain, they see.
 *
 * The engine calls in from nowhere, so each connection has a scope of its own, in
 * the place of the handle that a socket of Node's would have. An exception is
 * reported before its scope is left: 'uncaughtException' and domains see the
 * context of the code that threw, as they do for code that Node itself calls.
 */

const { AsyncLocalStorage, AsyncResource } = require('async_hooks');

const native = require('./load-native.js');

/**
 * Whether `enterWith` in a listener lasts until the next event of its resource.
 * It does where the stores are kept in resources (Node.js 22 and older, or
 * `--no-async-context-frame`), and ends with the listener where they are not.
 */
const storesLast = '_enable' in AsyncLocalStorage.prototype;

/** Holds no store, whoever loads this module first. */
const root = /** @type {AsyncResource} */ (
  outside(() => new AsyncResource('WEBSOCKET_ENGINE'))
);

/**
 * Runs `body` where no store is current.
 *
 * @template T
 * @param {() => T} body Does not throw
 * @returns {T}
 */
function outside(body) {
  let result = /** @type {any} */ (undefined);

  native.callOutside(() => {
    result = body();
  });
  return result;
}

/**
 * A scope for the events of one connection: what a listener enters there stays
 * there.
 *
 * @param {boolean} inherit Whether they see the store that is current now
 * @returns {AsyncResource}
 */
function makeScope(inherit) {
  return inherit ? makeResource() : root.runInAsyncScope(makeResource);
}

function makeResource() {
  return new AsyncResource('WEBSOCKET', { requireManualDestroy: true });
}

/**
 * Runs a method in a scope. It throws nothing: an exception is an uncaught one.
 *
 * @param {AsyncResource} scope
 * @param {(...args: any[]) => void} method
 * @param {any} receiver
 * @param {any[]} args
 */
function runIn(scope, method, receiver, ...args) {
  scope.runInAsyncScope(guard, null, method, receiver, args);
}

/**
 * @param {(...args: any[]) => void} method
 * @param {any} receiver
 * @param {any[]} args
 */
function guard(method, receiver, args) {
  try {
    // eslint-disable-next-line no-restricted-syntax -- of a method of ours
    Reflect.apply(method, receiver, args);
  } catch (error) {
    report(error);
  }
}

/**
 * Reports an uncaught exception, as Node does for a callback that it calls.
 * Returns if somebody handles it; otherwise the process ends.
 *
 * @param {unknown} error
 */
function report(error) {
  native.reportUncaught(error);
}

/**
 * Binds a user's callback to the store and the domain that are current now.
 *
 * @param {((error?: Error | null) => void) | undefined} callback
 * @returns {((error?: Error | null) => void) | undefined}
 */
function bindCallback(callback) {
  if (!callback) return undefined;
  // Refused where it is used: what is sent may have to wait before.
  if (typeof callback !== 'function') return callback;

  const resource = makeResource();

  return (error) => {
    resource.runInAsyncScope(call, undefined, callback, error);
  };
}

/**
 * @param {(error?: Error | null) => void} callback
 * @param {Error | null | undefined} error
 */
function call(callback, error) {
  try {
    // Without a receiver, as Node calls it.
    callback(error);
  } catch (thrown) {
    report(thrown);
  }
}

module.exports = {
  bindCallback,
  makeScope,
  outside,
  report,
  root,
  runIn,
  storesLast
};
