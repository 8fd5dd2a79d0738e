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

const { makeScope, runIn, storesLast } = require('../engine/async-scope.js');
const binding = require('../engine/engine.js');
const { DIGEST, KIND } = require('../engine/wire.js');
const { FastBuffer } = require('../engine/slab.js');
const upgradeRequest = require('./upgrade-request.js');
const { Visitor, makeSocket } = require('./pending-upgrade.js');

const { engine } = binding;
const { emit } = EventEmitter.prototype;

// Kept, so that a test's fake timers do not stop the input.
const { nextTick } = process;

/** Somebody who wants to see each socket. */
const socketChannel = channel('net.server.socket');

/** The length of a key. */
const KEY_LENGTH = 24;

/** Heads from this size on are Node's, who counts a little less than all. */
const MAX_HEAD = 16 * 1024;

let supported = /** @type {boolean | undefined} */ (undefined);

/**
 * @returns {boolean} Whether servers may be served here, which an environment
 *   variable may deny; the handles of a cluster's worker are the primary's
 */
function isSupported() {
  supported ??=
    (process.platform === 'linux' || process.platform === 'darwin') &&
    process.env.WS_NATIVE_LISTENER !== '0' &&
    !cluster.isWorker &&
    upgradeRequest.isSupported();

  return supported;
}

/** Where a WebSocketServer has its listener, until somebody asks. */
const kListener = Symbol('listener');

/**
 * Takes the requests of a server over, once that listens.
 *
 * @param {any} wss The WebSocketServer
 * @param {any} server Its http server, about to listen
 * @param {number | undefined} backlog As it was told to
 * @param {Decide} decide
 */
function listenNatively(wss, server, backlog, decide) {
  if (!isSupported()) return;

  const listener = new NativeListener(server, backlog, decide);

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
    listener.retire();
  }
}

/**
 * @callback Decide
 * @param {any} request
 * @param {import('./pending-upgrade.js').Visitor} visitor
 * @param {Buffer} head What came behind the request
 * @returns {boolean} Whether that was possible without asking anybody; if not,
 *   it is up to Node
 */

class NativeListener {
  /**
   * @param {any} server
   * @param {number | undefined} backlog
   * @param {Decide} decide
   */
  constructor(server, backlog, decide) {
    this.server = server;
    this.backlog = backlog;
    this.decide = decide;
    this.id = -1;
    /** As a connection's: it has one for each request, or one for all. */
    this.scope = null;
    /**
     * Requests see the store in which the server was made, as those of a handle
     * do, where stores do not last; and none where they do.
     */
    this.requestScope = storesLast ? null : makeScope(true);
    /** Everything is Node's from now on. */
    this.retired = false;
    /** Whom the server is deciding about. */
    this.current = /** @type {Visitor | null} */ (null);
    /** Node's own function that takes a connection in. */
    this.onconnection = /** @type {any} */ (null);
    /** The key by which a handle knows its server or socket. */
    this.owner = /** @type {any} */ (null);
    /** What the server was like when it began. */
    this.before = /** @type {any} */ (null);
    this.start = this.start.bind(this);
  }

  /** The server listens: puts a stand-in in the place of its handle. */
  start() {
    const { server } = this;
    const handle = server._handle;

    if (this.retired || !this.canTake(handle)) {
      this.retired = true;
      return;
    }

    try {
      this.id = engine.listen(
        handle.fd,
        Math.min(http.maxHeaderSize, MAX_HEAD)
      );
    } catch {
      // No thread, or no descriptor: Node goes on with what it has.
      this.retired = true;
      return;
    }

    const { connection, upgrade } = server._events;

    this.onconnection = handle.onconnection;
    this.before = { connection, maximum: server.maxConnections, upgrade };
    server._handle = this.standIn(handle);
    handle.close();
    binding.register(/** @type {any} */ (this));
    binding.hold();
  }

  /**
   * @param {any} handle A server's
   * @returns {boolean} Whether it is as it is known to be
   */
  canTake(handle) {
    this.owner = Object.getOwnPropertySymbols(handle ?? {}).find(
      (key) => handle[key] === this.server
    );

    return (
      this.owner !== undefined &&
      handle.constructor.name === 'TCP' &&
      handle.fd >= 0 &&
      typeof handle.onconnection === 'function'
    );
  }

