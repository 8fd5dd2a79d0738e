// @ts-check
'use strict';

/**
 * The fields of a connection. There may be very many that are idle: what is true
 * or false is a bit, and what few ever need has an object of its own from the
 * moment that it differs from the default.
 */

const acks = require('./ack-queue.js');

const ADOPTED = 1 << 0;
const DEFERRING = 1 << 1;
const PAUSED = 1 << 2;
const CLOSED = 1 << 3;
const ENDED = 1 << 4;
const VIOLATED = 1 << 5;
const EXPECTING = 1 << 6;
const STOPPED = 1 << 7;
const PUMPING = 1 << 8;
const DEFLATES = 1 << 9;
const REFERENCED = 1 << 10;
const WATCHED = 1 << 11;
const INPUT_ENDED = 1 << 12;
const DECODING = 1 << 13;

/** @typedef {import('./ack-queue.js').Ack} Ack */
/**
 * @template T
 * @typedef {import('./fifo.js').Fifo<T>} Fifo
 */
/** @typedef {import('./held-events.js').Held} Held */
/** @typedef {import('./connection.js').Handler} Handler */

/** What few connections need. */
class Rest {
  constructor() {
    this.releasedAcks = acks.NONE;
    this.lateAcks = acks.NONE_DUE;
    this.lost = 0;
    this.lostBytes = 0;
    this.unwrittenBytes = 0;
    this.heldAt = 0;
    this.heldBytes = 0;
    this.fragments = /** @type {Buffer | null} */ (null);
    this.reason = /** @type {Error | null} */ (null);
    this.onDelivered = /** @type {(() => void) | null} */ (null);
    this.onEnd = /** @type {(() => void) | null} */ (null);
    this.chunks = /** @type {Fifo<Buffer | (() => void)> | null} */ (null);
    this.onReleased = /** @type {(() => void) | null} */ (null);
    this.view = /** @type {any} */ (null);
    this.bytesRead = 0;
    this.bytesWritten = 0;
  }
}

/** The rest of a connection that needs none. Nobody writes it. */
const NO_REST = Object.freeze(new Rest());

class ConnectionState {
  /**
   * @param {any} ws Whose events these are
   * @param {Handler} handler
   * @param {number} id
   * @param {boolean} adopted
   * @param {boolean} deflates Whether permessage-deflate is in use
   */
  constructor(ws, handler, id, adopted, deflates) {
    this.ws = ws;
    this.handler = handler;
    this.id = id;
    this.bits = (adopted ? ADOPTED : 0) | (deflates ? DEFLATES : 0);
    this.rest = NO_REST;
    this.held = /** @type {Held[] | null} */ (null);
    this.acks = acks.NONE;
    /** What the peer's frames are held to, and the object that shows it. */
    this.limits = /** @type {any} */ (null);
    /** The turn in which a stream was written last. */
    this.lastTurn = 0;
  }

  /** @returns {Rest} One that may be written */
  ownRest() {
    if (this.rest === NO_REST) this.rest = new Rest();
    return this.rest;
  }

  /**
   * @param {number} bit
   * @param {boolean} value
   */
  mark(bit, value) {
    if (value) this.bits |= bit;
    else this.bits &= ~bit;
  }

  /** The I/O threads read and write the socket. */
  get adopted() {
    return (this.bits & ADOPTED) !== 0;
  }

  set adopted(value) {
    this.mark(ADOPTED, value);
  }

  /** One event a macrotask. */
  get deferring() {
    return (this.bits & DEFERRING) !== 0;
  }

  set deferring(value) {
    this.mark(DEFERRING, value);
  }

  /** No event is wanted. */
  get paused() {
    return (this.bits & PAUSED) !== 0;
  }

  set paused(value) {
    this.mark(PAUSED, value);
  }

  /** The socket has been given up. */
  get closed() {
    return (this.bits & CLOSED) !== 0;
  }

  set closed(value) {
    this.mark(CLOSED, value);
  }

  /** The user has ended the socket of an adopted connection. */
  get ended() {
    return (this.bits & ENDED) !== 0;
  }

  set ended(value) {
    this.mark(ENDED, value);
  }

  /** The peer has broken the protocol. */
  get violated() {
    return (this.bits & VIOLATED) !== 0;
  }

  set violated(value) {
    this.mark(VIOLATED, value);
  }

  /** Records may still be on their way, behind which chunks have to wait. */
  get expecting() {
    return (this.bits & EXPECTING) !== 0;
  }

  set expecting(value) {
    this.mark(EXPECTING, value);
  }

  /** Another thread decodes a chunk of the stream. */
  get decoding() {
    return (this.bits & DECODING) !== 0;
  }

  set decoding(value) {
    this.mark(DECODING, value);
  }

  /** So much is held, or so heavy is a chunk, that nobody reads on. */
  get stopped() {
    return (this.bits & STOPPED) !== 0;
  }

