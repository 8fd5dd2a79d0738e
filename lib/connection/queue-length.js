// @ts-check
'use strict';

/**
 * What an adopted socket says of its queue, which is the engine's: a stream's own
 * state has its length, and whether 'drain' is to be waited for.
 */

const { HIGH_WATER_MARK } = require('../engine/engine.js');
const { kConnection } = require('../constants.js');

/** What the stream itself counts. */
const kOwn = Symbol('own-length');

/** What was read last: Node adds to it, or subtracts from it. */
const kSeen = Symbol('seen-length');

/**
 * The length in the state of a stream. It is an accessor, since programs look at
 * it there, too.
 *
 * @type {PropertyDescriptor & ThisType<any>}
 */
const LENGTH = {
  configurable: true,
  enumerable: true,
  get() {
    const connection = this[kConnection];

    // What is written last counts here and there.
    this[kSeen] =
      connection === null
        ? this[kOwn]
        : Math.max(this[kOwn], connection.unwritten);
    return this[kSeen];
  },
  set(value) {
    this[kOwn] += value - this[kSeen];
  }
};

/**
 * @param {any} socket
 * @param {import('./connection.js').Connection} connection
 */
function lend(socket, connection) {
  const state = socket._writableState;

  state[kConnection] = connection;
  state[kOwn] = state[kSeen] = state.length;
  Object.defineProperty(state, 'length', LENGTH);

  // The engine takes a mark of the socket's own from now on.
  if (
    socket.listenerCount('drain') > 0 ||
    socket.writableHighWaterMark !== HIGH_WATER_MARK
  ) {
    noteNeedDrain(socket);
  }
}

/**
 * @param {any} socket
 */
function giveBack(socket) {
  const state = socket._writableState;

  Object.defineProperty(state, 'length', {
    configurable: true,
    enumerable: true,
    value: state[kOwn],
    writable: true
  });
  delete state[kConnection];
  delete state[kOwn];
  delete state[kSeen];
}

/**
 * Runs Node's `end`, which counts what is in the stream itself: the end follows
 * the engine's queue anyway.
 *
 * @template T
 * @param {any} socket
 * @param {() => T} body
 * @returns {T}
 */
function ending(socket, body) {
  const state = socket._writableState;
  const connection = state[kConnection];

  state[kConnection] = null;
  try {
    return body();
  } finally {
    state[kConnection] = connection;
  }
}

/**
 * Has the state of the stream say whether 'drain' is to be waited for.
 *
 * @param {any} socket
 * @param {boolean} [now] Whether somebody wants to know
 */
function noteNeedDrain(socket, now = false) {
  const connection = socket[kConnection];

  if (!connection.adopted || connection.closed) return;
  connection.watch(false);

  // It may be up to what the kernel takes now.
  if (now && socket.writableLength >= socket.writableHighWaterMark) {
    connection.watch(true);
  }
}

module.exports = { ending, giveBack, lend, noteNeedDrain };
