// @ts-check
'use strict';

/**
 * A connection of the engine as JavaScript sees it: a number, the socket that
 * carries it, the events that wait, the acknowledgements that are outstanding.
 * It knows nothing of the WebSocket's states; its handler does.
 */

const acks = require('./ack-queue.js');
const { makeScope, runIn, storesLast } = require('../engine/async-scope.js');
const binding = require('../engine/engine.js');
const { KIND, RECORD } = require('../engine/wire.js');
const { ConnectionState } = require('./connection-state.js');
const { Fifo } = require('./fifo.js');
const heldEvents = require('./held-events.js');
const incoming = require('./chunks.js');
const { systemError } = require('./socket-errors.js');

// Kept, so that a test's fake timers do not stop the deliveries.
const { setImmediate } = globalThis;
const { nextTick } = process;

const { engine, hot } = binding;
const { BINARY } = RECORD;

/**
 * @typedef {object} Handler What a connection tells its WebSocket
 * @property {(ws: any, data: Buffer, isBinary: boolean,
 *   fragments: Buffer | null) => void} message
 * @property {(ws: any, data: Buffer) => void} ping
 * @property {(ws: any, data: Buffer) => void} pong
 * @property {(ws: any, code: number, reason: Buffer) => void} conclude
 * @property {(ws: any, index: number, parameter: number) => void} violation
 */

/** @typedef {import('./ack-queue.js').Ack} Ack */
/** @typedef {import('./held-events.js').Held} Held */

const { isFrame, startsChunk } = heldEvents;

class Connection extends ConnectionState {
  /**
   * @param {import('stream').Duplex} socket
   * @param {object} ws Whose events these are
   * @param {Handler} handler
   * @param {number} id
   * @param {boolean} adopted
   * @param {import('async_hooks').AsyncResource} [scope] That of the events of an
   *   adopted socket; made by the first of them unless it is given
   * @param {boolean} [deflates] Whether permessage-deflate is in use
   */
  constructor(
    socket,
    ws,
    handler,
    id,
    adopted,
    scope = undefined,
    deflates = false
  ) {
    super(ws, handler, id, adopted, deflates);
    this.socket = socket;
    /**
     * Keeps what listeners enter apart; a stream has its own.
     *
     * @type {import('async_hooks').AsyncResource | null | undefined}
     */
    this.scope = adopted ? scope : null;
    // Its socket would belong to the domain as well.
    if (adopted && scope === undefined && /** @type {any} */ (process).domain) {
      this.scope = makeScope(false);
    }

    // Records of a stream are collected where its chunks are fed, but for what
    // another thread does for it.
    if (adopted || deflates) binding.register(this);
  }

  /* Receiving. */

  /**
   * An event from the mailbox.
   *
   * @param {number} word Kind, flags and code
   * @param {number} parameter
   * @param {Buffer} payload
   */
  take(word, parameter, payload) {
    const kind = word & 0xff;

    if (this.held === null && !this.paused && !this.deferring) {
      if (kind === KIND.Message && this.fragments === null) {
        this.handler.message(
          this.ws,
          payload,
          ((word >>> 8) & BINARY) !== 0,
          null
        );
      } else {
        this.dispatch(word, parameter, payload);
      }
      return;
    }

    // Only frames, and the end behind them, wait; an end with nothing before it
    // is seen by a paused stream, too. A reset ends the socket, which hands out
    // what is held by itself; so does the last record.
    if (
      !isFrame(kind) &&
      (kind !== KIND.Eof || (this.paused && this.held === null))
    ) {
      this.dispatch(word, parameter, payload);
      return;
    }

    // A pause takes effect between two chunks, and keeps the order of what
    // follows.
    if (
      this.held === null &&
      !this.deferring &&
      isFrame(kind) &&
      !startsChunk(word)
    ) {
      this.dispatch(word, parameter, payload);
      return;
    }

    this.hold(word, parameter, payload);
    if (!this.paused) heldEvents.emitLater(this);
    heldEvents.limit(this, payload.length);
  }

  /**
   * @param {number} word
   * @param {number} parameter
   * @param {Buffer} payload
   */
  hold(word, parameter, payload) {
    if (this.held === null) this.held = [];
    this.held.push({ word, parameter, payload });
  }

