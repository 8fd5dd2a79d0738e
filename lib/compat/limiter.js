// @ts-check
'use strict';

/** Bounds how many jobs run at a time; the others wait in the order they came. */

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
    /** @type {LimitedJob[]} */
    this._waiting = [];
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
    if (this._running >= this._limit) return;

    const job = this._waiting.shift();

    if (job === undefined) return;

    const done = () => {
      this._running--;
      this._startNext();
    };

    this._running++;

    try {
      job(done);
    } catch (error) {
      // What could not even start must not keep its place for ever.
      done();
      throw error;
    }
  }
}

module.exports = Limiter;
