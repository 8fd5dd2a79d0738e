// @ts-check
'use strict';

/**
 * A WebSocket's life on its socket: taking the socket over, what the engine
 * reports of the peer's frames, what the socket itself reports, the end.
 */

const { Buffer } = require('buffer');

const { adopt, begin } = require('./adopted-socket.js');
const { makeScope, runIn, storesLast } = require('../engine/async-scope.js');
const { engine } = require('../engine/engine.js');
const {
  extensionName: EXTENSION_NAME
} = require('../compat/permessage-deflate.js');
const ReceiverView = require('../compat/receiver-view.js');
const { wear } = require('../compat/sender-view.js');
const { Connection } = require('./connection.js');
const {
  EMPTY_BUFFER,
  NOOP,
  READY_STATE,
  kConnection,
  kScope,
  kWebSocket
} = require('../constants.js');
const deflateOptions = require('../handshake/deflate-options.js');
const { kStatusCode, protocolError } = require('../errors.js');
const { shape } = require('../data.js');
const { Outbound } = require('./sender.js');
const { setLife } = require('../listener/pending-upgrade.js');

// Kept, so that a test's fake timers do not stop the input.
const { nextTick } = process;

const { CLOSED, CLOSING, OPEN } = READY_STATE;

// Here, since the class of the users' senders needs this one's module.
wear(Outbound);
Outbound.prototype._onError = onOutboundError;

/**
 * @param {any} ws
 * @param {any} socket
 * @param {Buffer} head
 * @param {any} options
 */
function attach(ws, socket, head, options) {
  const limits = limitsOf(ws, options);

  // These may be missing: any Duplex will do.
  if (socket.setTimeout) socket.setTimeout(0);
  if (socket.setNoDelay) socket.setNoDelay();

  const number = adopt(socket, limits);
  const adopted = number >= 0;
  const connection = new Connection(
    socket,
    ws,
    handler,
    adopted ? number : engine.open(limits),
    adopted,
    ws._isServer ? undefined : (options[kScope] ?? makeScope(true)),
    limits.deflate !== undefined
  );

  connect(ws, connection, limits, options, options.generateMask);
  ws._socket = socket;
  socket[kWebSocket] = ws;

  if (adopted) begin(socket, connection, head);
  // eslint-disable-next-line no-restricted-syntax -- a stream's
  else if (head.length > 0) socket.unshift(head);

  listen(socket, !adopted);
}

/**
 * As `attach`, for a connection of which nobody has needed the socket so far.
 *
 * @param {any} ws
 * @param {import('../listener/pending-upgrade.js').Visitor} visitor
 * @param {string} answer What the handshake ends with
 * @param {Buffer} head
 * @param {any} options
 */
function attachVisitor(ws, visitor, answer, head, options) {
  const limits = limitsOf(ws, options);
  const connection = visitor.admit(ws, handler, limits, answer, head);

  connect(ws, connection, limits, options, undefined);
  connection.ref();

  ws._readyState = OPEN;
  ws.emit('open');
}

// What becomes of a socket that nobody has seen.
setLife({
  introduce(ws, socket) {
    socket[kWebSocket] = ws;
    listen(socket, false);
  },

  failed(ws) {
    ws._readyState = CLOSING;
  },

  closed(ws) {
    ws._readyState = CLOSING;
    ws[kConnection].end(() => ws.emitClose());
  }
});

/** @type {import('../../native').ConnectionOptions | undefined} */
let lastLimits;

/**
 * @param {any} ws
 * @param {any} options
 * @returns {import('../../native').ConnectionOptions} What the peer's frames are
 *   held to, and how they may be compressed
 */
function limitsOf(ws, options) {
  const server = ws._isServer === true;
  const maxPayload = options.maxPayload | 0;
  const maxFragments = options.maxFragments | 0;
  const maxBufferedChunks = options.maxBufferedChunks | 0;
  const skipUtf8Validation = Boolean(options.skipUTF8Validation);
  const deflate = deflateOptions(ws._extensions[EXTENSION_NAME]);

  // Compared one by one, since each handshake comes by here.
  if (
    lastLimits === undefined ||
    lastLimits.server !== server ||
    lastLimits.maxPayload !== maxPayload ||
    lastLimits.maxFragments !== maxFragments ||
    lastLimits.maxBufferedChunks !== maxBufferedChunks ||
    lastLimits.skipUtf8Validation !== skipUtf8Validation ||
    lastLimits.deflate !== deflate
  ) {
    lastLimits = {
      server,
      maxPayload,
      maxFragments,
      maxBufferedChunks,
      skipUtf8Validation,
      deflate
    };
  }

  return lastLimits;
}

