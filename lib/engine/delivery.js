// @ts-check
'use strict';

/**
 * Events on their way from the engine to their connections: one wake-up and one
 * drain for a batch, a scope of its own for each connection.
 */

const { isMainThread } = require('worker_threads');

const { report, root } = require('./async-scope.js');
const { EMPTY_BUFFER } = require('../constants.js');
const { beginTurn, endTurn } = require('./flush.js');
const { hot, onWake } = require('./instance.js');
const { find, forget } = require('./registry.js');
const { FastBuffer, Slab } = require('./slab.js');
const { ANSWER, KIND, RECORD } = require('./wire.js');

/** @typedef {import('../connection/connection.js').Connection} Connection */

// Kept, so that a test's fake timers do not stop the deliveries.
const { setImmediate } = globalThis;

const { CHUNK_START, RECORD_WORDS } = RECORD;

/** Records that one call of the engine hands out at most. */
const RECORDS = 1024;

/**
 * What one turn of the event loop may deliver; the rest waits for the next, so
 * that timers and other sockets have theirs.
 */
const TURN_RECORDS = 4096;
const TURN_BYTES = 4 * 1024 * 1024;

/**
 * Whether Node is to warn of names that programs should not use. One of them is
 * that of the function below.
 */
const warnsOfNames =
  process.env.NODE_PENDING_DEPRECATION === '1' ||
  [...process.execArgv, process.env.NODE_OPTIONS || ''].some((option) =>
    option.includes('--pending-deprecation')
  );

/**
 * Runs what listeners have put into the queues of nextTick and of promises, as
 * Node does between the callbacks of two sockets. An old name, but the one under
 * which Node has always had it; without it the queues run after the batch.
 *
 * @type {() => void}
 */
const runTicks =
  (!warnsOfNames && /** @type {any} */ (process)._tickCallback) || (() => {});

const words = new Uint32Array(RECORDS * RECORD_WORDS + 1);
/** Collects what a stream's chunk brought. */
const streamWords = new Uint32Array(RECORDS * RECORD_WORDS + 1);

/** Memory for received payloads. What has been handed out is the user's. */
let slab = new Slab(0);
/** The one that the collected records speak of. */
let wordsSlab = slab;

/** The records of the mailbox that have been collected and not delivered. */
let cursor = 0;
let collected = 0;
/** Bytes that this turn has delivered. */
let turnBytes = 0;

let delivering = false;
/** A listener of this turn has thrown. */
let failed = false;
/** A connection was broken off: its 'close' precedes that of a peer in here. */
let broken = false;

/**
 * Fills an array of words by `collect`, with a new slab when it asks for one.
 *
 * @param {(words: Uint32Array, slab: Buffer, filled: number) => number} collect
 * @param {Uint32Array} into
 * @returns {number} The number of records
 */
function fill(collect, into) {
  // Whoever fills an array has seen to what was in it.
  if (cursor === collected) slab.reuse();

  let count = collect(into, slab.bytes, slab.filled);

  if (count < 0) {
    slab = new Slab(-count);
    count = collect(into, slab.bytes, 0);
    // A single payload larger than the usual limit.
    if (count < 0) {
      slab = new Slab(-count, Infinity);
      count = collect(into, slab.bytes, 0);
    }
  }

  // Not a number: the engine could not do its work.
  if (!(count >= 0)) throw new Error('The engine of ws-native has failed');

  slab.filled = into[into.length - 1];
  return count;
}

/**
 * The payload of a record.
 *
 * @param {Uint32Array} from
 * @param {number} at Index of the record's first word
 * @param {Slab} filled The slab it was filled with
 * @param {number} [id] The stream it comes from
 * @returns {Buffer}
 */
function payloadOf(from, at, filled, id) {
  const length = from[at + 3];

  if ((from[at + 1] & 0xff) === KIND.Large) return takeLarge(id);
  // Not one for all: it is the user's, who may transfer it.
  if (length === 0) return new FastBuffer(0);
  return filled.take(from[at + 2], length);
}

/**
 * The main thread is given the engine's own memory, which Node.js marks as not
 * to be transferred. What it is moved to has no mark, and moving copies nothing.
 */
let isMovable = isMainThread && 'transfer' in ArrayBuffer.prototype;

/**
 * @param {number} [id] The stream it comes from
 * @returns {Buffer} The next message that has memory of its own
 */
function takeLarge(id) {
  const data = hot.takeLarge(id);

  if (!isMovable) return data;

  try {
    return new FastBuffer(data.buffer.transfer());
  } catch {
    isMovable = false;
    return data;
  }
}

/** Called by the engine when its mailbox is no longer empty. */
function wake() {
  if (!delivering && !broken) deliver();
}

/** By now the loop has closed what was broken off. */
function goOn() {
  broken = false;
  wake();
}

/** Delivers what is in the mailbox, within the bounds of a turn. */
function deliver() {
  let done = false;

  delivering = true;
  beginTurn();

  try {
    done = deliverTurn();
  } finally {
    delivering = false;
    // A listener threw, or the turn was long enough: nobody loses an event.
    if (!done) setImmediate(wake);
    endTurn();
  }
}