  /** @returns {import('async_hooks').AsyncResource | null} */
  ownScope() {
    return (this.scope = makeScope(false));
  }

  /**
   * A client's 'open' has been emitted, by its socket and not in the scope. What
   * listeners have entered there is for the later events as well, where stores
   * last.
   */
  inheritAgain() {
    if (storesLast && this.scope) this.scope = makeScope(true);
  }

  /**
   * @param {() => void} body Its exception is an uncaught one
   */
  inScope(body) {
    const { scope = this.ownScope() } = this;

    if (scope === null) body();
    else runIn(scope, body, undefined);
  }

  /**
   * @param {number} word
   * @param {number} parameter
   * @param {Buffer} payload
   */
  dispatch(word, parameter, payload) {
    const { handler, ws } = this;

    switch (word & 0xff) {
      case KIND.Message:
      case KIND.Large: {
        const { fragments } = this;

        this.fragments = null;
        handler.message(ws, payload, ((word >>> 8) & BINARY) !== 0, fragments);
        break;
      }
      case KIND.Fragments:
        this.fragments = payload;
        break;
      case KIND.Ping:
        // Pongs of an earlier chunk have had their chance to leave by now.
        if (startsChunk(word) && this.adopted && this.acks.length > 0) {
          binding.flushOne(this);
        }
        handler.ping(ws, payload);
        break;
      case KIND.Pong:
        handler.pong(ws, payload);
        break;
      case KIND.Close:
        handler.conclude(ws, word >>> 16, payload);
        break;
      case KIND.Error:
        handler.violation(ws, word >>> 16, parameter);
        break;
      case KIND.Eof:
        if (!(/** @type {any} */ (this.socket)._readableState.ended)) {
          this.socket.push(null);
          // What does not flow sees its end as Node has it seen.
          if (this.paused) this.socket.read(0);
        }
        break;
      case KIND.ReadFailed:
        this.socket.destroy(systemError(parameter, 'read'));
        break;
      case KIND.WriteFailed: {
        const error = systemError(parameter, 'write');

        acks.fail(this, error);
        this.socket.destroy(error);
        break;
      }
      case KIND.Acked:
        acks.tell(
          this,
          this.adopted
            ? acks.take(this, parameter)
            : this.releasedAcks.take(parameter)
        );
        break;
      case KIND.Drained:
        this.drained();
        break;
      case KIND.Compressed:
        this.writeOutput(true);
        break;
      case KIND.Decoded:
      case KIND.Gone:
        incoming.lastRecord(this);
        break;
    }
  }

  /**
   * A chunk of a stream that JavaScript keeps.
   *
   * @param {Buffer | string} chunk
   */
  feed(chunk) {
    incoming.feed(this, chunk);
  }

  /**
   * Calls back once the chunks that came so far have been decoded.
   *
   * @param {() => void} callback Not called when the socket closes before
   */
  whenDecoded(callback) {
    incoming.whenDecoded(this, callback);
  }

  /**
   * Calls back once no event waits, and no chunk.
   *
   * @param {() => void} callback
   */
  whenDelivered(callback) {
    if (this.held === null && this.chunks === null) callback();
    else this.onDelivered = callback;
  }

  /* Flow. */

  pause() {
    this.paused = true;
  }

  resume() {
    if (!this.paused) return;
    this.paused = false;
    if (this.held === null || !this.deferring) heldEvents.readOn(this);
    if (this.held !== null) nextTick(heldEvents.emitSoon, this);
  }

  /** Whether the event loop is to live for this connection. */
  ref() {
    if (!this.referenced && !this.closed) {
      this.referenced = true;
      binding.hold();
    }
  }

  unref() {
    if (this.referenced) {
      this.referenced = false;
      binding.unhold();
    }
  }

  /* Sending. */

  /**
   * @param {number} flags
   * @param {string} text
   * @param {number} key
   * @param {Ack | undefined} ack
   */
  sendText(flags, text, key, ack) {
    const all = ack === undefined ? flags : flags | acks.expect(this, ack);

    this.settle(hot.sendText(this.id, all, text, text.length, key));
  }

