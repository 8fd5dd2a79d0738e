// @ts-check
'use strict';

/**
 * Lending a `net.Socket` to the engine, while it goes on being its user's.
 *
 * The engine reads and writes a duplicate of the descriptor. The socket keeps
 * its handle, its listeners and its place in the server's count. A prototype
 * between the object and its class, one for all sockets of that class, leads
 * what the user does with it to where the bytes are. What cannot be led there
 * (somebody wants to read the raw bytes, or patches the writing) gives the
 * connection back to the stream, in mid-life.
 */

const net = require('net');

const { bindCallback } = require('../engine/async-scope.js');
const { decodeEarly, engine } = require('../engine/engine.js');
const { kConnection } = require('../constants.js');
const idleTimer = require('./idle-timer.js');
const queueLength = require('./queue-length.js');

/** An own property of one of these names means that somebody intercepts. */
const INTERCEPTED = [
  '_destroy',
  '_final',
  '_read',
  '_write',
  '_writev',
  'destroy',
  'end',
  'push',
  'read',
  'write'
];

/**
 * Node's http server gives each of its sockets methods of these names, which
 * do nothing more once the upgrade has detached its parser.
 */
const WRAPPED_BY_HTTP = ['addListener', 'on', 'prependListener', 'setEncoding'];
const HTTP_WRAPPERS = new Set(['socketListenerWrap', 'socketSetEncoding']);

/** Events whose listeners want the raw bytes. */
const RAW_EVENTS = new Set(['data', 'readable']);

const isSupported =
  process.platform === 'linux' || process.platform === 'darwin';

/**
 * Whether nothing stands between the socket's descriptor and its peer.
 *
 * @param {any} socket
 * @returns {boolean}
 */
function isAdoptable(socket) {
  if (!isSupported || !(socket instanceof net.Socket)) return false;

  const plain = /** @type {any} */ (socket);
  const handle = plain._handle;
  const kind = handle?.constructor?.name;

  return (
    (kind === 'TCP' || kind === 'Pipe') &&
    handle.fd >= 0 &&
    plain.encrypted !== true &&
    !plain.connecting &&
    !plain.destroyed &&
    plain.writable &&
    plain.writableLength === 0 &&
    plain.writableCorked === 0 &&
    !(handle.writeQueueSize > 0) &&
    !plain._readableState.ended &&
    plain.readableEncoding === null &&
    plain.listenerCount('data') === 0 &&
    plain.listenerCount('readable') === 0 &&
    !INTERCEPTED.some((name) => Object.hasOwn(plain, name)) &&
    !WRAPPED_BY_HTTP.some((name) => isIntercepted(plain, name))
  );
}

/**
 * @param {any} socket
 * @param {string} name
 * @returns {boolean} Whether somebody else than http has put a method there
 */
function isIntercepted(socket, name) {
  return (
    Object.hasOwn(socket, name) &&
    socket[name] !== Reflect.get(net.Socket.prototype, name) &&
    !HTTP_WRAPPERS.has(socket[name].name)
  );
}

/**
 * @param {any} socket
 * @param {object} options The engine's options of the connection
 * @returns {number} The connection's number; -1 when the stream has to do
 */
function adopt(socket, options) {
  if (!isAdoptable(socket)) return -1;

  try {
    return engine.adopt(socket._handle.fd, options);
  } catch {
    // No descriptor left, most likely: the stream needs none.
    return -1;
  }
}

/**
 * Begins to read an adopted socket, with the bytes that had been read already.
 *
 * @param {any} socket
 * @param {import('./connection.js').Connection} connection
 * @param {Buffer} head
 */
