// @ts-check
'use strict';

// A WebSocket as a Duplex stream: what is written goes out in messages, what
// comes in can be read. Each side's end and errors become the other's.

const { Duplex } = require('stream');

const { READY_STATE } = require('./constants.js');

const { CLOSED, CONNECTING } = READY_STATE;

/**
 * Emits the 'close' that the stream was told not to emit by itself, as it has
 * to come behind that of the WebSocket.
 *
 * @param {Duplex} duplex The stream
 */
function emitClose(duplex) {
  duplex.emit('close');
}

/**
 * Destroys the stream once both of its sides have ended.
 *
 * @this {any}
 */
function destroyIfOver() {
  if (!this.destroyed && this._writableState.finished) this.destroy();
}

/**
 * The first error destroys the stream. That `autoDestroy` would emit it anew
 * is why this is done here.
 *
 * @this {any}
 * @param {Error} error The error
 */
function destroyOnError(error) {
  this.removeListener('error', destroyOnError);
  this.destroy();

  // This listener must not hide that the user has none.
  if (this.listenerCount('error') === 0) this.emit('error', error);
}

/**
 * Wraps a WebSocket in a stream.
 *
 * @param {any} ws The WebSocket
 * @param {import('stream').DuplexOptions} [options] Options of the stream; the
 *     writable side cannot be in object mode
 * @returns {Duplex}
 */
function createWebSocketStream(ws, options) {
  let terminateOnDestroy = true;

  const duplex = /** @type {any} */ (
    new Duplex({
      ...options,
      autoDestroy: false,
      emitClose: false,
      objectMode: false,
      writableObjectMode: false,

      read() {
        if (ws.isPaused) ws.resume();
      },

      write(chunk, encoding, callback) {
        if (ws.readyState === CONNECTING) {
          ws.once('open', () => duplex._write(chunk, encoding, callback));
        } else {
          ws.send(chunk, callback);
        }
      },

      final(callback) {
        if (ws.readyState === CONNECTING) {
          ws.once('open', () => duplex._final(callback));
          return;
        }

        // There never was a connection: an error and 'close' are on their way.
        if (ws._socket === null) return;

        if (ws._socket._writableState.finished) {
          callback();
          if (duplex._readableState.endEmitted) duplex.destroy();
        } else {
          // Finished is only what has left behind the last message.
          ws._socket.once('finish', () => callback());
          ws.close();
        }
      },

      destroy(error, callback) {
        if (ws.readyState === CLOSED) {
          callback(error);
          process.nextTick(emitClose, duplex);
          return;
        }

        let isCalled = false;

        ws.once('error', (/** @type {Error} */ reason) => {
          isCalled = true;
          callback(reason);
        });
        ws.once('close', () => {
          if (!isCalled) callback(error);
          process.nextTick(emitClose, duplex);
        });

        if (terminateOnDestroy) ws.terminate();
      }
    })
  );
  const isObjectMode = duplex.readableObjectMode;

  ws.on(
    'message',
    (/** @type {any} */ data, /** @type {boolean} */ isBinary) => {
      const chunk = isObjectMode && !isBinary ? data.toString() : data;

      if (!duplex.push(chunk)) ws.pause();
    }
  );

  ws.once('error', (/** @type {Error} */ error) => {
    if (duplex.destroyed) return;

    // The WebSocket closes by itself, with the close code that fits the error.
    terminateOnDestroy = false;
    duplex.destroy(error);
  });

  ws.once('close', () => {
    if (!duplex.destroyed) duplex.push(null);
  });

  duplex.on('end', destroyIfOver);
  duplex.on('error', destroyOnError);

  return duplex;
}

module.exports = createWebSocketStream;
