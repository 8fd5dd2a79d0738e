// @ts-check
'use strict';

/**
 * The public class. It keeps the states and the fields that users know; the
 * frames are the engine's, the opening handshake is `client-handshake.js`'s.
 */

const EventEmitter = require('events');

const {
  BINARY_TYPES,
  EMPTY_BUFFER,
  READY_STATE,
  kConnection
} = require('./constants.js');
const { bindCallback } = require('./engine/async-scope.js');
const PerMessageDeflate = require('./compat/permessage-deflate.js');
const { abortHandshake, connect } = require('./handshake/client.js');
const {
  addEventListener,
  defineOnAttribute,
  removeEventListener
} = require('./event-target.js');
const { READY, isWatched, originals } = require('./compat/sender-view.js');
const { sizeOf, toBuffer } = require('./connection/sender.js');
const { isBlob } = require('./validation.js');
const {
  attach,
  endIfClosed,
  receiverOf,
  startCloseTimer
} = require('./connection/attach.js');

const { extensionName: EXTENSION_NAME } = PerMessageDeflate;
const { CLOSED, CLOSING, CONNECTING, OPEN } = READY_STATE;
const STATE_NAMES = Object.keys(READY_STATE);

/**
 * A property of each WebSocket's own, as with `ws`, but on a server made up by
 * asking the connection: that may have no socket before somebody wants it.
 *
 * @type {PropertyDescriptor & ThisType<any>}
 */
const SOCKET = {
  configurable: true,
  enumerable: true,
  get() {
    const connection = this[kConnection];

    return connection === null ? null : connection.socket;
  },
  set(value) {
    Object.defineProperty(this, '_socket', {
      configurable: true,
      enumerable: true,
      value,
      writable: true
    });
  }
};

/**
 * A function of each WebSocket's own, as with `ws`, made when a ping is answered.
 *
 * @type {PropertyDescriptor & ThisType<any>}
 */
const AUTO_PONG_COMPLETE = {
  configurable: true,
  enumerable: true,
  get() {
    this._autoPongComplete = () => {
      this._pendingAutoPongs--;
    };
    return this._autoPongComplete;
  },
  set(value) {
    Object.defineProperty(this, '_autoPongComplete', {
      configurable: true,
      enumerable: true,
      value,
      writable: true
    });
  }
};

/**
 * Makes a `{}` without room in advance, since it will most likely stay empty.
 *
 * @type {new () => object}
 */
const Plain = /** @type {any} */ (function () {});

Plain.prototype = Object.prototype;

/**
 * @extends EventEmitter
 */
class WebSocket extends EventEmitter {
  /**
   * @param {string | URL | null} address Where to connect to; `null` for the
   *   server's side
   * @param {any} [protocols] The subprotocols
   * @param {any} [options]
   */
  constructor(address, protocols, options) {
    super();

    // Like Node's own, which is a dictionary from its beginning: a third of the
    // size with a few events.
    /** @type {any} */ (this)._events = Object.setPrototypeOf({}, null);
    this._binaryType = BINARY_TYPES[0];
    this._closeCode = 1006;
    this._closeFrameReceived = false;
    this._closeFrameSent = false;
    this._closeMessage = EMPTY_BUFFER;
    this._closeTimer = /** @type {NodeJS.Timeout | null} */ (null);
    this._errorEmitted = false;
    /** @type {Record<string, any>} */
    this._extensions = new Plain();
    this._paused = false;
    this._protocol = '';
    this._readyState = /** @type {number} */ (CONNECTING);
    this._sender =
      /** @type {import('./connection/sender.js').Outbound | null} */ (null);
    /** @type {any} */
    this._socket;
    if (address === null) Object.defineProperty(this, '_socket', SOCKET);
    else this._socket = null;
    // The engine's end of it, from `setSocket` on.
    /** @type {any} */ (this)[kConnection] = null;

    if (address === null) {
      this._isServer = true;
      answerPings(this, options);
      this._closeTimeout = options.closeTimeout;
      return;
    }

    this._bufferedAmount = 0;
    this._isServer = false;
    this._redirects = 0;

    const settings = connect(this, address, protocols, options);

    answerPings(this, settings);
    this._closeTimeout = settings.closeTimeout;
  }

  /** @returns {any} The parser; `null` before there is one */
  get _receiver() {
    return connectionOf(this) === null ? null : receiverOf(this);
  }

  /** @returns {string} What binary messages are handed out as */
  get binaryType() {
    return this._binaryType;
  }