/**
 * @returns {boolean} Whether the mailbox is empty
 */
function deliverTurn() {
  let records = 0;
  let ticksDue = false;

  turnBytes = 0;
  failed = false;

  for (;;) {
    while (cursor < collected) {
      if (ticksDue) runTicks();

      const connection = find(words[cursor * RECORD_WORDS]);

      if (connection === undefined) {
        skipRecord();
      } else {
        const { scope = connection.ownScope() } = connection;

        if (scope === null) deliverChunk(connection);
        else scope.runInAsyncScope(deliverChunk, null, connection);
        if (failed) return false;
      }

      ticksDue = true;
    }

    if (records >= TURN_RECORDS || turnBytes >= TURN_BYTES) return false;
    if (broken) return false;

    cursor = collected = 0;
    collected = fill(hot.drain, words);
    wordsSlab = slab;
    records += collected;

    if (collected === 0) return true;
  }
}

/** Passes over a record of a connection that nobody waits for any more. */
function skipRecord() {
  const at = cursor++ * RECORD_WORDS;

  if ((words[at + 1] & 0xff) === KIND.Large) payloadOf(words, at, wordsSlab);
}

/**
 * Delivers the records that one chunk of a connection brought.
 *
 * @param {Connection} connection
 */
function deliverChunk(connection) {
  try {
    deliverRecords(connection);
  } catch (error) {
    // The rest waits for the next turn, as with an exception in Node's own callbacks.
    failed = true;
    report(error);
  }
}

/**
 * @param {Connection} connection
 */
function deliverRecords(connection) {
  const { id } = connection;

  do {
    const at = cursor++ * RECORD_WORDS;
    const word = words[at + 1];

    if (hasPayload(word & 0xff)) {
      turnBytes += words[at + 3];
      connection.take(word, 0, payloadOf(words, at, wordsSlab));
    } else {
      connection.take(word, words[at + 2], EMPTY_BUFFER);
    }
  } while (
    cursor < collected &&
    words[cursor * RECORD_WORDS] === id &&
    !((words[cursor * RECORD_WORDS + 1] >>> 8) & CHUNK_START)
  );
}

/**
 * @param {number} kind
 * @returns {boolean} Whether the record speaks of bytes
 */
function hasPayload(kind) {
  return kind <= KIND.Close || kind === KIND.Fragments || kind >= KIND.Arrival;
}

/** Bytes received and sent, each as two words. */
const counts = new Uint32Array(4);

/**
 * Has the engine let go of an adopted socket.
 *
 * @param {Connection} connection
 * @returns {boolean} Whether records of it may still come; a last one says when
 *   there are no more. If not, its number is free.
 */
function close(connection) {
  const { id } = connection;
  const answer = hot.close(id, hasCollected(id) ? 1 : 0, counts);

  // Where the loop itself reads, the peer's end has not been read yet.
  if (!connection.inputEnded && !broken && (answer & ANSWER.LOOP_READS) === 0) {
    broken = true;
    root.runInAsyncScope(setImmediate, null, setImmediate, goOn);
  }
  if ((answer & ANSWER.MORE_TO_COME) !== 0) return true;
  forget(connection);
  return false;
}

/**
 * @param {number} index
 * @returns {number} What the connection that was closed last had received (0),
 *   or sent (1)
 */
function countOf(index) {
  return counts[2 * index] + counts[2 * index + 1] * 0x100000000;
}

/**
 * Whether records of a connection have been collected and not delivered. The
 * engine knows of those that have not been collected.
 *
 * @param {number} id
 * @returns {boolean}
 */
function hasCollected(id) {
  for (let i = cursor; i < collected; i++) {
    if (words[i * RECORD_WORDS] === id) return true;
  }

  return false;
}

/**
 * Decodes a chunk of a stream, or has another thread decode it.
 *
 * @param {Connection} connection
 * @param {Uint8Array} chunk
 * @returns {boolean} Whether its events are held now; if not, a record tells
 *   when they can be collected, and no other chunk may come before
 */
function feed(connection, chunk) {
  // Nobody else has a record to come.
  const aside = connection.deflates ? 1 : 0;

  if (hot.feed(connection.id, chunk, aside) === ANSWER.DECODING) return false;
  collect(connection);
  return true;
}

/**
 * Has a connection hold what a chunk of its stream brought.
 *
 * @param {Connection} connection
 */
function collect(connection) {
  const { id } = connection;
  const take = (
    /** @type {Uint32Array} */ into,
    /** @type {Buffer} */ memory,
    /** @type {number} */ used
  ) => hot.collect(id, into, memory, used);

  for (;;) {
    const count = fill(take, streamWords);

    for (let i = 0; i < count; i++) {
      const at = i * RECORD_WORDS;
      const word = streamWords[at + 1];

      if (hasPayload(word & 0xff)) {
        connection.hold(word, 0, payloadOf(streamWords, at, slab, id));
      } else {
        connection.hold(word, streamWords[at + 2], EMPTY_BUFFER);
      }
    }

    if (count === 0) return;
  }
}

onWake(wake);

module.exports = { close, collect, countOf, feed, hasCollected };