/**
 * @param {any} ws
 * @param {Connection} connection
 * @param {any} limits
 * @param {any} options
 * @param {((mask: Buffer) => void) | undefined} generateMask
 */
function connect(ws, connection, limits, options, generateMask) {
  connection.limits = limits;
  connection.deferring =
    options.allowSynchronousEvents !== undefined &&
    !options.allowSynchronousEvents;

  ws[kConnection] = connection;
  ws._sender = new Outbound(
    connection,
    limits.deflate === undefined ? null : ws._extensions[EXTENSION_NAME],
    generateMask
  );
}

/**
 * @this {Outbound}
 * @param {Error} error
 */
function onOutboundError(error) {
  onSendError(this._connection.ws, error);
}

/**
 * @param {any} socket
 * @param {boolean} toData Whether its data comes from it
 */
function listen(socket, toData) {
  socket.on('close', onSocketClose);
  if (toData) socket.on('data', onSocketData);
  socket.on('end', onSocketEnd);
  socket.on('error', onSocketError);
}

/**
 * @param {any} ws
 * @returns {import('../compat/receiver-view.js')} Made when somebody asks
 */
function receiverOf(ws) {
  const connection = ws[kConnection];

  if (connection.view === null) {
    connection.view = new ReceiverView(ws, connection);
    // From here on it is in the way of every event.
    connection.handler = viewHandler;
    for (const [event, listener] of Object.entries(viewListeners)) {
      connection.view.on(event, listener);
    }
    if (connection.closed) retire(connection.view);
    else if (ws._closeFrameReceived) connection.view.end();
  }

  return connection.view;
}

/**
 * The side that has both sent and received its end ends the socket.
 *
 * @param {any} ws
 */
function endIfClosed(ws) {
  if (ws._closeFrameReceived || ws[kConnection].violated) ws._socket.end();
}

/**
 * @param {any} ws
 */
function startCloseTimer(ws) {
  ws._closeTimer = setTimeout(
    ws._socket.destroy.bind(ws._socket),
    ws._closeTimeout
  );
}

/**
 * Lets the rest of the input flow away, so that the FIN behind it is seen.
 *
 * @param {any} ws
 */
function drainInput(ws) {
  nextTick(resume, ws._socket);
}

/**
 * @param {import('stream').Readable} stream
 */
function resume(stream) {
  stream.resume();
}

/** @type {import('./connection.js').Handler} */
const handler = {
  message(ws, data, isBinary, fragments) {
    ws.emit(
      'message',
      isBinary && ws._binaryType !== 'nodebuffer'
        ? shape(ws._binaryType, data, fragments)
        : data,
      isBinary
    );
  },

  ping(ws, data) {
    if (ws._autoPong && ws._readyState === OPEN) answerPing(ws, data);
    ws.emit('ping', data);
  },

  pong(ws, data) {
    ws.emit('pong', data);
  },

  conclude(ws, code, reason) {
    ws[kConnection].inputEnded = true;
    ws._closeFrameReceived = true;
    ws._closeMessage = ownCopy(reason);
    ws._closeCode = code;

    if (ws._socket[kWebSocket] === undefined) return;

    drainInput(ws);
    if (code === 1005) ws.close();
    else ws.close(code, reason);
  },

  violation(ws, index, parameter) {
    ws[kConnection].violated = true;
    onProtocolError(ws, protocolError(index, parameter));
  }
};

/**
 * @param {Buffer} bytes
 * @returns {Buffer} One that keeps no other memory alive than its own
 */
function ownCopy(bytes) {
  if (bytes.length === 0) return EMPTY_BUFFER;

  const copy = Buffer.allocUnsafeSlow(bytes.length);

  copy.set(bytes);
  return copy;
}

/**
 * @param {any} ws
 * @param {Error} error
 */
function onProtocolError(ws, error) {
  ws[kConnection].inputEnded = true;

  if (ws._socket[kWebSocket] !== undefined) {
    drainInput(ws);
    ws.close(/** @type {any} */ (error)[kStatusCode]);
  }

  // With `ws` it is emitted a tick later: what a listener enters ends with it.
  if (storesLast) runIn(makeScope(true), emitError, undefined, ws, error);
  else emitError(ws, error);
}

/**
 * The listeners that the view of the parser has from its beginning. A user may
 * remove them, emit their events by hand, or add his own.
 *
 * @type {Record<string, (this: any, ...args: any[]) => void>}
 */
