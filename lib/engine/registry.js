// @ts-check
'use strict';

/**
 * Who has which number, and whether the event loop has to live for any of them.
 */

const { engine } = require('./instance.js');
const { RECORD } = require('./wire.js');

/** @typedef {import('../connection/connection.js').Connection} Connection */

const { SLOT_MASK } = RECORD;

/**
 * By their slots, which are the low bits of their numbers.
 *
 * @type {Array<Connection | undefined>}
 */
const connections = [];

/** Reasons for which the event loop has to live. */
let holds = 0;

let atFirst = /** @type {(() => void) | null} */ (null);

/**
 * @param {() => void} callback Called when the first connection is registered
 */
function whenFirstRegistered(callback) {
  atFirst = callback;
}

/**
 * @param {Connection} connection
 */
function register(connection) {
  connections[connection.id & SLOT_MASK] = connection;

  if (atFirst !== null) {
    const first = atFirst;

    atFirst = null;
    first();
  }
}

/**
 * @param {number} id
 * @returns {Connection | undefined} Who has this number now
 */
function find(id) {
  const connection = connections[id & SLOT_MASK];

  return connection !== undefined && connection.id === id
    ? connection
    : undefined;
}

/**
 * Forgets a connection of which no record is on its way any more.
 *
 * @param {Connection} connection
 */
function unregister(connection) {
  forget(connection);
  engine.free(connection.id);
}

/**
 * @param {Connection} connection
 */
function forget(connection) {
  const slot = connection.id & SLOT_MASK;

  if (connections[slot] === connection) connections[slot] = undefined;
}

/** One more reason for the event loop to live. */
function hold() {
  if (holds++ === 0) engine.hold(true);
}

/** One reason less. */
function unhold() {
  if (--holds === 0) engine.hold(false);
}

module.exports = {
  find,
  forget,
  hold,
  register,
  unhold,
  unregister,
  whenFirstRegistered
};
