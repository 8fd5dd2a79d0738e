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

  /** Options that a client and a server's connections have in common. */
  CONNECTION_DEFAULTS: Object.freeze({
    allowSynchronousEvents: true,
    autoPong: true,
    maxBufferedChunks: 256 * 1024,
    maxFragments: 16 * 1024,
    maxPayload: 100 * 1024 * 1024,
    maxPendingAutoPongs: 60,
    skipUTF8Validation: false
  }),

  EMPTY_BUFFER: Buffer.alloc(0),

  /** The most bytes of a ping, a pong or a close frame (RFC 6455 5.5). */
  MAX_CONTROL_PAYLOAD: 125,

  /** Opcodes (RFC 6455 11.8). */
  OPCODE: Object.freeze({
    CONTINUATION: 0,
    TEXT: 1,
    BINARY: 2,
    CLOSE: 8,
    PING: 9,
    PONG: 10
  }),

  /** The states of a WebSocket, by name. */
  READY_STATE: Object.freeze({ CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 }),

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
