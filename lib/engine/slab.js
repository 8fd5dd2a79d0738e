// @ts-check
'use strict';

/**
 * Memory that received payloads are copied into and that their Buffers then
 * show. Many share one slab, so no listener may take its memory away: with a
 * transfer of its message it would empty those of other connections.
 */

// The global of that name is an accessor, which shows in what is called often.
const { Buffer } = require('buffer');
const vm = require('vm');
const { markAsUntransferable } = require('worker_threads');

// The class of Buffers: its constructor is the cheapest way to a view.
const FastBuffer = /** @type {any} */ (Buffer)[Symbol.species];

/** @typedef {(memory: ArrayBufferLike) => void} Fix */

/** Bytes of a slab, but for one payload that needs more. */
const LEAST = 16 * 1024;
const MOST = 256 * 1024;

/**
 * Where nothing but asm.js keeps memory in its place, a slab is larger, and a
 * payload longer than this has memory of its own: a new slab costs ten times as
 * much as other memory.
 */
const LEAST_HEAP = 64 * 1024;
const LONGEST_IN_HEAP = 4 * 1024;

/**
 * Whether nobody can detach memory that is marked. Node.js 24 has V8 see to
 * that. Before, only `structuredClone` and `postMessage` heed the mark:
 * `ArrayBuffer#transfer`, which Node.js 20 does not have, and byte streams do
 * not.
 *
 * @returns {boolean}
 */
function isMarkHeeded() {
  const memory = /** @type {any} */ (Buffer.allocUnsafeSlow(1).buffer);

  if (typeof memory.transfer !== 'function') return false;
  markAsUntransferable(memory);

  try {
    memory.transfer();
    return false;
  } catch {
    return true;
  }
}

/**
 * V8 detaches no heap of an asm.js module, and JavaScript knows no cheaper way
 * to have that. The module is a string, so that no tool rewrites it.
 *
 * @returns {Fix | null} Null where V8 does not compile asm.js (`--jitless`)
 */
function makeHeapFix() {
  const instantiate = vm.runInThisContext(
    `(function (stdlib, foreign, heap) {
      'use asm';
      var bytes = new stdlib.Uint8Array(heap);
      function first() { return bytes[0] | 0; }
      return first;
    })`
  );
  // V8 wants its own, whatever a program has made of the global.
  const stdlib = { Uint8Array: Object.getPrototypeOf(FastBuffer) };
  const fix = (/** @type {ArrayBufferLike} */ memory) =>
    instantiate(stdlib, null, memory);

  const memory = Buffer.allocUnsafeSlow(4096).buffer;
  const clone = vm.runInThisContext('globalThis.structuredClone');

  if (typeof clone !== 'function') return null;
  fix(memory);

  try {
    clone(memory, { transfer: [memory] });
  } catch {
    // Node.js 20 has it copied instead.
  }

  return memory.byteLength > 0 ? fix : null;
}

const isMarkEnough = isMarkHeeded();
const fixHeap = isMarkEnough ? null : makeHeapFix();

class Slab {
  /**
   * @param {number} needed Bytes that have to fit
   * @param {number} [most] Bytes that it may have
   */
  constructor(needed, most = MOST) {
    let size = Math.max(LEAST, Math.min(needed, most));

    /** Longer payloads have memory of their own. */
    this.longest = isMarkEnough ? Infinity : -1;

    if (fixHeap !== null && size <= MOST) {
      // A heap of asm.js has a power of two as its size.
      size = size > LEAST_HEAP ? MOST : LEAST_HEAP;
      this.longest = LONGEST_IN_HEAP;
    }

    this.bytes = Buffer.allocUnsafeSlow(size);
    /** To ask a Buffer for its memory is not free. */
    this.memory = this.bytes.buffer;
    /** Up to here the engine has filled it. */
    this.filled = 0;
    /** Up to here it is in the hands of users. */
    this.taken = 0;

    markAsUntransferable(this.memory);
    if (this.longest === LONGEST_IN_HEAP) {
      /** @type {Fix} */ (fixHeap)(this.memory);
    }
  }

  /**
   * @param {number} at
   * @param {number} length
   * @returns {Buffer} A payload, for good
   */
  take(at, length) {
    const view = new FastBuffer(this.memory, at, length);

    if (length > this.longest) return new FastBuffer(view);
    if (at + length > this.taken) this.taken = at + length;
    return view;
  }

  /** What has not been taken may be filled again. */
  reuse() {
    this.filled = this.taken;
  }
}

module.exports = { FastBuffer, Slab };