function begin(socket, connection, head) {
  const handle = socket._handle;
  const early = head.length > 0 ? [head] : [];

  lend(socket, connection);

  for (const name of WRAPPED_BY_HTTP) {
    // Its words against another encoding stay true. The others are not deleted: an
    // object that has lost a property takes twice the memory.
    if (name !== 'setEncoding' && Object.hasOwn(socket, name)) {
      socket[name] = Object.getPrototypeOf(socket)[name];
    }
  }

  handle.reading = false;
  handle.readStop();

  // Only now, since Node's own _read would start the handle again.
  for (let chunk; (chunk = socket.read()) !== null;) early.push(chunk);

  if (handle.hasRef()) connection.ref();

  for (const chunk of early) decodeEarly(connection.id, chunk);

  // Lets the end, once it is pushed, be seen. Nothing else is ever in there.
  if (socket.isPaused()) connection.pause();
  else socket.resume();
  engine.start(connection.id);
}

/**
 * Leads what is done with a socket to the connection that has its bytes.
 *
 * @param {any} socket
 * @param {import('./connection.js').Connection} connection
 */
function lend(socket, connection) {
  Object.setPrototypeOf(socket, lentPrototype(Object.getPrototypeOf(socket)));
  socket[kConnection] = connection;
  queueLength.lend(socket, connection);
}

/**
 * @param {any} socket
 */
function release(socket) {
  const connection = socket[kConnection];

  // An end that has been asked for follows the queue, which has to stay.
  if (socket.writableEnded || !connection?.adopted) return;

  const left = idleTimer.leftOf(socket);

  if (!connection.release()) return;

  const { bytesRead, bytesWritten } = connection;
  const base = Object.getPrototypeOf(Object.getPrototypeOf(socket));
  const counter = (
    /** @type {string} */ name,
    /** @type {number} */ before
  ) => ({
    configurable: true,
    get: () => Reflect.get(base, name, socket) + before
  });

  Object.setPrototypeOf(socket, base);
  Object.defineProperties(socket, {
    bytesRead: counter('bytesRead', bytesRead),
    bytesWritten: counter('bytesWritten', bytesWritten)
  });
  socket[kConnection] = undefined;
  queueLength.giveBack(socket);
  idleTimer.giveBack(socket, left);

  connection.writeReleased();
  socket.on('data', (/** @type {Buffer} */ chunk) => connection.feed(chunk));
  // Node stopped reading when the socket was lent; its own bookkeeping believes
  // that a read is under way. The end must not overtake what the engine has
  // read.
  connection.whenReleased(() => {
    if (!socket.destroyed) socket._read(0);
  });
  // A pause is the stream's from here on; what is held here waits for its end.
  if (connection.paused) socket.once('resume', () => connection.resume());
}

/** @type {WeakMap<object, object>} */
const prototypes = new WeakMap();

/**
 * @param {any} base The prototype of a socket
 * @returns {object} The one that a lent socket has in front of it
 */
function lentPrototype(base) {
  let lent = prototypes.get(base);

  if (lent === undefined) {
    lent = makeLentPrototype(base);
    prototypes.set(base, lent);
  }

  return lent;
}

/**
 * @param {any} base
 * @returns {object}
 */
function makeLentPrototype(base) {
  /** @type {PropertyDescriptorMap} */
  const descriptors = {};

  const methods = {
    ...flowMethods(base),
    ...writeMethods(base),
    ...lifeMethods(base),
    ...idleTimer.methods(base)
  };

  for (const [name, method] of Object.entries(methods)) {
    const value = keepable(base, name, method);

    descriptors[name] = { configurable: true, value, writable: true };
  }

  return Object.create(base, {
    ...descriptors,
    ...counters(base),
    _write: patchable('_write', descriptors._write.value),
    _writev: patchable('_writev', descriptors._writev.value),
    write: patchable('write', descriptors.write.value)
  });
}

/**
 * A method for those, too, who have kept it when its socket is given back.
 *
 * @param {any} base
 * @param {string} name
 * @param {Function} method
 * @returns {Function}
 */
function keepable(base, name, method) {
  return function (/** @type {any[]} */ ...rest) {
    // @ts-ignore
    const kept = this[kConnection] === undefined;

    // @ts-ignore
    // eslint-disable-next-line no-restricted-syntax -- the caller's arguments
    return Reflect.apply(kept ? base[name] : method, this, rest);
  };
}

