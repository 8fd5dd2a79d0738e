// @ts-check
'use strict';

/**
 * The engine's side of JavaScript, for the modules that keep connections: what
 * they ask of it. It knows connections by their numbers, and hands each record to
 * the `Connection` that has the number.
 */

const { Buffer } = require('buffer');

const { EMPTY_BUFFER } = require('../constants.js');
const delivery = require('./delivery.js');
const flush = require('./flush.js');
const instance = require('./instance.js');
const registry = require('./registry.js');

const { engine, hot } = instance;

/** What the engine was told of the connections that it admits. */
let preset = /** @type {object | undefined} */ (undefined);

/**
 * Makes a connection of a visitor. It reads from the end of the turn on.
 *
 * @param {number} listener
 * @param {number} visitor
 * @param {import('../../native').ConnectionOptions} limits
 * @param {string} answer What the handshake ends with
 * @param {Buffer} head What came behind the request
 * @returns {number} The connection's number
 */
function admit(listener, visitor, limits, answer, head) {
  if (limits !== preset) {
    engine.preset(limits);
    preset = limits;
  }

  const id = hot.admit(listener, visitor, answer, answer.length, head);

  if (!(id >= 0)) {
    throw new Error(
      id === -1 ? 'Too many connections' : 'The engine of ws-native has failed'
    );
  }

  flush.flushSoon();
  return id;
}

/**
 * Decodes bytes of an adopted socket that Node.js had read before.
 *
 * @param {number} id
 * @param {Buffer} bytes
 */
function decodeEarly(id, bytes) {
  if (hot.early(id, bytes) !== 0) {
    throw new Error('The engine of ws-native has failed');
  }
}

/**
 * What a stream has to write.
 *
 * @param {number} id
 * @param {boolean} compress Whether also what is to be compressed first
 * @returns {Buffer}
 */
function takeOutput(id, compress) {
  const output = Buffer.allocUnsafe(hot.prepare(id, compress ? 1 : 0));

  return output.length === 0 || hot.takeOutput(id, output) === 0
    ? output
    : EMPTY_BUFFER;
}

module.exports = {
  HIGH_WATER_MARK: instance.HIGH_WATER_MARK,
  acceptValue: instance.acceptValue,
  admit,
  close: delivery.close,
  collect: delivery.collect,
  countOf: delivery.countOf,
  decodeEarly,
  engine,
  feed: delivery.feed,
  flushOne: flush.flushOne,
  hasCollected: delivery.hasCollected,
  hold: registry.hold,
  hot,
  inTurn: flush.inTurn,
  register: registry.register,
  settle: flush.settle,
  takeOutput,
  unhold: registry.unhold,
  unregister: registry.unregister
};
