// @ts-check
'use strict';

/**
 * When what was sent is written: at the end of a turn that delivers events, or of
 * what is running now, once for all connections.
 */

const { hookExit } = require('./exit-hook.js');
const { engine, hot } = require('./instance.js');
const { find, whenFirstRegistered } = require('./registry.js');
const { ANSWER, KIND, RECORD } = require('./wire.js');

/** @typedef {import('../connection/connection.js').Connection} Connection */

// Kept, so that a test's fake timers do not stop what was sent.
const { nextTick } = process;

const { RECORD_WORDS } = RECORD;

const flushWords = new Uint32Array(64 * RECORD_WORDS);

let turnDepth = 0;
/** Counts the turns. */
let turn = 0;
let flushDue = false;
let flushScheduled = false;
/** The process goes: nothing that is put off will be done. */
let exiting = false;

/**
 * Streams that have frames to be written.
 *
 * @type {Connection[]}
 */
let outputs = [];

/** A turn begins: what is sent in it is written when it ends. */
function beginTurn() {
  if (turnDepth++ === 0) turn++;
}

/** It ends, and if it is the outermost one, writes. */
function endTurn() {
  turnDepth--;
  flush();
}

/**
 * Writes, or has written, what was sent; called at the end of a turn.
 */
function flush() {
  if (turnDepth > 0) return;

  while (outputs.length > 0) {
    const due = outputs;

    outputs = [];
    for (const connection of due) connection.writeOutput(true);
  }

  if (flushDue) {
    flushDue = false;
    noteFlushed(hot.flush(flushWords));
  }
}

function flushLater() {
  flushScheduled = false;
  flush();
}

/**
 * @param {number} count Records in `flushWords`
 */
function noteFlushed(count) {
  for (let i = 0; i < count; i++) {
    const at = i * RECORD_WORDS;
    const connection = find(flushWords[at]);

    if (connection === undefined) continue;

    if (flushWords[at + 1] === KIND.Drained) connection.drainedLater();
    else connection.ackLater(flushWords[at + 2]);
  }
}

/**
 * Sees to what the engine's answer to a send asks for.
 *
 * @param {Connection} connection
 * @param {number} answer
 */
function settle(connection, answer) {
  if (answer === ANSWER.OUTPUT_DUE) {
    // No other thread can write a stream of JavaScript's. Its first frame in a
    // turn leaves at once, since the listener may go on to block; what follows
    // leaves together, at the end of the turn. So does the first where the same
    // chunk has more to be answered.
    if (
      turnDepth === 0 ||
      (connection.lastTurn !== turn && connection.held === null)
    ) {
      connection.lastTurn = turn;
      connection.writeOutput(false);
    } else {
      outputs.push(connection);
    }
    return;
  }
  if (answer === ANSWER.COMPRESSION_DUE) {
    outputs.push(connection);
    flushOutputs();
  } else if (answer === ANSWER.FLUSH_DUE) {
    flushSoon();
  } else if (answer === ANSWER.OUTPUT_OVERDUE) {
    // Whoever looks at the stream to know how much is queued sees nearly all of
    // it.
    connection.lastTurn = turn;
    connection.writeOutput(false);
  }
}

/** The engine has something to be flushed. */
function flushSoon() {
  flushDue = true;
  flushOutputs();
}

/** Sees to a flush, at the end of a turn or of what is running now. */
function flushOutputs() {
  if (exiting) flush();

  if (turnDepth === 0 && !flushScheduled) {
    flushScheduled = true;
    nextTick(flushLater);
  }
}

/**
 * Writes at once what the kernel takes of one connection.
 *
 * @param {Connection} connection
 */
function flushOne(connection) {
  noteFlushed(hot.flushOne(connection.id, flushWords));
}

/** What has been sent reaches the kernel, whatever ends the process. */
function flushAtExit() {
  exiting = true;
  turnDepth = 0;
  flush();
  engine.flushAll();
}

/**
 * Runs `body` as a part of a turn: what it sends is written when it returns.
 *
 * @template T
 * @param {() => T} body
 * @returns {T}
 */
function inTurn(body) {
  beginTurn();

  try {
    return body();
  } finally {
    endTurn();
  }
}

whenFirstRegistered(() => hookExit(flushAtExit));

module.exports = {
  beginTurn,
  endTurn,
  flushOne,
  flushSoon,
  inTurn,
  settle
};