/**
 * A method whose replacement on a socket gives that socket back.
 *
 * @param {string} name
 * @param {Function} method
 * @returns {PropertyDescriptor}
 */
function patchable(name, method) {
  return {
    configurable: true,
    get() {
      return method;
    },
    set(value) {
      release(this);
      Object.defineProperty(this, name, {
        configurable: true,
        enumerable: true,
        value,
        writable: true
      });
    }
  };
}

/**
 * Reading: whether, and by whom.
 *
 * @param {any} base
 * @returns {Record<string, Function>}
 */
function flowMethods(base) {
  /**
   * @param {string} name
   * @returns {Function}
   */
  const listening = (name) =>
    function (/** @type {any} */ event, /** @type {Function} */ listener) {
      // @ts-ignore
      if (event === 'drain') queueLength.noteNeedDrain(this);
      // @ts-ignore
      else if (RAW_EVENTS.has(event)) release(this);
      // @ts-ignore
      return base[name].call(this, event, listener);
    };

  return {
    _read() {},
    addListener: listening('addListener'),
    on: listening('on'),
    prependListener: listening('prependListener'),
    /** @this {any} @param {any[]} event */
    removeAllListeners(...event) {
      // Somebody takes the raw bytes over: from us, and for himself.
      if (event[0] === undefined || event[0] === 'data') release(this);
      // eslint-disable-next-line no-restricted-syntax -- the caller's arguments
      return base.removeAllListeners.call(this, ...event);
    },
    /** @this {any} @param {any} chunk @param {BufferEncoding} [encoding] */
    push(chunk, encoding) {
      if (chunk !== null) release(this);
      return base.push.call(this, chunk, encoding);
    },
    /** @this {any} @param {any} chunk @param {BufferEncoding} [encoding] */
    unshift(chunk, encoding) {
      release(this);
      return base.unshift.call(this, chunk, encoding);
    },
    /** @this {any} */
    pause() {
      this[kConnection].pause();
      return base.pause.call(this);
    },
    /** @this {any} */
    resume() {
      this[kConnection].resume();
      return base.resume.call(this);
    },
    /** @this {any} @param {BufferEncoding} encoding */
    setEncoding(encoding) {
      release(this);
      return base.setEncoding.call(this, encoding);
    }
  };
}

/**
 * Writing: behind the frames that are queued, never inside one. Nothing waits
 * in Node's own queue, where frames that are sent later would overtake it.
 *
 * @param {any} base
 * @returns {Record<string, Function>}
 */
function writeMethods(base) {
  return {
    /**
     * @this {any}
     * @param {any} chunk
     * @param {any} [encoding]
     * @param {any} [callback]
     * @returns {boolean} Whether the writer may go on
     */
    write(chunk, encoding, callback) {
      const writable =
        (typeof chunk === 'string' || ArrayBuffer.isView(chunk)) &&
        !this.writableEnded &&
        !this.destroyed;

      // An error, which Node's words say best.
      if (!writable) return base.write.call(this, chunk, encoding, callback);

      if (typeof encoding === 'function') {
        callback = encoding;
        encoding = undefined;
      }

      return writeRaw(
        this,
        toBuffer(chunk, encoding || this._writableState.defaultEncoding),
        typeof callback === 'function' ? bindCallback(callback) : undefined
      );
    },
    /**
     * @this {any}
     * @param {Buffer | string} chunk
     * @param {BufferEncoding} encoding
     * @param {import('./connection.js').Ack} callback
     */
    _write(chunk, encoding, callback) {
      this[kConnection].sendRaw(
        toBuffer(chunk, encoding),
        bindCallback(callback)
      );
    },
    /**
     * @this {any}
     * @param {Array<{ chunk: Buffer | string, encoding: BufferEncoding }>}
     *   chunks
     * @param {import('./connection.js').Ack} callback
     */
    _writev(chunks, callback) {
      const all = chunks.map(({ chunk, encoding }) =>
        toBuffer(chunk, encoding)
      );

      this[kConnection].sendRaw(Buffer.concat(all), bindCallback(callback));
    },
    /** @this {any} @param {any[]} rest What is written before the end */
    end(...rest) {
      this[kConnection].ended = true;
      // eslint-disable-next-line no-restricted-syntax -- the caller's arguments
      return queueLength.ending(this, () => base.end.call(this, ...rest));
    },
    /** @this {any} @param {import('./connection.js').Ack} callback */
    _final(callback) {
      this[kConnection].shutdown(bindCallback(callback));
    },
    /** @this {any} */
    cork() {
      const connection = this[kConnection];

      // What was sent before is not held back.
      if (this.writableCorked === 0) connection.flush();
      base.cork.call(this);
      connection.settle(engine.cork(connection.id, true));
    },
    /** @this {any} */
    uncork() {
      const connection = this[kConnection];

      base.uncork.call(this);
      if (this.writableCorked === 0) {
        connection.settle(engine.cork(connection.id, false));
      }
    }
  };
}

