// @ts-check
'use strict';

/**
 * The engine accepts the connections of a `WebSocketServer` with a port of its
 * own, and reads their requests.
 *
 * There is a real `http.Server`, which Node has made to listen: so errors, names
 * and addresses are Node's. Then the engine gets the listening socket, and the
 * server keeps a stand-in for its handle. What is no plain request for an
 * upgrade, and everything from the moment somebody asks for that server, is
 * handed to it as its own handle would have done, with the bytes that were read.
 */

const cluster = /** @type {any} */ (require('cluster'));
const { channel } = require('diagnostics_channel');
const EventEmitter = require('events');
const http = require('http');
const net = require('net');

const binding = require('./binding.js');
const { EMPTY_BUFFER } = require('./constants.js');
const upgradeRequest = require('./upgrade-request.js');
const { Visitor, makeSocket } = require('./visitor.js');

const { KIND, engine } = binding;
const { emit } = EventEmitter.prototype;

// Kept, so that a test's fake timers do not stop the input.
const { nextTick } = process;

/** Somebody who wants to see each socket. */
const socketChannel = channel('net.server.socket');

/** Heads from this size on are Node's, who counts a little less than all. */
const MAX_HEAD = 16 * 1024;

const isSupported =
  (process.platform === 'linux' || process.platform === 'darwin') &&
  process.env.WS_NATIVE_LISTENER !== '0' &&
  upgradeRequest.isSupported;

/** Where a WebSocketServer has its listener, until somebody asks. */
const kListener = Symbol('listener');

/**
 * Takes the requests of a server over, once that listens.
 *
 * @param {any} wss The WebSocketServer
 * @param {any} server Its http server, about to listen
 * @param {Decide} decide
 */
function listenNatively(wss, server, decide) {
  // The handles of a cluster's worker are the primary's.
  if (!isSupported || cluster.isWorker) return;

  const listener = new NativeListener(server, decide);

  Object.defineProperty(wss, kListener, {
    configurable: true,
    value: listener,
    writable: true
  });
  server.prependOnceListener('listening', listener.start);

  // Whoever asks for the server has it, and it has everything. (Not by `this`,
  // which may be a Proxy.)
  Object.defineProperty(wss, '_server', {
    configurable: true,
    enumerable: true,
    get() {
      passOn(wss);
      return server;
    },
    set(value) {
      wss[kListener] = null;
      Object.defineProperty(wss, '_server', {
        configurable: true,
        enumerable: true,
        value,
        writable: true
      });
    }
  });
}

/**
 * The http server of a WebSocketServer, which goes on without its requests.
 *
 * @param {any} wss
 * @returns {any}
 */
function serverOf(wss) {
  return wss[kListener] ? wss[kListener].server : wss._server;
}

/**
 * Gives the requests of a WebSocketServer to its http server, from now on.
 *
 * @param {any} wss
 */
function passOn(wss) {
  const listener = wss[kListener];

  if (listener) {
    wss._server = listener.server;
    listener.passOn();
  }
}

/**
 * @callback Decide
 * @param {any} request
 * @param {import('./visitor.js').Visitor} visitor
 * @param {Buffer} head What came behind the request
 * @returns {boolean} Whether that was possible without asking anybody; if not,
 *   it is up to Node
 */

class NativeListener {
  /**
   * @param {any} server
   * @param {Decide} decide
   */
  constructor(server, decide) {
    this.server = server;
    this.decide = decide;
    this.id = -1;
    /** As a connection's. */
    this.scope = null;
    /** Everything is Node's from now on. */
    this.passing = false;
    /** Whom the server is deciding about. */
    this.current = /** @type {Visitor | null} */ (null);
    this.referenced = false;
    /** Node's own function that takes a connection in. */
    this.onconnection = /** @type {any} */ (null);
    /** What the server listened to when it began. */
    this.listeners = /** @type {any} */ (null);
    this.start = this.start.bind(this);
  }

  /** The server listens: puts the stand-in in the place of its handle. */
  start() {
    const { server } = this;
    const handle = server._handle;

    if (
      this.passing ||
      handle?.constructor?.name !== 'TCP' ||
      !(handle.fd >= 0) ||
      typeof handle.onconnection !== 'function'
    ) {
      this.passing = true;
      return;
    }

    try {
      this.id = engine.listen(
        handle.fd,
        Math.min(http.maxHeaderSize, MAX_HEAD)
      );
    } catch {
      // No thread, or no descriptor: Node goes on with what it has.
      this.passing = true;
      return;
    }

    this.onconnection = handle.onconnection;
    this.listeners = { ...server._events };
    server._handle = this.standIn(handle);
    handle.close();
    binding.register(/** @type {any} */ (this));
    this.ref();
  }

