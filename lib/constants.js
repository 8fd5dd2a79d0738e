'use strict';

// @ts-check

// The values that several modules of the facade must agree on. Symbols made
// here are private by being unexported from the package; their descriptions
// show when an object that carries them is printed.

const hasBlob = typeof Blob !== 'undefined';

const BINARY_TYPES = ['nodebuffer', 'arraybuffer', 'fragments'];

if (hasBlob) BINARY_TYPES.push('blob');

module.exports = {
  /** What `binaryType` may be set to. */
  BINARY_TYPES,

  /** Milliseconds that a closing handshake may take. */
  CLOSE_TIMEOUT: 30000,

  EMPTY_BUFFER: Buffer.alloc(0),

  /** The names of the states, each at the number that is its value. */
  READY_STATES: ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'],

  hasBlob,

  /** Leads from a WebSocket to the engine's end of it. */
  kConnection: Symbol('connection'),

  /** Marks the wrapper of a listener that an on-attribute has set. */
  kForOnEventAttribute: Symbol('kIsForOnEventAttribute'),

  /** Leads from the wrapper of a listener to the listener. */
  kListener: Symbol('kListener'),

  /** The scope of a connection's events, among the options of `setSocket`. */
  kScope: Symbol('scope'),

  /** Leads from a socket to the WebSocket that uses it. */
  kWebSocket: Symbol('websocket'),

  NOOP: () => {}
};