const viewListeners = {
  conclude(code, reason) {
    this._concluded = true;
    handler.conclude(this[kWebSocket], code, reason);
  },
  drain() {
    const ws = this[kWebSocket];

    if (!ws.isPaused) ws._socket.resume();
  },
  error(error) {
    this._violation = error;
    onProtocolError(this[kWebSocket], error);
  },
  message(data, isBinary) {
    this[kWebSocket].emit('message', data, isBinary);
  },
  ping(data) {
    handler.ping(this[kWebSocket], data);
  },
  pong(data) {
    handler.pong(this[kWebSocket], data);
  }
};

/**
 * Who has been told of an end, even if by hand, hears of nothing behind it.
 *
 * @param {any} view
 * @returns {boolean}
 */
function hasEnded(view) {
  return view._concluded || view._violation !== null;
}

/**
 * The handler of a connection whose view somebody has asked for.
 *
 * @type {import('./connection.js').Handler}
 */
const viewHandler = {
  message(ws, data, isBinary, fragments) {
    const { view } = ws[kConnection];

    if (hasEnded(view)) return;
    view.emit(
      'message',
      isBinary ? shape(ws._binaryType, data, fragments) : data,
      isBinary
    );
  },

  ping(ws, data) {
    const { view } = ws[kConnection];

    if (!hasEnded(view)) view.emit('ping', data);
  },

  pong(ws, data) {
    const { view } = ws[kConnection];

    if (!hasEnded(view)) view.emit('pong', data);
  },

  conclude(ws, code, reason) {
    const { view } = ws[kConnection];

    if (hasEnded(view)) return;
    view.emit('conclude', code, reason);
    view.end();
  },

  violation(ws, index, parameter) {
    const { view } = ws[kConnection];

    if (hasEnded(view)) return;

    const error = protocolError(index, parameter);

    ws[kConnection].violated = true;
    // As a stream has it that has emitted the error by itself.
    view._writableState.errored = error;
    view._writableState.errorEmitted = true;
    view.destroy();
    view.emit('error', error);
  }
};

/**
 * The view of a parser that will see no more.
 *
 * @param {import('stream').Writable | null} view
 */
function retire(view) {
  if (view === null) return;
  view.removeAllListeners();
  view.end();
}

/**
 * A peer that floods us with pings and does not read the pongs is cut off.
 *
 * @param {any} ws
 * @param {Buffer} data
 */
function answerPing(ws, data) {
  const most = ws._maxPendingAutoPongs;

  if (most > 0 && ws._pendingAutoPongs >= most) {
    ws.terminate();
    return;
  }

  ws._pendingAutoPongs++;
  ws.pong(data, !ws._isServer, ws._autoPongComplete);
}

/**
 * @param {any} ws
 * @param {Error} error
 */
function emitError(ws, error) {
  if (ws._errorEmitted) return;

  ws._errorEmitted = true;
  ws.emit('error', error);
}

/**
 * What could not be read to be sent: a Blob.
 *
 * @param {any} ws
 * @param {Error} error
 */
function onSendError(ws, error) {
  if (ws.readyState === CLOSED) return;

  if (ws.readyState === OPEN) {
    ws._readyState = CLOSING;
    startCloseTimer(ws);
  }

  ws._socket.end();
  emitError(ws, error);
}

/**
 * @this {any}
 * @param {Buffer | string} chunk
 */
function onSocketData(chunk) {
  this[kWebSocket][kConnection].feed(chunk);
}

/**
 * @this {any}
 */
function onSocketClose() {
  const ws = this[kWebSocket];
  const connection = ws[kConnection];

  this.removeListener('close', onSocketClose);
  this.removeListener('data', onSocketData);
  this.removeListener('end', onSocketEnd);

  ws._readyState = CLOSING;

  // What a paused stream had read belongs to the user before the end does.
  if (
    !connection.adopted &&
    !this._readableState.endEmitted &&
    !ws._closeFrameReceived &&
    !connection.violated
  ) {
    const rest = this.read(this._readableState.length);

    if (rest !== null) connection.feed(rest);
  }

  connection.detach();
  this[kWebSocket] = undefined;
  clearTimeout(ws._closeTimer);
  connection.end(() => {
    retire(connection.view);
    ws.emitClose();
  });
}

/**
 * @this {any}
 */
function onSocketEnd() {
  const ws = this[kWebSocket];
  const connection = ws[kConnection];

  connection.whenDecoded(() => {
    connection.inputEnded = true;
    ws._readyState = CLOSING;
    this.end();
  });
}

/**
 * @this {any}
 */
function onSocketError() {
  const ws = this[kWebSocket];

  this.removeListener('error', onSocketError);
  this.on('error', NOOP);

  if (ws) {
    ws._readyState = CLOSING;
    this.destroy();
  }
}

module.exports = {
  attach,
  attachVisitor,
  endIfClosed,
  receiverOf,
  startCloseTimer
};
