// @ts-check
'use strict';

/**
 * The chunks of a stream on their way to the decoder: one after the other,
 * though a socket that was given back may still have records to come, or another
 * thread may have the decoder, for a chunk that takes long.
 */

const { Buffer } = require('buffer');

const acks = require('./ack-queue.js');
const binding = require('../engine/engine.js');
const { Fifo } = require('./fifo.js');
const heldEvents = require('./held-events.js');

// Kept, so that a test's fake timers do not stop the deliveries.
const { setImmediate } = globalThis;

/**
 * @typedef {import('./connection.js').Connection} Connection
 */

/**
 * Takes a chunk of a stream that JavaScript keeps.
 *
 * @param {Connection} connection
 * @param {Buffer | string} chunk
 */
function feed(connection, chunk) {
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;

  if (connection.chunks === null) {
    decode(connection, bytes);
    return;
  }

  connection.chunks.push(bytes);
  // Somebody else lets it flow.
  if (connection.decoding) connection.socket.pause();
}

/**
 * Calls back once the chunks that came so far have been decoded.
 *
 * @param {Connection} connection
 * @param {() => void} callback Not called when the socket closes before
 */
function whenDecoded(connection, callback) {
  if (connection.chunks === null) callback();
  else connection.chunks.push(callback);
}

/**
 * @param {Connection} connection
 * @param {Buffer} bytes
 */
function decode(connection, bytes) {
  const idle = connection.held === null;

  if (binding.feed(connection, bytes)) {
    if (idle) deliver(connection);
    return;
  }

  expect(connection);
  // What comes meanwhile is to wait where it comes from.
  connection.stopped = true;
  connection.socket.pause();
}

/**
 * Another thread decodes a chunk.
 *
 * @param {Connection} connection
 */
function expect(connection) {
  connection.chunks ??= new Fifo();
  connection.decoding = true;
  connection.expecting = true;
  binding.hold();
}

/**
 * Delivers what a chunk brought, if nothing waits before it.
 *
 * @param {Connection} connection
 */
function deliver(connection) {
  if (connection.held === null) return;

  const { word } = connection.held[connection.heldAt];

  if (connection.deferring && heldEvents.isMessage(word & 0xff)) {
    connection.stopped = true;
    connection.socket.pause();
    heldEvents.emitLater(connection);
  } else {
    binding.inTurn(() => heldEvents.emit(connection, false));
  }
}

/**
 * The record has come that was waited for: on with the chunks behind it.
 *
 * @param {Connection} connection
 */
function lastRecord(connection) {
  const { onReleased } = connection;
  let delivers = false;

  connection.chunks ??= new Fifo();

  connection.expecting = false;
  connection.onReleased = null;
  binding.unhold();

  if (connection.decoding) {
    delivers = connection.held === null;
    connection.decoding = false;
    binding.collect(connection);
  } else if (onReleased !== null && !connection.closed) {
    onReleased();
  }

  if (!connection.closed) {
    goOn(connection, delivers);
  } else if (drain(connection)) {
    acks.lose(connection);
    binding.unregister(connection);
    connection.finish();
  }
}

/**
 * Decodes the chunks that wait.
 *
 * @param {Connection} connection
 * @param {boolean} [delivers] Whether events are to be delivered first
 */
function goOn(connection, delivers = false) {
  const { chunks } = connection;

  if (chunks === null) return;

  try {
    if (delivers) deliver(connection);

    while (chunks.length > 0 && !connection.expecting) {
      const chunk = chunks.takeFirst();

      if (typeof chunk === 'function') chunk();
      else decode(connection, /** @type {Buffer} */ (chunk));
    }
  } finally {
    if (!connection.expecting) {
      // Somebody's mistake costs nobody a byte.
      if (chunks.length > 0) setImmediate(goOn, connection);
      else connection.chunks = null;
    }
  }

  if (connection.chunks !== null || connection.held !== null) return;
  heldEvents.readOn(connection);
  heldEvents.tellDelivered(connection);
}

/**
 * What waits of a connection that is closed becomes events, for its end to
 * deliver.
 *
 * @param {Connection} connection
 * @returns {boolean} Whether that is all; if not, a record is to come
 */
function drain(connection) {
  const { chunks } = connection;

  if (connection.expecting) return false;
  if (chunks === null) return true;

  while (chunks.length > 0) {
    const chunk = chunks.takeFirst();

    if (typeof chunk === 'function') continue;
    if (!binding.feed(connection, /** @type {Buffer} */ (chunk))) {
      expect(connection);
      return false;
    }
  }

  connection.chunks = null;
  return true;
}

module.exports = { drain, feed, lastRecord, whenDecoded };