  /**
   * @param {any} handle The server's own handle
   * @returns {object} What the server may have in its place
   */
  standIn(handle) {
    const name = {};
    const error = handle.getsockname(name);
    const standIn = {
      close: () => this.close(),
      getAsyncId: () => handle.getAsyncId(),
      getsockname(/** @type {object} */ out) {
        Object.assign(out, name);
        return error;
      },
      hasRef: () => this.referenced,
      ref: () => this.ref(),
      unref: () => this.unref()
    };

    // By one of these Node finds the server of a handle.
    for (const key of Object.getOwnPropertySymbols(handle)) {
      Object.assign(standIn, { [key]: handle[key] });
    }

    return standIn;
  }

  ref() {
    if (this.referenced || this.id < 0) return;
    this.referenced = true;
    binding.hold();
  }

  unref() {
    if (!this.referenced) return;
    this.referenced = false;
    binding.unhold();
  }

  /** Somebody wants the http server: it gets everything from now on. */
  passOn() {
    if (this.passing) return;
    this.passing = true;

    if (this.id < 0) {
      this.server.removeListener('listening', this.start);
      return;
    }

    for (const number of engine.passOn(this.id)) {
      // One that is being decided about has its socket from now on.
      if (this.current !== null && this.current.number === number) {
        this.current.show();
      } else {
        this.handOver(number);
      }
    }
  }

  close() {
    if (this.id < 0) return;
    engine.unlisten(this.id);
    binding.unregister(/** @type {any} */ (this));
    this.unref();
    this.id = -1;
  }

  /** Whether nobody wants to see more than what is shown without a socket. */
  isPlain() {
    const { _events, emit: own } = this.server;

    return (
      !this.passing &&
      own === emit &&
      _events.connection === this.listeners.connection &&
      _events.upgrade === this.listeners.upgrade &&
      !socketChannel.hasSubscribers
    );
  }

  /**
   * A record of the engine's.
   *
   * @param {number} word
   * @param {number} _parameter
   * @param {Buffer} payload
   */
  take(word, _parameter, payload) {
    const scope = binding.makeScope(false);

    if ((word & 0xff) === KIND.ARRIVAL && this.isPlain()) {
      scope.runInAsyncScope(this.receive, this, payload);
    } else {
      scope.runInAsyncScope(this.handOver, this, payload.readUInt32LE(0));
    }
  }

  /**
   * @param {Buffer} payload A request
   */
  receive(payload) {
    const end = 8 + payload.readUInt32LE(4);
    const text = payload.toString('latin1', 8, end);
    const head =
      end < payload.length ? Buffer.from(payload.subarray(end)) : EMPTY_BUFFER;
    const visitor = new Visitor(this, payload.readUInt32LE(0));
    const request = new upgradeRequest.UpgradeRequest(
      visitor,
      text.split('\0')
    );

    this.current = visitor;
    try {
      if (!this.decide(request, visitor, head)) {
        this.handOver(visitor.number);
      }
    } catch (error) {
      // As with Node, whoever asked is left without an answer.
      if (visitor.connection === null) visitor.show().read(0);
      throw error;
    } finally {
      this.current = null;
    }
  }

  /**
   * Takes a visitor from the engine whose request has been read.
   *
   * @param {number} number
   * @returns {any} Its socket, as after an upgrade
   */
  takeOut(number) {
    const parts = engine.takeVisitor(this.id, number);
    const socket = makeSocket(this.server, parts ? parts.descriptor : -1);

    if (parts) countAlso(socket._handle, parts.bytes.length);
    return socket;
  }

  /**
   * Gives a visitor to the http server, as if it had just been accepted.
   *
   * @param {number} number
   */
  handOver(number) {
    const parts = this.id < 0 ? null : engine.takeVisitor(this.id, number);

    if (parts === null) return;

    const { bytes, descriptor } = parts;
    const _handle = handleOf(descriptor);
    const standIn = this.server._handle;
    const owner = Object.getOwnPropertySymbols(standIn).find(
      (key) => standIn[key] === this.server
    );

    if (bytes.length > 0) countAlso(_handle, bytes.length);
    this.onconnection.call(standIn, 0, _handle);

    const socket = owner && _handle[owner];

    // Not before a tick, as it would have taken to be read; but before more is.
    if (bytes.length > 0) nextTick(replay, socket, bytes);
  }
}

/**
 * @param {number} fd
 * @returns {any} A handle of Node's
 */
function handleOf(fd) {
  const options = { fd, manualStart: true, readable: false, writable: false };
  const holder = /** @type {any} */ (new net.Socket(options));
  const handle = holder._handle;

  holder._handle = null;
  return handle;
}

/**
 * @param {any} socket
 * @param {Buffer} bytes What had been read
 */
function replay(socket, bytes) {
  if (socket && !socket.destroyed) socket.push(bytes);
}

/**
 * Has a handle count bytes that were read before it was made.
 *
 * @param {any} handle
 * @param {number} before
 */
function countAlso(handle, before) {
  const prototype = Object.getPrototypeOf(handle);

  Object.defineProperty(handle, 'bytesRead', {
    configurable: true,
    enumerable: true,
    get: () => Reflect.get(prototype, 'bytesRead', handle) + before
  });
}

module.exports = { listenNatively, passOn, serverOf };
