// @ts-check
'use strict';

/**
 * The one engine of this thread: `engine` for what happens once in the life of a
 * connection, `hot` for what is called for every message.
 */

const { getDefaultHighWaterMark } = require('stream');
const { isMainThread } = require('worker_threads');

const { outside } = require('./async-scope.js');
const native = require('./load-native.js');

/** Bun has the names of libuv's functions, but not the functions. */
const canWatch =
  process.platform === 'linux' && process.versions.bun === undefined;

/** Bytes in a queue from which whoever writes should wait, as for Node's streams. */
const HIGH_WATER_MARK = getDefaultHighWaterMark?.(false) ?? 16 * 1024;

let wake = () => {};

// What wakes JavaScript keeps the context in which it was made.
const engine = outside(
  () => new native.Engine(() => wake(), canWatch, HIGH_WATER_MARK, isMainThread)
);
const hot = engine.hot();

/**
 * @param {() => void} callback Called when the mailbox is no longer empty
 */
function onWake(callback) {
  wake = callback;
}

module.exports = {
  HIGH_WATER_MARK,
  acceptValue: native.acceptValue,
  engine,
  hot,
  onWake
};
