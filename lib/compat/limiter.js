// @ts-check
'use strict';

/** Bounds how many jobs run at a time; the others wait in the order they came. */

const { Fifo } = require('../connection/fifo.js');

/**
 * @callback LimitedJob
 * @param {() => void} done To be called once, when the job is over
 * @returns {void}
 */

class Limiter {
  /**
   * @param {number} limit The most jobs at a time; 0 for any number
   */
  constructor(limit) {
    this._limit = limit || Infinity;
    this._running = 0;
    /** @type {Fifo<LimitedJob>} */
    this._waiting = new Fifo();
  }

  /**
   * Runs a job, at once if it may.
   *
   * @param {LimitedJob} job
   */
  add(job) {
    this._waiting.push(job);
    this._startNext();
  }

  _startNext() {
    const failures = [];

    while (this._running < this._limit) {
      const job = this._waiting.takeFirst();

      if (job === undefined) break;
      this._running++;

      try {
        job(() => {
          this._running--;
          this._startNext();
        });
        break;
      } catch (error) {
        // A job that cannot start leaves its place to the next one.
        this._running--;
        failures[0] = error;
      }
    }

    if (failures.length > 0) throw failures[0];
  }
}

module.exports = Limiter;