  /**
   * @param {number} flags
   * @param {Uint8Array} bytes
   * @param {number} key
   * @param {Ack | undefined} ack
   */
  sendBytes(flags, bytes, key, ack) {
    const all = ack === undefined ? flags : flags | acks.expect(this, ack);

    this.settle(hot.sendBytes(this.id, all, bytes, key));
  }

  /**
   * @param {Uint8Array} bytes Which are no frame, or whole frames already
   * @param {Ack | undefined} ack
   */
  sendRaw(bytes, ack) {
    this.settle(
      hot.sendRaw(
        this.id,
        ack === undefined ? 0 : acks.expect(this, ack),
        bytes
      )
    );
  }

  /**
   * Ends the sending side behind all that is queued.
   *
   * @param {Ack} ack
   */
  shutdown(ack) {
    acks.expect(this, ack);
    this.settle(engine.shutdown(this.id));
  }

  /**
   * @param {number | undefined} answer Nothing is to be seen to if it is falsy
   */
  settle(answer) {
    if (answer) binding.settle(this, answer);
  }

  /**
   * So many of the oldest sends have been written; told behind what is running
   * now.
   *
   * @param {number} count
   */
  ackLater(count) {
    this.tellLater(acks.take(this, count));
  }

  /** The queue is empty again; told as acknowledgements are. */
  drainedLater() {
    const { shown = this.socket } = /** @type {any} */ (this);

    if (shown !== null) shown._writableState.needDrain = true;
    this.tellLater([() => this.drained()]);
  }

  /**
   * @param {Ack[]} due
   */
  tellLater(due) {
    if (this.lateAcks.length > 0) {
      // One by one: there may be more than a call takes arguments.
      for (const ack of due) this.lateAcks.push(ack);
    } else if (due.length > 0) {
      this.lateAcks = due;
      nextTick(acks.callLate, this);
    }
  }

  /** @returns {boolean} Whether nothing can be sent any more */
  get isEnded() {
    return (
      this.closed || (this.adopted ? this.ended : this.socket.writableEnded)
    );
  }

  /** @returns {number} Bytes that nobody has taken yet */
  get buffered() {
    if (this.closed) return this.lostBytes + this.unwrittenBytes;
    this.offer();
    return hot.buffered(this.id);
  }

  /** @returns {number} The same without what is to be compressed first */
  get unwritten() {
    if (this.closed) return this.unwrittenBytes;
    return this.buffered - this.compressingBytes();
  }

  /** Flushes, for somebody who wants to know what is left. */
  offer() {
    // He may wait for 'drain' next, which a long frame brings about in any case.
    if (
      this.adopted &&
      !this.watched &&
      hot.buffered(this.id) >= binding.HIGH_WATER_MARK
    ) {
      this.watch(false);
    }
    this.flush();
  }

  /**
   * Has 'drain' told from now on, as Node's streams do.
   *
   * @param {boolean} over Whether somebody has been told to wait for it
   */
  watch(over) {
    const { shown = this.socket } = /** @type {any} */ (this);

    this.watched = true;
    if (shown === null) {
      engine.watch(this.id, binding.HIGH_WATER_MARK, over);
    } else if (engine.watch(this.id, shown.writableHighWaterMark, over)) {
      shown._writableState.needDrain = true;
    }
  }

  /** The queue of an adopted socket is empty again. */
  drained() {
    const { shown = this.socket } = /** @type {any} */ (this);

    // Nobody waits at a socket that nobody has seen.
    if (this.closed || shown === null) return;

    const state = shown._writableState;

    if (state.ending || shown.destroyed) return;
    if (state.length > 0) {
      // As much as there is now has to go first.
      if (this.adopted) this.watch(true);
      return;
    }

    state.needDrain = false;
    shown.emit('drain');
  }

  /**
   * Hands a stream what has been sent since the last time.
   *
   * @param {boolean} compress Whether also what is to be compressed first
   */
  writeOutput(compress) {
    if (this.closed || this.adopted) return;

    // What a socket that is gone does not take need not be compressed.
    const output = binding.takeOutput(
      this.id,
      compress && !this.socket.destroyed
    );

    if (output.length === 0) return;

    const waiting = this.compressing();
    const due = acks.take(this, this.acks.length - waiting);

    if (due.length === 0) {
      this.socket.write(output);
      return;
    }

    this.socket.write(output, (error) => acks.callAll(due, error));
  }