  set binaryType(type) {
    if (!BINARY_TYPES.includes(type)) return;
    this._binaryType = type;
    // Of an object derived from this one, too.
    const original = /** @type {any} */ (connectionOf(this)?.ws);

    if (original) original._binaryType = type;
  }

  /** @returns {number} Bytes sent that the kernel has not taken */
  get bufferedAmount() {
    const connection = connectionOf(this);

    if (connection === null) {
      return /** @type {number} */ (this._bufferedAmount);
    }

    const { buffered } = connection;
    const { _bufferedBytes } = /** @type {any} */ (this._sender);
    // Nobody has written to a socket that nobody has seen.
    const { shown = this._socket } = /** @type {any} */ (connection);

    if (connection.adopted) return buffered + _bufferedBytes;
    return buffered + shown._writableState.length + _bufferedBytes;
  }

  /** @returns {string} The names of the extensions in use */
  get extensions() {
    return Object.keys(this._extensions).join();
  }

  /** @returns {boolean} */
  get isPaused() {
    return this._paused;
  }

  /** @returns {string} The subprotocol */
  get protocol() {
    return this._protocol;
  }

  /** @returns {number} */
  get readyState() {
    return this._readyState;
  }

  /** @returns {string} */
  get url() {
    return /** @type {any} */ (this)._url;
  }

  /**
   * Takes over a stream whose opening handshake is done.
   *
   * @param {any} socket A `net.Socket` or any other Duplex
   * @param {Buffer} head What was read behind the handshake
   * @param {object} options What the frames are held to
   */
  setSocket(socket, head, options) {
    attach(this, socket, head, options);
    this._readyState = OPEN;

    try {
      this.emit('open');
    } finally {
      if (!this._isServer) {
        /** @type {any} */ (connectionOf(this)).inheritAgain();
      }
    }
  }

  /** The end: no event follows. */
  emitClose() {
    if (hasSocket(this)) this._extensions[EXTENSION_NAME]?.cleanup();
    this._readyState = CLOSED;
    this.emit('close', this._closeCode, this._closeMessage);
  }

  /**
   * Starts the closing handshake.
   *
   * @param {number} [code]
   * @param {string | Uint8Array} [data] The reason
   */
  close(code, data) {
    if (this.readyState === CLOSED) return;
    if (this.readyState === CONNECTING) {
      refuseToConnect(this);
      return;
    }
    if (this.readyState === CLOSING) {
      if (this._closeFrameSent) endIfClosed(this);
      return;
    }

    const sender = /** @type {any} */ (this._sender);

    // It may throw, or look at the state.
    sender[isWatched(sender, 'close') ? 'close' : 'sendClose'](
      code,
      data,
      !this._isServer,
      (/** @type {Error | null | undefined} */ error) => {
        // An error is the socket's, and is dealt with there.
        if (error) return;
        this._closeFrameSent = true;
        endIfClosed(this);
      }
    );

    this._readyState = CLOSING;
    startCloseTimer(this);
  }

  /** Stops reading. */
  pause() {
    if (this.readyState === CONNECTING || this.readyState === CLOSED) return;

    this._paused = true;
    this._socket.pause();
  }

  /** Goes on reading. */
  resume() {
    if (this.readyState === CONNECTING || this.readyState === CLOSED) return;

    this._paused = false;
    this._socket.resume();
  }

  /**
   * @param {any} [data]
   * @param {any} [mask]
   * @param {any} [cb]
   */
  ping(data, mask, cb) {
    control(this, 'ping', data, mask, cb);
  }

  /**
   * @param {any} [data]
   * @param {any} [mask]
   * @param {any} [cb]
   */
  pong(data, mask, cb) {
    control(this, 'pong', data, mask, cb);
  }

  /**
   * Sends a message, or a fragment of one.
   *
   * @param {any} data
   * @param {any} [options]
   * @param {any} [cb] Called when the kernel has taken the last byte
   */
  send(data, options, cb) {
    if (this.readyState === CONNECTING) throw notOpen(this);

    if (typeof options === 'function') {
      cb = options;
      options = undefined;
    }

    if (typeof data === 'number') data = data.toString();

    if (this.readyState !== OPEN) {
      sendTooLate(this, data, cb);
      return;
    }

    const sender = /** @type {any} */ (this._sender);

    if (!data && typeof data !== 'string') data = EMPTY_BUFFER;

    if (
      sender.send !== originals.send ||
      sender.sendFrame !== originals.sendFrame ||
      sender._state !== READY
    ) {
      sender.send(data, messageOptions(this, data, options), cb);
      return;
    }

    if (cb !== undefined) cb = bindCallback(cb);
    sender.sendMessage(data, options, cb);
  }