  /**
   * @param {any} handle The server's own handle
   * @returns {object} What the server has in its place, as long as nobody does
   *   more than ask for its name
   */
  standIn(handle) {
    const name = {};
    const error = handle.getsockname(name);
    const real = () => {
      this.retire();
      return this.server._handle;
    };

    return {
      [this.owner]: this.server,
      // eslint-disable-next-line no-restricted-syntax -- the caller's arguments
      close: (/** @type {any[]} */ ...rest) => real().close(...rest),
      get fd() {
        return real().fd;
      },
      getAsyncId: () => handle.getAsyncId(),
      getsockname(/** @type {object} */ out) {
        Object.assign(out, name);
        return error;
      },
      hasRef: () => true,
      ref: () => real().ref(),
      unref: () => real().unref()
    };
  }

  /** Somebody wants the http server: it gets everything from now on. */
  retire() {
    if (this.retired) return;
    this.retired = true;

    if (this.id < 0) {
      this.server.removeListener('listening', this.start);
    } else if (this.requestScope === null) {
      this.giveUp();
    } else {
      // Node's handles keep the context in which they are made.
      this.requestScope.runInAsyncScope(this.giveUp, this);
    }
  }

  /** Hands the listening socket and everybody who waits to the http server. */
  giveUp() {
    const { descriptor, visitors } = engine.retire(this.id);

    this.giveBack(descriptor);

    for (const number of visitors) {
      // One that is being decided about has its socket from now on.
      if (this.current !== null && this.current.number === number) {
        this.current.show();
      } else {
        this.handOver(number);
      }
    }

    engine.unlisten(this.id);
    binding.unregister(/** @type {any} */ (this));
    binding.unhold();
    this.id = -1;
  }

  /**
   * Makes a handle of Node's once more.
   *
   * @param {number} fd The listening socket's
   */
  giveBack(fd) {
    const { backlog, server } = this;
    const maker = /** @type {any} */ (net.createServer());

    maker.on('error', () => {});
    maker.listen({ exclusive: true, fd }, backlog);

    const handle = maker._handle;

    // As good as never: then nobody is accepted any more.
    if (!handle) return;

    maker._handle = null;
    handle[this.owner] = server;
    handle.onconnection = this.onconnection;
    server._handle = handle;
  }

  /** Whether nobody wants to see more than what is shown without a socket. */
  isPlain() {
    const { before, server } = this;

    return (
      server.emit === emit &&
      server._events.connection === before.connection &&
      server._events.upgrade === before.upgrade &&
      server.maxConnections === before.maximum &&
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
    const scope = this.requestScope ?? makeScope(false);

    if (!this.isPlain()) {
      runIn(scope, this.retire, this);
    } else if ((word & 0xff) === KIND.Arrival) {
      runIn(scope, this.receive, this, word >>> 16, payload);
    } else {
      runIn(scope, this.handOver, this, payload.readUInt32LE(0));
    }
  }

  /**
   * @param {number} digest What is known of a request
   * @param {Buffer} payload It
   */
  receive(digest, payload) {
    const end = 8 + payload.readUInt32LE(4);
    const text = payload.toString('latin1', 8, end);
    const head = new FastBuffer(payload.subarray(end));
    const visitor = new Visitor(this, payload.readUInt32LE(0));
    const request = upgradeRequest.makeRequest(visitor, text.split('\0'));

    if (digest !== 0) {
      const at = digest & DIGEST.KEY;

      visitor.key = text.slice(at, at + KEY_LENGTH);
      visitor.offersExtensions = (digest & DIGEST.EXTENSIONS) !== 0;
      visitor.wantsProtocols = (digest & DIGEST.PROTOCOLS) !== 0;
    }

    // As the http server does when it emits.
    const { domain } = this.server;

    domain?.enter();
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
    // Behind an exception it is the domain that hears of it.
    domain?.exit();
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
    const handle = handleOf(descriptor);

    if (bytes.length > 0) countAlso(handle, bytes.length);
    this.onconnection.call(this.server._handle, 0, handle);

    if (bytes.length === 0) return;

    const socket = handle[this.owner];

    // The first byte at once: whoever closes idle connections now must find that a
    // request has begun. The rest not before a tick, as it would have taken to be
    // read, since nobody expects events meanwhile; but before more is read.
    replay(socket, bytes.subarray(0, 1));
    if (bytes.length > 1) nextTick(replay, socket, bytes.subarray(1));
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