  /** As `writeOutput`, once, for what a socket given back had not written. */
  writeReleased() {
    const output = binding.takeOutput(this.id, !this.socket.destroyed);
    const count = this.acks.length - this.compressing();
    // What had been written may still be to be told of, by records.
    const due = (this.releasedAcks = new Fifo(acks.take(this, count)));

    if (output.length === 0) return;
    this.socket.write(output, (error) =>
      acks.callAll(due.take(due.length), error)
    );
  }

  /** What has been sent is on its way when this returns. */
  flush() {
    if (this.closed) return;
    if (this.adopted) binding.flushOne(this);
    else this.writeOutput(false);
  }

  /** @returns {number} Bytes of what is being compressed, or waits behind it */
  compressingBytes() {
    return this.deflates ? engine.compressingBytes(this.id) : 0;
  }

  /** @returns {number} Acks of the same */
  compressing() {
    return this.deflates ? engine.compressing(this.id) : 0;
  }

  /* Ending. */

  /**
   * The socket is about to be closed by its owner: the engine lets go of it.
   */
  detach() {
    if (this.closed) return;
    if (this.adopted) this.detachAdopted();
    else this.detachStream();
  }

  detachAdopted() {
    // What the kernel takes now was sent, and is acknowledged as such.
    if (this.acks.length > 0) binding.flushOne(this);
    this.loseCompressing();
    this.unwrittenBytes = hot.buffered(this.id) - this.lostBytes;
    this.expecting = binding.close(this);
    this.bytesRead = binding.countOf(0);
    this.bytesWritten = binding.countOf(1);
    this.closed = true;
    this.unref();
    incoming.drain(this);

    // What is still to be delivered must not be missed because the loop ends.
    if (this.expecting) binding.hold();
    else acks.lose(this);
  }

  detachStream() {
    this.writeOutput(false);
    this.loseCompressing();
    this.closed = true;
    this.unref();
    incoming.drain(this);

    // What is still to be delivered holds the loop already: it is a released
    // socket's, or a record that the stream waits for.
    if (!this.expecting) {
      acks.lose(this);
      binding.unregister(this);
    }
  }

  /** Nobody will compress what has not been compressed by now. */
  loseCompressing() {
    if (!this.deflates) return;
    this.lost = engine.compressing(this.id);
    this.lostBytes = this.compressingBytes();
  }

  /**
   * Gives an adopted socket back: it is a stream from here on.
   *
   * @returns {boolean} Whether it was adopted
   */
  release() {
    if (!this.adopted || this.closed) return false;
    this.bytesRead = engine.received(this.id);
    this.bytesWritten = engine.sent(this.id);
    this.expecting = engine.release(this.id, binding.hasCollected(this.id));
    this.adopted = false;
    this.unref();
    if (this.expecting) {
      this.chunks = new Fifo();
      binding.hold();
    }
    return true;
  }

  /**
   * Calls back once the records of a socket given back have come.
   *
   * @param {() => void} callback
   */
  whenReleased(callback) {
    if (this.expecting) this.onReleased = callback;
    else callback();
  }

  /**
   * Calls `onEnd` once everything that was received has been delivered.
   *
   * @param {() => void} onEnd
   */
  end(onEnd) {
    this.unwrittenBytes = 0;
    this.onEnd = onEnd;
    if (!this.expecting) this.finish();
  }

  finish() {
    // As in Node, the end that nobody saw coming is told behind the socket's.
    if (this.inputEnded) this.finishNow();
    else nextTick(finishNow, this);
  }

  finishNow() {
    const { onEnd } = this;

    if (onEnd === null) return;
    this.onEnd = null;

    this.inScope(() => {
      try {
        heldEvents.emit(this, true);
        acks.abort(this);
      } catch (error) {
        // The rest is still to come, and the end behind it.
        this.onEnd = onEnd;
        setImmediate(finishNow, this);
        throw error;
      }
      onEnd();
    });
  }
}

/**
 * @param {Connection} connection
 */
function finishNow(connection) {
  connection.finishNow();
}

module.exports = { Connection };