  /** Ends the connection without a closing handshake. */
  terminate() {
    if (this.readyState === CLOSED) return;
    if (this.readyState === CONNECTING) {
      refuseToConnect(this);
      return;
    }

    if (this._socket) {
      this._readyState = CLOSING;
      // What has been sent is on its way, whatever follows.
      /** @type {any} */ (connectionOf(this)).flush();
      this._socket.destroy();
    }
  }
}

/**
 * @param {any} ws
 * @returns {import('./connection/connection.js').Connection | null}
 */
function connectionOf(ws) {
  return ws[kConnection];
}

/**
 * Prepares the automatic pongs, if there are to be any.
 *
 * @param {any} ws
 * @param {any} options
 */
function answerPings(ws, options) {
  if (!options.autoPong) return;

  ws._autoPong = true;
  Object.defineProperty(ws, '_autoPongComplete', AUTO_PONG_COMPLETE);
  ws._pendingAutoPongs = 0;
  ws._maxPendingAutoPongs = options.maxPendingAutoPongs | 0;
}

/**
 * @param {any} ws
 * @returns {boolean} Whether `_socket` holds one, or would make one
 */
function hasSocket(ws) {
  return ws[kConnection] !== null || Boolean(ws._socket);
}

/**
 * @param {any} ws
 */
function refuseToConnect(ws) {
  abortHandshake(
    ws,
    ws._req,
    'WebSocket was closed before the connection was established'
  );
}

/**
 * @param {any} ws
 * @returns {Error}
 */
function notOpen(ws) {
  return new Error(
    `WebSocket is not open: readyState ${ws.readyState} ` +
      `(${STATE_NAMES[ws.readyState]})`
  );
}

/**
 * What is sent behind the end counts as buffered for ever, as in the browser.
 *
 * @param {any} ws
 * @param {any} data
 * @param {((error: Error) => void) | undefined} cb
 */
function sendTooLate(ws, data, cb) {
  if (data) {
    const size = isBlob(data) ? sizeOf(data) : toBuffer(data).length;

    if (hasSocket(ws)) ws._sender._bufferedBytes += size;
    else ws._bufferedAmount += size;
  }

  if (cb) {
    // The acks of what was sent in time come first.
    connectionOf(ws)?.flush();
    process.nextTick(cb, notOpen(ws));
  }
}

/**
 * @param {any} ws
 * @param {'ping' | 'pong'} kind
 * @param {any} data
 * @param {any} mask
 * @param {any} cb
 */
function control(ws, kind, data, mask, cb) {
  if (ws.readyState === CONNECTING) throw notOpen(ws);

  if (typeof data === 'function') {
    cb = data;
    data = mask = undefined;
  } else if (typeof mask === 'function') {
    cb = mask;
    mask = undefined;
  }

  if (typeof data === 'number') data = data.toString();

  if (ws.readyState !== OPEN) {
    sendTooLate(ws, data, cb);
    return;
  }

  const sender = ws._sender;

  if (mask === undefined) mask = !ws._isServer;
  if (!data) data = EMPTY_BUFFER;
  if (isWatched(sender, kind)) {
    sender[kind](data, mask, cb);
  } else {
    cb = bindCallback(cb);
    if (kind === 'ping') sender.sendPing(data, mask, cb);
    else sender.sendPong(data, mask, cb);
  }
}

/**
 * What a message is like, for a sender that is told of everything.
 *
 * @param {any} ws
 * @param {any} data
 * @param {any} options The user's
 * @returns {object}
 */
function messageOptions(ws, data, options) {
  const all = {
    binary: typeof data !== 'string',
    mask: !ws._isServer,
    compress: true,
    fin: true,
    ...options
  };

  if (!ws._extensions['permessage-deflate']) all.compress = false;

  return all;
}

for (const [name, value] of Object.entries(READY_STATE)) {
  const descriptor = { enumerable: true, value };

  Object.defineProperty(WebSocket, name, descriptor);
  Object.defineProperty(WebSocket.prototype, name, descriptor);
}

for (const name of [
  'binaryType',
  'bufferedAmount',
  'extensions',
  'isPaused',
  'protocol',
  'readyState',
  'url'
]) {
  Object.defineProperty(WebSocket.prototype, name, { enumerable: true });
}

for (const type of ['close', 'error', 'open', 'message']) {
  defineOnAttribute(WebSocket.prototype, type);
}

WebSocket.prototype.addEventListener = addEventListener;
WebSocket.prototype.removeEventListener = removeEventListener;

module.exports = WebSocket;
