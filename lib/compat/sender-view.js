// @ts-check
'use strict';

/**
 * What makes `ws._sender` a `WebSocket.Sender`: the frames of a WebSocket are
 * the engine's work, but whoever replaces a method of the sender, or of the
 * class, gets the calls that he would get of a sender which frames by itself.
 */

const Sender = require('./sender.js');

/** The methods as they are while nobody has replaced one. */
const { close, ping, pong, send, sendFrame } = Sender.prototype;
const originals = Object.freeze({ close, ping, pong, send, sendFrame });

/** `_state` of a sender with nothing in its way. */
const READY = 0;

/**
 * @param {any} sender That of a WebSocket
 * @param {'close' | 'ping' | 'pong' | 'send'} name The method that is due
 * @returns {boolean} Whether somebody wants to see the call, or its frames, or
 *   the original methods are busy
 */
function isWatched(sender, name) {
  return (
    sender[name] !== originals[name] ||
    sender.sendFrame !== originals.sendFrame ||
    sender._state !== READY
  );
}

/**
 * Puts the class of the users' senders behind another, whose objects frame in
 * the engine. Where a replaced method, or a user, calls one of the original
 * ones, these frame in JavaScript and end with a list for `sendFrame`, which
 * keeps its place among what the engine sends. They know of no extension: two
 * that compress for one connection would not know of each other.
 *
 * @param {{ prototype: any }} Engine
 */
function wear({ prototype }) {
  Object.setPrototypeOf(prototype, Sender.prototype);
  Object.defineProperties(prototype, {
    constructor: { configurable: true, value: Sender, writable: true },
    onerror: {
      configurable: true,
      /** @this {any} */
      get() {
        return this._onError;
      },
      /** @this {any} @param {(error: Error) => void} listener */
      set(listener) {
        this._onError = listener;
      }
    },
    _compress: { configurable: true, value: false, writable: true },
    _extensions: { configurable: true, value: {}, writable: true },
    _queue: {
      configurable: true,
      /** @this {any} */
      get() {
        const value = /** @type {any[]} */ ([]);

        Object.defineProperty(this, '_queue', {
          configurable: true,
          value,
          writable: true
        });
        return value;
      }
    },
    _state: { configurable: true, value: READY, writable: true }
  });
}

module.exports = { READY, isWatched, originals, wear };