  set stopped(value) {
    this.mark(STOPPED, value);
  }

  /** What is held will be delivered. */
  get pumping() {
    return (this.bits & PUMPING) !== 0;
  }

  set pumping(value) {
    this.mark(PUMPING, value);
  }

  /** Messages may be compressed. */
  get deflates() {
    return (this.bits & DEFLATES) !== 0;
  }

  set deflates(value) {
    this.mark(DEFLATES, value);
  }

  /** The event loop lives for this connection. */
  get referenced() {
    return (this.bits & REFERENCED) !== 0;
  }

  set referenced(value) {
    this.mark(REFERENCED, value);
  }

  /** The engine tells when a queue that was long is empty. */
  get watched() {
    return (this.bits & WATCHED) !== 0;
  }

  set watched(value) {
    this.mark(WATCHED, value);
  }

  /** The peer's last byte, or the last that counts, has been seen. */
  get inputEnded() {
    return (this.bits & INPUT_ENDED) !== 0;
  }

  set inputEnded(value) {
    this.mark(INPUT_ENDED, value);
  }

  /** Acks that wait for the last record of a released socket. */
  get releasedAcks() {
    return this.rest.releasedAcks;
  }

  set releasedAcks(value) {
    if (this.rest.releasedAcks !== value) this.ownRest().releasedAcks = value;
  }

  /** Acks that are due, and called behind what is running now. */
  get lateAcks() {
    return this.rest.lateAcks;
  }

  set lateAcks(value) {
    if (this.rest.lateAcks !== value) this.ownRest().lateAcks = value;
  }

  /** Acks of what had not been compressed when the socket went away. */
  get lost() {
    return this.rest.lost;
  }

  set lost(value) {
    if (this.rest.lost !== value) this.ownRest().lost = value;
  }

  /** And its bytes. */
  get lostBytes() {
    return this.rest.lostBytes;
  }

  set lostBytes(value) {
    if (this.rest.lostBytes !== value) this.ownRest().lostBytes = value;
  }

  /** Bytes that had not been written when the socket was destroyed, until it is closed. */
  get unwrittenBytes() {
    return this.rest.unwrittenBytes;
  }

  set unwrittenBytes(value) {
    if (this.rest.unwrittenBytes !== value) {
      this.ownRest().unwrittenBytes = value;
    }
  }

  /** The first event that is held and has not been delivered. */
  get heldAt() {
    return this.rest.heldAt;
  }

  set heldAt(value) {
    if (this.rest.heldAt !== value) this.ownRest().heldAt = value;
  }

  /** Bytes of the events that wait. */
  get heldBytes() {
    return this.rest.heldBytes;
  }

  set heldBytes(value) {
    if (this.rest.heldBytes !== value) this.ownRest().heldBytes = value;
  }

  /** The lengths of the next message's fragments. */
  get fragments() {
    return this.rest.fragments;
  }

  set fragments(value) {
    if (this.rest.fragments !== value) this.ownRest().fragments = value;
  }

  /** What has ended a socket that nobody has seen. */
  get reason() {
    return this.rest.reason;
  }

  set reason(value) {
    if (this.rest.reason !== value) this.ownRest().reason = value;
  }

  /** Called once no event waits. */
  get onDelivered() {
    return this.rest.onDelivered;
  }

  set onDelivered(value) {
    if (this.rest.onDelivered !== value) this.ownRest().onDelivered = value;
  }

  /** Called once everything that was received has been delivered. */
  get onEnd() {
    return this.rest.onEnd;
  }

  set onEnd(value) {
    if (this.rest.onEnd !== value) this.ownRest().onEnd = value;
  }

  /** Chunks of the stream that wait for a record, and calls between them. */
  get chunks() {
    return this.rest.chunks;
  }

  set chunks(value) {
    if (this.rest.chunks !== value) this.ownRest().chunks = value;
  }

  /** Called when it has. */
  get onReleased() {
    return this.rest.onReleased;
  }

  set onReleased(value) {
    if (this.rest.onReleased !== value) this.ownRest().onReleased = value;
  }

  /** The parser as users see it, if one has asked. */
  get view() {
    return this.rest.view;
  }

  set view(value) {
    if (this.rest.view !== value) this.ownRest().view = value;
  }

  /** Received by the time the engine let go. */
  get bytesRead() {
    return this.rest.bytesRead;
  }

  set bytesRead(value) {
    if (this.rest.bytesRead !== value) this.ownRest().bytesRead = value;
  }

  /** Sent by then. */
  get bytesWritten() {
    return this.rest.bytesWritten;
  }

  set bytesWritten(value) {
    if (this.rest.bytesWritten !== value) this.ownRest().bytesWritten = value;
  }
}

module.exports = { ConnectionState };
