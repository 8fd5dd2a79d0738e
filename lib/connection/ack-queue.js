// @ts-check
'use strict';

/**
 * The callbacks of what a connection has sent, in the order of the sends. The
 * engine tells how many have become true; while any is outstanding the event
 * loop lives.
 */

const { Socket } = require('net');
const { constants } = require('os');

const binding = require('../engine/engine.js');
const { SEND } = require('../engine/wire.js');
const { Fifo } = require('./fifo.js');
const {
  compressionAborted,
  streamDestroyed,
  systemError,
  unknownEncoding
} = require('./socket-errors.js');

// Kept, so that a test's fake timers do not stop the callbacks.
const { nextTick } = process;

const { ECANCELED } = constants.errno;

/**
 * @callback Ack
 * @param {Error | null} [error]
 * @returns {void}
 */

/**
 * @typedef {import('./connection.js').Connection} Connection
 */

/**
 * The callbacks of a connection that has never had one.
 *
 * @type {Fifo<Ack>}
 */
const NONE = new Fifo();

/**
 * Those that are due when none is.
 *
 * @type {Ack[]}
 */
const NONE_DUE = [];

/**
 * @param {Connection} connection
 * @param {Ack} ack
 * @returns {number} The flag that asks the engine for it
 */
function expect(connection, ack) {
  if (typeof ack !== 'function') throw unknownEncoding(ack);
  if (connection.acks.length === 0) {
    // None of its own before it needs one.
    if (connection.acks === NONE) connection.acks = new Fifo();
    binding.hold();
  }
  connection.acks.push(ack);
  return SEND.ACK;
}

/**
 * Takes the oldest callbacks out.
 *
 * @param {Connection} connection
 * @param {number} count
 * @returns {Ack[]}
 */
function take(connection, count) {
  const { acks } = connection;

  if (acks.length === 0) return [];

  const taken = acks.take(count);

  if (taken.length > 0 && acks.length === 0) binding.unhold();
  return taken;
}

/**
 * Calls those that have become true now, behind those that did before.
 *
 * @param {Connection} connection
 * @param {Ack[]} due
 */
function tell(connection, due) {
  const { lateAcks } = connection;

  if (lateAcks.length === 0) {
    callAll(due, null);
  } else {
    connection.lateAcks = NONE_DUE;
    callAll(lateAcks.concat(due), null);
  }
}

/**
 * Calls those that are due, unless somebody has.
 *
 * @param {Connection} connection
 */
function callLate(connection) {
  tell(connection, NONE_DUE);
}

/**
 * All that are outstanding, those of a socket given back before the others. Node
 * itself has one given back when the peer ends, by its own `write` behind that.
 *
 * @param {Connection} connection
 * @param {number} count How many of the others
 * @returns {Ack[]}
 */
function takeAll(connection, count) {
  const { releasedAcks } = connection;
  const released = releasedAcks.take(releasedAcks.length);

  return released.concat(take(connection, count));
}

/**
 * All that are outstanding have failed.
 *
 * @param {Connection} connection
 * @param {Error} error
 */
function fail(connection, error) {
  const failed = takeAll(connection, connection.acks.length);

  if (failed.length > 0) nextTick(callAll, failed, error);
}

/**
 * The socket is gone: what could not be written has failed.
 *
 * @param {Connection} connection
 */
function lose(connection) {
  const failed = takeAll(connection, connection.acks.length - connection.lost);

  if (failed.length === 0) return;

  const { shown: socket = connection.socket } = /** @type {any} */ (connection);

  if (!connection.adopted) {
    nextTick(callAll, failed, socket.errored ?? streamDestroyed());
  } else if (socket === null || socket.closed || socket.writableCorked > 0) {
    nextTick(callLost, connection, failed);
  } else {
    // Node tells of them when it has closed the handle.
    socket.prependOnceListener('close', () => callLost(connection, failed));
  }
}

/**
 * Calls those that an adopted socket has not written, with Node's own errors.
 *
 * @param {Connection} connection
 * @param {Ack[]} failed
 */
function callLost(connection, failed) {
  const { shown: socket = connection.socket } = /** @type {any} */ (connection);
  const { errored, writableCorked } = socket ?? { errored: connection.reason };
  let first = errored ?? streamDestroyed();
  let others = first;

  // A write that is under way is canceled, unless all of them are held back.
  if (!writableCorked && reportsCanceled()) {
    first = systemError(ECANCELED, 'write');
    others = errored ?? first;
    if (socket !== null && !errored) {
      socket._writableState.errored = first;
      socket._readableState.errored = first;
    }
  }

  try {
    callAll(failed.map((ack, i) => () => ack(i === 0 ? first : others)));
  } catch (error) {
    // The listeners of 'close' have to be called all the same.
    nextTick(() => {
      throw error;
    });
  }
}

/** @type {boolean | undefined} */
let canceled;

/**
 * @returns {boolean} Whether this Node reports an error of a write that was under
 *   way when its socket was destroyed; older ones report success
 */
function reportsCanceled() {
  canceled ??= probeCanceled();
  return canceled;
}

/**
 * Asks Node, by a socket whose handle takes a write and says later what became of
 * it. Versions that have no request for such a write report errors.
 *
 * @returns {boolean}
 */
function probeCanceled() {
  /** @type {any} */
  let request;
  let reported = null;
  const handle = {
    close() {},
    getAsyncId: () => 0,
    writeBuffer(/** @type {any} */ made) {
      request = made;
      return 0;
    }
  };

  try {
    const socket = new Socket(
      /** @type {any} */ ({ handle, manualStart: true })
    );

    socket.on('error', () => {});
    socket.write(Buffer.alloc(1));
    socket.destroy();
    request.callback = (/** @type {Error | null} */ error) => {
      reported = error;
    };
    request.oncomplete(-ECANCELED, handle);
    return reported !== null;
  } catch {
    return true;
  }
}

/**
 * The WebSocket is gone, and what had not been compressed with it.
 *
 * @param {Connection} connection
 */
function abort(connection) {
  const aborted = take(connection, connection.acks.length);

  try {
    callLate(connection);
  } finally {
    if (aborted.length > 0) callAll(aborted, compressionAborted());
  }
}

/**
 * @param {Ack[]} acks
 * @param {Error | null} [error]
 * @param {number} [from] The first of them that has not been called
 */
function callAll(acks, error, from = 0) {
  let at = from;

  try {
    while (at < acks.length) acks[at++](error);
  } finally {
    // One that throws costs the others nothing.
    if (at < acks.length) nextTick(callAll, acks, error, at);
  }
}

module.exports = {
  NONE,
  NONE_DUE,
  abort,
  callAll,
  callLate,
  expect,
  fail,
  lose,
  take,
  tell
};
