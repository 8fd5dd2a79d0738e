'use strict';

/**
 * What the live panel shows: counts since the sample before, and how late the
 * event loop ran its timers.
 */

const { monitorEventLoopDelay } = require('node:perf_hooks');

/** Milliseconds between the timers that the delay is measured by. */
const RESOLUTION = 10;

class Meter {
  #delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  #since = process.hrtime.bigint();

  constructor() {
    /** Messages since the last sample. */
    this.received = 0;
    this.sent = 0;
    this.#delay.enable();
  }

  /**
   * @return {{ received: number, sent: number, delay: number, worst: number }}
   *     Messages per second; median and worst delay in milliseconds
   */
  sample() {
    const now = process.hrtime.bigint();
    const seconds = Number(now - this.#since) / 1e9;
    const sample = {
      received: Math.round(this.received / seconds),
      sent: Math.round(this.sent / seconds),
      delay: lateness(this.#delay.percentile(50)),
      worst: lateness(this.#delay.max)
    };

    this.received = 0;
    this.sent = 0;
    this.#since = now;
    this.#delay.reset();

    return sample;
  }

  stop() {
    this.#delay.disable();
  }
}

/**
 * The histogram holds the time between timers, of which RESOLUTION is wanted.
 *
 * @param {number} nanoseconds
 * @return {number} Milliseconds, to the hundredth
 */
function lateness(nanoseconds) {
  const milliseconds = Math.max(0, nanoseconds / 1e6 - RESOLUTION);
  return Math.round(milliseconds * 100) / 100;
}

module.exports = { Meter };
