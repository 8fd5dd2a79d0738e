// @ts-check
'use strict';

/**
 * Connections that the engine has accepted, and their sockets. Nobody needs a
 * `net.Socket` for a WebSocket to work, so there is none until somebody looks:
 * at `ws._socket`, at `req.socket`, or because the connection ends.
 */

const net = require('net');

const acks = require('../connection/ack-queue.js');
const { lend } = require('../connection/adopted-socket.js');
const { admit, engine } = require('../engine/engine.js');
const { KIND } = require('../engine/wire.js');
const { Connection } = require('../connection/connection.js');
const { systemError } = require('../connection/socket-errors.js');

// Kept, so that a test's fake timers do not stop the end.
const { setImmediate } = globalThis;
const { nextTick } = process;

/** What Node's http server leaves on a socket that has been upgraded. */
const FORMER_HTTP_SOCKET = { _paused: false, parser: null };

/**
 * @this {any}
 */
function socketSetEncoding() {
  throw Object.assign(
    new Error(
      'Changing the socket encoding is not allowed per RFC7230 Section 3.'
    ),
    { code: 'ERR_HTTP_SOCKET_ENCODING' }
  );
}

/**
 * @param {any} server The http server that a socket counts for
 * @param {number} fd Its descriptor; -1 for none
 * @returns {any} A socket that looks as after an upgrade, and does not read
 */
function makeSocket(server, fd) {
  const options = {
    allowHalfOpen: true,
    manualStart: true,
    readable: true,
    writable: true
  };
  const socket = /** @type {any} */ (
    new net.Socket(fd < 0 ? options : { ...options, fd })
  );

  socket.server = socket._server = server;
  Object.assign(socket, FORMER_HTTP_SOCKET);
  socket.setEncoding = socketSetEncoding;
  socket.setNoDelay();

  return socket;
}

/**
 * @typedef {object} Listener Where a visitor came in
 * @property {number} id Its number in the engine
 * @property {any} server The http server that connections count for
 * @property {(number: number) => any} takeOut Makes a socket of a visitor
 */

/** A connection about which the server has not decided yet. */
class Visitor {
  /**
   * @param {Listener} listener
   * @param {number} number Its number there
   */
  constructor(listener, number) {
    this.listener = listener;
    this.number = number;
    /** What has become of it, once it has been let in. */
    this.connection = /** @type {VisitorConnection | null} */ (null);
    /** The socket, if somebody asked before. */
    this.early = /** @type {any} */ (null);
    /** The key, if the engine has found nothing wrong with the request. */
    this.key = '';
    /** There are headers of the request that say so, or may be. */
    this.offersExtensions = true;
    this.wantsProtocols = true;
    /** As a socket says it: there is no TLS here. */
    this.encrypted = false;
    this.authorized = false;
  }

  /** @returns {any} The socket, made if need be */
  get socket() {
    if (this.connection !== null) return this.connection.socket;

    return this.show();
  }

  /** @returns {any} The socket of somebody who has not been let in */
  show() {
    if (this.early === null) {
      this.early = this.listener.takeOut(this.number);
      this.early.on('error', destroyThis);
      this.listener.server._connections++;
    }

    return this.early;
  }

  /**
   * Lets the connection in.
   *
   * @param {any} ws
   * @param {import('../connection/connection.js').Handler} handler
   * @param {any} limits
   * @param {string} answer What the handshake ends with
   * @param {Buffer} head What came behind the request
   * @returns {VisitorConnection}
   */
  admit(ws, handler, limits, answer, head) {
    const { id, server } = this.listener;
    const connection = new VisitorConnection(
      server,
      ws,
      handler,
      admit(id, this.number, limits, answer, head),
      limits.deflate !== undefined
    );

    server._connections++;
    this.connection = connection;
    return connection;
  }
}

/**
 * What `handleUpgrade` has listen to a socket until the handshake is over.
 *
 * @this {import('stream').Duplex}
 */
function destroyThis() {
  this.destroy();
}

/**
 * @typedef {object} Life What a WebSocket has to know of a socket nobody sees
 * @property {(ws: any, socket: any) => void} introduce There is a socket now
 * @property {(ws: any) => void} failed As at the socket's 'error'
 * @property {(ws: any) => void} closed As at the socket's 'close'
 */

/**
 * That of all WebSockets.
 *
 * @type {Life}
 */
let life;

/**
 * @param {Life} known
 */
function setLife(known) {
  life = known;
}

/** A connection whose socket is made when somebody asks for it. */
class VisitorConnection extends Connection {
  /**
   * @param {any} server The http server that the connection counts for
   * @param {any} ws
   * @param {import('../connection/connection.js').Handler} handler
   * @param {number} id
   * @param {boolean} deflates Whether permessage-deflate is in use
   */
  constructor(server, ws, handler, id, deflates) {
    super(
      /** @type {any} */ (null),
      ws,
      handler,
      id,
      true,
      undefined,
      deflates
    );
    this.server = server;
  }

  // @ts-ignore A field of the base.
  get socket() {
    if (this.shown === null) this.show();
    return this.shown;
  }

  set socket(socket) {
    /** @type {any} */
    this.shown = socket;
  }

  /** Makes the socket, over the engine's connection. */
  show() {
    const { closed } = this;
    let fd = -1;

    try {
      if (!closed) fd = engine.lend(this.id);
    } catch {
      // No descriptor left: it has to do without addresses.
    }

    const socket = makeSocket(closed ? null : this.server, fd);

    this.shown = socket;
    lend(socket, this);

    if (closed) {
      socket.destroy();
    } else {
      socket.setTimeout(0);
      socket.resume();
      life.introduce(this.ws, socket);
    }
  }

  /**
   * A peer that is simply gone needs no socket to be told so.
   *
   * @param {number} word
   * @param {number} parameter
   * @param {Buffer} payload
   */
  dispatch(word, parameter, payload) {
    const kind = word & 0xff;

    if (
      this.shown !== null ||
      this.closed ||
      (kind !== KIND.ReadFailed && kind !== KIND.WriteFailed)
    ) {
      super.dispatch(word, parameter, payload);
      return;
    }

    if (kind === KIND.WriteFailed) {
      acks.fail(this, systemError(parameter, 'write'));
    } else if (this.acks.length > 0) {
      this.reason = systemError(parameter, 'read');
    }

    this.detach();
    this.server._connections--;
    this.server._emitCloseIfDrained();
    nextTick(life.failed, this.ws);
    // Node closes handles at the end of the turn.
    setImmediate(life.closed, this.ws);
  }
}

module.exports = { Visitor, destroyThis, makeSocket, setLife };
