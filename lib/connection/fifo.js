// @ts-check
'use strict';

/**
 * A queue that may become long. `Array#shift` moves every entry that stays once
 * an array has more than some ten thousand of them.
 */

/** Fewer taken entries than this are not worth a copy of the others. */
const MIN_TAKEN = 1024;

/**
 * @template T
 */
class Fifo {
  /**
   * @param {T[]} [entries] The first ones; the queue's from now on
   */
  constructor(entries = []) {
    this.entries = entries;
    /** How many of the entries have been taken. */
    this.taken = 0;
  }

  get length() {
    return this.entries.length - this.taken;
  }

  /** @returns {T | undefined} The oldest entry */
  get first() {
    return this.entries[this.taken];
  }

  /**
   * @param {T} entry
   */
  push(entry) {
    this.entries.push(entry);
  }

  /** @returns {T | undefined} The oldest entry, taken out */
  takeFirst() {
    const { entries, taken } = this;

    if (taken === entries.length) return undefined;

    const entry = entries[taken];

    entries[taken] = /** @type {any} */ (undefined);
    this.drop(taken + 1);
    return entry;
  }

  /**
   * @param {number} count
   * @returns {T[]} The oldest entries, taken out
   */
  take(count) {
    const { entries, taken } = this;

    if (count <= 0) return [];
    if (taken === 0 && count >= entries.length) {
      this.entries = [];
      return entries;
    }

    const first = entries.slice(taken, taken + count);

    entries.fill(/** @type {any} */ (undefined), taken, taken + first.length);
    this.drop(taken + first.length);
    return first;
  }

  /**
   * Notes what has been taken. The copy of the rest is never larger than that.
   *
   * @param {number} taken
   */
  drop(taken) {
    const { entries } = this;

    if (taken === entries.length) {
      this.entries = [];
      this.taken = 0;
    } else if (taken >= MIN_TAKEN && taken * 2 >= entries.length) {
      this.entries = entries.slice(taken);
      this.taken = 0;
    } else {
      this.taken = taken;
    }
  }
}

module.exports = { Fifo };
