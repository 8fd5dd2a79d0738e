// @ts-check
'use strict';

/**
 * A WebSocket's life on its socket: taking the socket over, what the engine
 * reports of the peer's frames, what the socket itself reports, the end.
 */

const { adopt, begin } = require('./adopted-socket.js');
const { engine } = require('./binding.js');
const {
  extensionName: EXTENSION_NAME
} = require('./compat/permessage-deflate.js');
const ReceiverView = require('./compat/receiver-view.js');
const { Connection } = require('./connection.js');
const { NOOP, kWebSocket } = require('./constants.js');
const deflateOptions = require('./deflate-options.js');
const { kStatusCode, protocolError } = require('./errors.js');
const { shape } = require('./message-shape.js');
const { Outbound } = require('./outbound.js');

// Kept, so that a test's fake timers do not stop the input.
const { nextTick } = process;

const [OPEN, CLOSING, CLOSED] = [1, 2, 3];

/**
 * @param {any} ws
 * @param {any} socket
 * @param {Buffer} head
 * @param {any} options
 */
function attach(ws, socket, head, options) {
  const extension = ws._extensions[EXTENSION_NAME];
  const deflate = deflateOptions(extension);
  const limits = {
    server: ws._isServer === true,
    maxPayload: options.maxPayload | 0,
    maxFragments: options.maxFragments | 0,
    maxBufferedChunks: options.maxBufferedChunks | 0,
    skipUtf8Validation: Boolean(options.skipUTF8Validation),
    deflate
  };

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
    !ws._isServer,
    deflate !== undefined
  );

  connection.limits = limits;
  connection.deferring =
    options.allowSynchronousEvents !== undefined &&
    !options.allowSynchronousEvents;

  ws._connection = connection;
  ws._sender = new Outbound(
    connection,
    deflate === undefined ? null : extension,
    options.generateMask,
    (error) => onSendError(ws, error)
  );
  ws._socket = socket;
  socket[kWebSocket] = ws;

  if (adopted) {
    begin(socket, connection, head);
  } else {
    if (head.length > 0) socket.unshift(head);
    socket.on('data', onSocketData);
  }

  socket.on('close', onSocketClose);
  socket.on('end', onSocketEnd);
  socket.on('error', onSocketError);
}

/**
 * @param {any} ws
 * @returns {import('./compat/receiver-view.js')} Made when somebody asks
 */
function receiverOf(ws) {
  const { _connection } = ws;

  if (_connection.view === null) {
    _connection.view = new ReceiverView(ws, _connection.limits);
  }

  return _connection.view;
}

/**
 * The side that has both sent and received its end ends the socket.
 *
 * @param {any} ws
 */
function endIfClosed(ws) {
  if (ws._closeFrameReceived || ws._connection.violated) ws._socket.end();
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
    ws._connection.inputEnded = true;
    ws._closeFrameReceived = true;
    ws._closeMessage = Buffer.from(reason);
    ws._closeCode = code;

    if (ws._socket[kWebSocket] === undefined) return;

    drainInput(ws);
    if (code === 1005) ws.close();
    else ws.close(code, reason);
  },

  violation(ws, index, parameter) {
    const error = protocolError(index, parameter);

    ws._connection.inputEnded = true;
    ws._connection.violated = true;

    if (ws._socket[kWebSocket] !== undefined) {
      drainInput(ws);
      ws.close(/** @type {any} */ (error)[kStatusCode]);
    }

    emitError(ws, error);
  }
};

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
  ws.pong(data, !ws._isServer, () => {
    ws._pendingAutoPongs--;
  });
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
  this[kWebSocket]._connection.feed(chunk);
}

/**
 * @this {any}
 */
function onSocketClose() {
  const ws = this[kWebSocket];
  const connection = ws._connection;

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
  connection.end(() => ws.emitClose());
}

/**
 * @this {any}
 */
function onSocketEnd() {
  const ws = this[kWebSocket];

  ws._connection.inputEnded = true;
  ws._readyState = CLOSING;
  this.end();
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

module.exports = { attach, endIfClosed, receiverOf, startCloseTimer };