/**
 * @param {any} socket
 * @param {Buffer} bytes
 * @param {import('./connection.js').Ack | undefined} callback
 * @returns {boolean} Whether the writer may go on
 */
function writeRaw(socket, bytes, callback) {
  const connection = socket[kConnection];

  connection.sendRaw(bytes, callback);
  // Nothing is a write, too, but nothing that the engine would notice.
  if (bytes.length === 0) engine.touch(connection.id);

  const length = socket.writableLength;
  const free = length === 0 || length < socket.writableHighWaterMark;

  if (!free) connection.watch(true);
  return free;
}

/**
 * @param {any} chunk
 * @param {BufferEncoding} [encoding]
 * @returns {Buffer}
 */
function toBuffer(chunk, encoding) {
  if (typeof chunk === 'string') return Buffer.from(chunk, encoding);
  if (Buffer.isBuffer(chunk)) return chunk;
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/**
 * The end, and what the event loop lives for.
 *
 * @param {any} base
 * @returns {Record<string, Function>}
 */
function lifeMethods(base) {
  return {
    /**
     * @this {any}
     * @param {Error | null} error
     * @param {(error?: Error | null) => void} callback
     */
    _destroy(error, callback) {
      this[kConnection].detach();
      base._destroy.call(this, error, callback);
    },
    /** @this {any} */
    ref() {
      this[kConnection].ref();
      return base.ref.call(this);
    },
    /** @this {any} */
    resetAndDestroy() {
      this[kConnection].detach();
      return base.resetAndDestroy.call(this);
    },
    /** @this {any} */
    unref() {
      this[kConnection].unref();
      return base.unref.call(this);
    }
  };
}

/**
 * The numbers that only the engine knows.
 *
 * @param {any} base
 * @returns {PropertyDescriptorMap}
 */
function counters(base) {
  /**
   * @param {string} name
   * @param {(connection: import('./connection.js').Connection, own: any) => any}
   *   combine
   * @returns {PropertyDescriptor}
   */
  const counter = (name, combine) => ({
    configurable: true,
    /** @this {any} */
    get() {
      return combine(this[kConnection], Reflect.get(base, name, this));
    }
  });

  return {
    bytesRead: counter(
      'bytesRead',
      (connection, own) =>
        (own || 0) +
        (connection.closed
          ? connection.bytesRead
          : engine.received(connection.id))
    ),
    bytesWritten: counter(
      'bytesWritten',
      (connection, own) =>
        (own || 0) +
        (connection.closed
          ? connection.bytesWritten
          : engine.sent(connection.id))
    ),
    writableNeedDrain: {
      configurable: true,
      /** @this {any} */
      get() {
        queueLength.noteNeedDrain(this, true);
        return Reflect.get(base, 'writableNeedDrain', this);
      }
    }
  };
}

module.exports = { adopt, begin, lend, release };
