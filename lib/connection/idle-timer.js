// @ts-check
'use strict';

/**
 * The idle timer of an adopted socket. It is Node's own, so that it keeps no
 * process alive and no fake timers replace it. Node restarts it at every read and
 * write; the engine, which does these, only notes the time, and the timer asks
 * when it expires.
 */

const net = require('net');

const { engine } = require('../engine/engine.js');
const { kConnection } = require('../constants.js');

/** The longest timer, and what Node makes of a longer one. */
const LONGEST = 2 ** 31 - 1;

/** Milliseconds of idleness that a socket reports; 0 for none. */
const kPeriod = Symbol('period');

const { setTimeout: startTimer } = net.Socket.prototype;

/** Where a socket has its timer. */
const kTimer = /** @type {symbol} */ (
  Object.getOwnPropertySymbols(new net.Socket()).find(
    ({ description }) => description === 'timeout'
  )
);

/**
 * @param {any} base The prototype of a socket
 * @returns {Record<string, Function>}
 */
function methods(base) {
  return {
    /** @this {any} */
    _onTimeout() {
      const left = engine.idleLeft(this[kConnection].id, this[kPeriod]);

      // Traffic restarts the timer after it has fired, too: it goes on as long as
      // the socket.
      restart(this, left > 0 ? left : this[kPeriod]);
      if (left === 0) base._onTimeout.call(this);
    },
    /** @this {any} Whoever calls it has seen traffic. */
    _unrefTimer() {
      engine.touch(this[kConnection].id);
      base._unrefTimer.call(this);
    },
    /**
     * @this {any}
     * @param {number} milliseconds
     * @param {() => void} [callback]
     * @returns {any}
     */
    setTimeout(milliseconds, callback) {
      if (isDuration(milliseconds) && !this.destroyed) {
        start(this, milliseconds);
      }
      // Says what is wrong with the arguments.
      return base.setTimeout.call(this, milliseconds, callback);
    }
  };
}

/**
 * @param {any} milliseconds
 * @returns {boolean} Whether Node takes it
 */
function isDuration(milliseconds) {
  return Number.isFinite(milliseconds) && milliseconds >= 0;
}

/**
 * @param {any} socket
 * @param {number} milliseconds
 */
function start(socket, milliseconds) {
  // Nothing is paid for a timer that nobody starts.
  if (milliseconds === 0 && !socket[kPeriod]) return;

  socket[kPeriod] =
    milliseconds === 0 ? 0 : Math.min(Math.max(milliseconds, 1), LONGEST);
  engine.keepTime(socket[kConnection].id, milliseconds > 0);
}

/**
 * @param {any} socket
 * @param {number} milliseconds
 */
function restart(socket, milliseconds) {
  const { timeout } = socket;

  startTimer.call(socket, milliseconds);
  socket.timeout = timeout;
}

/**
 * @param {any} socket About to be given back
 * @returns {number} Milliseconds until its timer has to fire: 0 if it runs as it
 *   has to, -1 if it has fired and waits for traffic
 */
function leftOf(socket) {
  const period = socket[kPeriod];

  return period ? engine.idleLeft(socket[kConnection].id, period) : 0;
}

/**
 * The socket is Node's again, which restarts the timer by itself.
 *
 * @param {any} socket
 * @param {number} left What `leftOf` has returned
 */
function giveBack(socket, left) {
  const period = socket[kPeriod];

  if (!period) return;

  if (left >= 0) {
    if (left > 0) restart(socket, left);

    const timer = socket[kTimer];

    // From the next restart on it measures the whole period.
    if (timer) timer._idleTimeout = period;
    return;
  }

  // Node has no timer that waits for traffic only, so this one fires once without
  // effect.
  const traffic = () => socket.bytesRead + socket.bytesWritten;
  let before = traffic();

  Object.defineProperty(socket, '_onTimeout', {
    configurable: true,
    value() {
      const inVain = traffic() === before;

      // Some versions of Node have bound this function, others look it up.
      delete socket._onTimeout;
      before = -1;
      if (!inVain) socket._onTimeout();
    }
  });
  restart(socket, period);
}

module.exports = { giveBack, leftOf, methods };
