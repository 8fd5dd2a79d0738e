// @ts-check
'use strict';

/**
 * The events of a connection that wait: while its WebSocket is paused, or since
 * one event a turn is wanted, or because they came with a chunk of a stream.
 */

const binding = require('../engine/engine.js');
const { KIND, RECORD } = require('../engine/wire.js');

// Kept, so that a test's fake timers do not stop the deliveries.
const { setImmediate } = globalThis;

const { engine } = binding;

/**
 * @typedef {import('./connection.js').Connection} Connection
 */

/**
 * @typedef {object} Held An event that waits
 * @property {number} word
 * @property {number} parameter
 * @property {Buffer} payload
 */

/** What a held event counts beside its bytes. */
const HELD_COST = 64;

/**
 * A stream of Node's whose data nobody takes goes on reading until its buffer is
 * full, and so learns of the peer's end. The same here.
 *
 * @param {Connection} connection
 * @param {number} length Bytes that were held
 */
function limit(connection, length) {
  connection.heldBytes += length + HELD_COST;

  if (
    connection.heldBytes >= connection.socket.readableHighWaterMark &&
    !connection.stopped
  ) {
    connection.stopped = true;
    if (connection.adopted) engine.pause(connection.id);
  }
}

/**
 * Reads again, if too much had been held.
 *
 * @param {Connection} connection
 */
function readOn(connection) {
  connection.heldBytes = 0;
  // Behind chunks that wait nobody reads on.
  if (!connection.stopped || connection.chunks !== null) return;
  connection.stopped = false;
  if (connection.closed) return;
  if (connection.adopted) engine.start(connection.id);
  else if (!(/** @type {any} */ (connection.ws).isPaused)) {
    connection.socket.resume();
  }
}

/**
 * @param {Connection} connection
 */
function emitLater(connection) {
  if (!connection.pumping) {
    connection.pumping = true;
    setImmediate(emitInTurn, connection);
  }
}

/**
 * Delivers what is held, as far as a pause or a deferral lets it.
 *
 * @param {Connection} connection
 */
function emitInTurn(connection) {
  connection.pumping = false;
  binding.inTurn(() =>
    connection.inScope(() => {
      emit(connection, false);
    })
  );
}

/**
 * @param {Connection} connection
 */
function emitSoon(connection) {
  if (connection.deferring) emitLater(connection);
  else emitInTurn(connection);
}

/**
 * @param {Connection} connection
 * @param {boolean} force Whether pause and deferral are over for good
 */
function emit(connection, force) {
  while (connection.held !== null) {
    const { word, parameter, payload } = connection.held[connection.heldAt];
    const kind = word & 0xff;

    if (!force && connection.paused && (!isFrame(kind) || startsChunk(word))) {
      return;
    }

    const next = connection.heldAt + 1;

    if (next < connection.held.length) {
      connection.heldAt = next;
    } else {
      connection.held = null;
      connection.heldAt = 0;
      if (!connection.paused) readOn(connection);
    }

    try {
      connection.dispatch(word, parameter, payload);
    } catch (error) {
      // Somebody's mistake costs nobody an event.
      if (connection.held !== null && !connection.paused) emitLater(connection);
      throw error;
    }

    // An end is told along with what came before it.
    if (
      !force &&
      connection.deferring &&
      connection.held !== null &&
      kind < KIND.Close &&
      isMessage(
        /** @type {Held[]} */ (connection.held)[connection.heldAt].word & 0xff
      )
    ) {
      emitLater(connection);
      return;
    }
  }

  tellDelivered(connection);
}

/**
 * Tells the one who waits that no event does, nor a chunk.
 *
 * @param {Connection} connection
 */
function tellDelivered(connection) {
  const { onDelivered } = connection;

  if (onDelivered === null || connection.chunks !== null) return;
  connection.onDelivered = null;
  onDelivered();
}

/**
 * @param {number} kind
 * @returns {boolean} Whether it is something the peer's frames said
 */
function isFrame(kind) {
  return kind <= KIND.Error || kind === KIND.Fragments;
}

/**
 * @param {number} kind
 * @returns {boolean} Whether it is part of what `allowSynchronousEvents: false`
 *   keeps apart
 */
function isMessage(kind) {
  return kind < KIND.Close || kind === KIND.Fragments;
}

/**
 * @param {number} word
 * @returns {boolean}
 */
function startsChunk(word) {
  return ((word >>> 8) & RECORD.CHUNK_START) !== 0;
}

module.exports = {
  emit,
  emitInTurn,
  emitLater,
  emitSoon,
  isFrame,
  isMessage,
  limit,
  readOn,
  startsChunk,
  tellDelivered
};
