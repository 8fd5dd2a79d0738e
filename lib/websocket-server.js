// @ts-check
'use strict';

// The WebSocketServer: its own or a given HTTP server, whom it lets in, and
// who is connected. Options are read when they are used and public methods
// call each other through `this`, since programs assign and wrap both.

const EventEmitter = require('events');
const http = require('http');

const WebSocket = require('./websocket.js');
const {
  extensionName: EXTENSION_NAME
} = require('./compat/permessage-deflate.js');
const {
  CLOSE_TIMEOUT,
  CONNECTION_DEFAULTS,
  kWebSocket
} = require('./constants.js');
const extension = require('./handshake/extension.js');
const {
  listenNatively,
  passOn,
  serverOf
} = require('./listener/native-listener.js');
const {
  acceptanceLines,
  checkRequest,
  clientInfo,
  negotiateExtensions,
  readProtocols,
  refuse
} = require('./handshake/server.js');
const { Visitor, destroyThis } = require('./listener/pending-upgrade.js');
const { attachVisitor } = require('./connection/attach.js');

const RUNNING = 0;
const CLOSING = 1;
const CLOSED = 2;

/**
 * @extends EventEmitter
 */
class WebSocketServer extends EventEmitter {
  /**
   * Makes a server. Exactly one of `port`, `server` and `noServer` must be
   * given.
   *
   * @param {object} options
   * @param {boolean} [options.allowSynchronousEvents=true] Whether several
   *     events of one WebSocket may be emitted in one turn of the event loop
   * @param {boolean} [options.autoPong=true] Answer pings
   * @param {number} [options.backlog] The length of the queue of connections
   *     not accepted yet
   * @param {boolean} [options.clientTracking=true] Keep `clients`
   * @param {number} [options.closeTimeout=30000] Milliseconds that a closing
   *     handshake may take
   * @param {Function} [options.handleProtocols] Chooses the subprotocol
   * @param {string} [options.host] The address to listen on
   * @param {number} [options.maxBufferedChunks=262144] The most chunks that an
   *     incomplete frame may come in
   * @param {number} [options.maxFragments=16384] The most frames of a message
   * @param {number} [options.maxPayload=104857600] The most bytes of a message
   * @param {number} [options.maxPendingAutoPongs=60] The most automatic pongs
   *     not written yet
   * @param {boolean} [options.noServer=false] Leave the requests to the user
   * @param {string} [options.path] Let in requests for this path only
   * @param {boolean | object} [options.perMessageDeflate=false] Offer
   *     permessage-deflate
   * @param {number} [options.port] The port to listen on
   * @param {http.Server | import('https').Server} [options.server] A server to
   *     take the requests of
   * @param {boolean} [options.skipUTF8Validation=false] Take text as it comes
   * @param {Function} [options.verifyClient] Rejects requests
   * @param {Function} [options.WebSocket=WebSocket] The class of the
   *     connections
   * @param {() => void} [callback] Added as a listener of the own server's
   *     'listening'
   */
  constructor(options, callback) {
    super();

    /** @type {any} */
    const settings = {
      ...CONNECTION_DEFAULTS,
      perMessageDeflate: false,
      handleProtocols: null,
      clientTracking: true,
      closeTimeout: CLOSE_TIMEOUT,
      verifyClient: null,
      noServer: false,
      backlog: null,
      server: null,
      host: null,
      path: null,
      port: null,
      WebSocket,
      ...options
    };
    const { port, server, noServer } = settings;

    if (Number(port != null) + Number(!!server) + Number(!!noServer) !== 1) {
      throw new TypeError(
        'One and only one of the "port", "server", or "noServer" options ' +
          'must be specified'
      );
    }

    const emitConnection = this.emit.bind(this, 'connection');
    const own = port != null ? http.createServer(requireUpgrade) : server;

    if (own) this._server = own;

    if (port != null) {
      own.listen(port, settings.host, settings.backlog, callback);
      listenNatively(this, own, settings.backlog, (request, visitor, head) =>
        decide(this, request, visitor, head, emitConnection)
      );
    }

    if (own) {
      this._removeListeners = addListeners(own, {
        listening: this.emit.bind(this, 'listening'),
        error: this.emit.bind(this, 'error'),
        upgrade: (
          /** @type {any} */ request,
          /** @type {any} */ socket,
          /** @type {Buffer} */ head
        ) => {
          this.handleUpgrade(request, socket, head, emitConnection);
        }
      });
    }

    if (settings.perMessageDeflate === true) settings.perMessageDeflate = {};

    if (settings.clientTracking) {
      /** @type {Set<any>} */
      this.clients = new Set();
      this._shouldEmitClose = false;
    }

    this.options = settings;
    this._state = RUNNING;
  }

  /**
   * The address that the HTTP server listens on.
   *
   * @returns {import('net').AddressInfo | string | null} As that server gives
   *     it, `null` once closed
   */
  address() {
    if (this.options.noServer) {
      throw new Error('The server is operating in "noServer" mode');
    }

    const server = serverOf(this);

    return server ? server.address() : null;
  }

  /**
   * Lets nobody in any more. The connections stay, and so does a server that
   * was given.
   *
   * @param {(error?: Error) => void} [cb] Called at 'close', with an error if
   *     the server was closed already
   */
  close(cb) {
    if (this._state === CLOSED) {
      if (cb) {
        this.once('close', () => cb(new Error('The server is not running')));
      }

      process.nextTick(emitClose, this);
      return;
    }

    if (cb) this.once('close', cb);
    if (this._state === CLOSING) return;

    this._state = CLOSING;

    const { noServer, server: isForeign } = this.options;
    const server = serverOf(this);

    if (server) {
      /** @type {() => void} */ (this._removeListeners)();
      // Requests that are under way are answered as Node does without us.
      passOn(this);
      this._removeListeners = this._server = /** @type {any} */ (null);
    }

    if (!noServer && !isForeign) {
      // A connection counts for its HTTP server until its socket is closed.
      server.close(() => emitClose(this));
    } else if (this.clients && this.clients.size > 0) {
      this._shouldEmitClose = true;
    } else {
      process.nextTick(emitClose, this);
    }
  }

  /**
   * Tells whether a request is meant for this server; made to be overridden.
   *
   * @param {any} req The request
   * @returns {boolean | Promise<boolean>}
   */
  shouldHandle(req) {
    const { path } = this.options;

    if (!path) return true;

    const query = req.url.indexOf('?');

    return (query === -1 ? req.url : req.url.slice(0, query)) === path;
  }

  /**
   * Handles a request for an upgrade.
   *
   * @param {any} req The request
   * @param {any} socket Its stream
   * @param {Buffer} head What has been read behind the request
   * @param {(websocket: any, request: any) => void} cb Called with the
   *     WebSocket
   */
  handleUpgrade(req, socket, head, cb) {
    socket.on('error', destroyThis);

    const flaw = checkRequest(req);

    if (flaw) {
      refuseClient(this, req, socket, flaw);
      return;
    }

    if (!this.shouldHandle(req)) {
      refuse(socket, { code: 400 });
      return;
    }

    const protocols = readProtocols(req);

    if (!protocols) {
      refuseClient(this, req, socket, {
        code: 400,
        message: 'Invalid Sec-WebSocket-Protocol header'
      });
      return;
    }

    const extensions = negotiateExtensions(req, this.options);

    if (!extensions) {
      refuseClient(this, req, socket, {
        code: 400,
        message: 'Invalid or unacceptable Sec-WebSocket-Extensions header'
      });
      return;
    }

    const complete = () => {
      this.completeUpgrade(
        extensions,
        req.headers['sec-websocket-key'],
        protocols,
        req,
        socket,
        head,
        cb
      );
    };

    verify(this, req, socket, complete);
  }

  /**
   * Accepts a request that has been found good, unless its client or this
   * server is gone meanwhile.
   *
   * @param {{ [name: string]: any }} extensions The accepted extensions
   * @param {string} key The key of the request
   * @param {Set<string>} protocols The subprotocols that the client asks for
   * @param {any} req The request
   * @param {any} socket Its stream
   * @param {Buffer} head What has been read behind the request
   * @param {(websocket: any, request: any) => void} cb Called with the
   *     WebSocket
   * @throws {Error} When the stream is in use by a WebSocket already
   */
  completeUpgrade(extensions, key, protocols, req, socket, head, cb) {
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }

    if (socket[kWebSocket]) {
      throw new Error(
        'server.handleUpgrade() was called more than once with the same ' +
          'socket, possibly due to a misconfiguration'
      );
    }

    complete(this, extensions, key, protocols, req, socket, head, cb);
  }
}

const { completeUpgrade, handleUpgrade, shouldHandle } =
  WebSocketServer.prototype;
const { setSocket } = WebSocket.prototype;

/**
 * As `handleUpgrade`, for a request of which nobody has needed the socket so
 * far. What is refused before any code of the user's has run, and what that code
 * has taken into its own hands, is left to Node.
 *
 * @param {WebSocketServer} server The server
 * @param {any} req The request
 * @param {Visitor} visitor Who has sent it
 * @param {Buffer} head What has been read behind the request
 * @param {(websocket: any, request: any) => void} cb Called with the WebSocket
 * @returns {boolean} Whether there has been a decision
 */
function decide(server, req, visitor, head, cb) {
  const { options } = server;

  if (
    server.handleUpgrade !== handleUpgrade ||
    server.completeUpgrade !== completeUpgrade ||
    options.verifyClient?.length === 2 ||
    (visitor.key === '' && checkRequest(req))
  ) {
    return false;
  }

  // The request's own headers are made when somebody looks at them.
  const key = visitor.key || req.headers['sec-websocket-key'];
  const protocols = visitor.wantsProtocols ? readProtocols(req) : null;
  const extensions =
    visitor.offersExtensions && options.perMessageDeflate
      ? negotiateExtensions(req, options)
      : null;

  if (protocols === undefined || extensions === undefined) return false;

  if (!server.shouldHandle(req)) {
    if (server.shouldHandle === shouldHandle) return false;
    refuse(visitor.socket, { code: 400 });
    return true;
  }

  verify(server, req, visitor, () => {
    if (isVisitor(visitor)) {
      complete(server, extensions, key, protocols, req, visitor, head, cb);
    } else {
      server.completeUpgrade(
        extensions ?? {},
        key,
        protocols ?? new Set(),
        req,
        visitor.socket,
        head,
        cb
      );
    }
  });
  return true;
}

/**
 * Asks the user, if he wants to be asked.
 *
 * @param {WebSocketServer} server The server
 * @param {any} req The request
 * @param {any} carrier Its stream, or its visitor
 * @param {() => void} complete Called when it is to be accepted
 */
function verify(server, req, carrier, complete) {
  const { options } = server;

  if (!options.verifyClient) {
    complete();
  } else if (options.verifyClient.length === 2) {
    const socket = streamOf(carrier);

    options.verifyClient(
      clientInfo(req),
      (
        /** @type {boolean} */ isVerified,
        /** @type {number} */ code,
        /** @type {string} */ message,
        /** @type {object} */ headers
      ) => {
        if (isVerified) complete();
        else refuse(socket, { code: code || 401, message, headers });
      }
    );
  } else if (options.verifyClient(clientInfo(req, known(carrier)))) {
    complete();
  } else {
    refuse(streamOf(carrier), { code: 401 });
  }
}

/**
 * @param {any} carrier A stream, or a visitor
 * @returns {any} What is known of the security of a connection without a socket
 */
function known(carrier) {
  return isVisitor(carrier) ? carrier : undefined;
}

/**
 * The part of `completeUpgrade` that needs no socket, until it is asked for.
 *
 * @param {WebSocketServer} server The server
 * @param {{ [name: string]: any } | null} extensions The accepted extensions
 * @param {string} key The key of the request
 * @param {Set<string> | null} protocols The subprotocols that the client asks for
 * @param {any} req The request
 * @param {any} carrier Its stream, or its visitor
 * @param {Buffer} head What has been read behind the request
 * @param {(websocket: any, request: any) => void} cb Called with the WebSocket
 */
function complete(server, extensions, key, protocols, req, carrier, head, cb) {
  const { options } = server;

  if (server._state > RUNNING) {
    refuse(streamOf(carrier), { code: 503 });
    return;
  }

  const headers = acceptanceLines(key);
  const ws = new options.WebSocket(null, undefined, options);

  if (protocols !== null && protocols.size > 0) {
    const protocol = options.handleProtocols
      ? options.handleProtocols(protocols, req)
      : protocols.values().next().value;

    if (protocol) {
      headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
      ws._protocol = protocol;
    }
  }

  // What else an overridden method may pass has no answer.
  const deflate = extensions === null ? undefined : extensions[EXTENSION_NAME];

  if (deflate) {
    const value = extension.format({ [EXTENSION_NAME]: [deflate.params] });

    headers.push(`Sec-WebSocket-Extensions: ${value}`);
    ws._extensions = extensions;
  }

  server.emit('headers', headers, req);

  const answer = [...headers, '\r\n'].join('\r\n');

  if (isVisitor(carrier) && ws.setSocket === setSocket) {
    attachVisitor(ws, carrier, answer, head, options);
  } else {
    const socket = streamOf(carrier);

    socket.write(answer);
    socket.removeListener('error', destroyThis);
    ws.setSocket(socket, head, {
      allowSynchronousEvents: options.allowSynchronousEvents,
      maxBufferedChunks: options.maxBufferedChunks,
      maxFragments: options.maxFragments,
      maxPayload: options.maxPayload,
      skipUTF8Validation: options.skipUTF8Validation
    });
  }

  if (server.clients) track(server, ws);

  cb(ws, req);
}

/**
 * @param {any} carrier A stream, or a visitor
 * @returns {boolean} Whether it is a visitor whose socket nobody has asked for
 */
function isVisitor(carrier) {
  return carrier instanceof Visitor && carrier.early === null;
}

/**
 * @param {any} carrier A stream, or a visitor
 * @returns {any} The stream
 */
function streamOf(carrier) {
  return carrier instanceof Visitor ? carrier.socket : carrier;
}

/**
 * Answers a plain request on the server's own port.
 *
 * @param {http.IncomingMessage} _request The request
 * @param {http.ServerResponse} response Its response
 */
function requireUpgrade(_request, response) {
  const body = /** @type {string} */ (http.STATUS_CODES[426]);

  response.writeHead(426, {
    'Content-Length': body.length,
    'Content-Type': 'text/plain'
  });
  response.end(body);
}

/**
 * @param {EventEmitter} server The HTTP server to listen to
 * @param {{ [event: string]: (...args: any[]) => void }} listeners Its
 *     listeners by event
 * @returns {() => void} Removes them
 */
function addListeners(server, listeners) {
  for (const event of Object.keys(listeners)) {
    server.on(event, listeners[event]);
  }

  return function removeListeners() {
    for (const event of Object.keys(listeners)) {
      server.removeListener(event, listeners[event]);
    }
  };
}

/**
 * What the connections of a server have listen to their 'close'.
 *
 * @type {WeakMap<WebSocketServer, (this: any) => void>}
 */
const departures = new WeakMap();

/**
 * Keeps a connection among the clients for as long as it lasts.
 *
 * @param {WebSocketServer & { clients: Set<any> }} server The server
 * @param {any} ws The WebSocket
 */
function track(server, ws) {
  let onClose = departures.get(server);

  if (onClose === undefined) {
    onClose = function onClientClose() {
      // A set that a user has put in the place of the former counts.
      server.clients.delete(this);

      if (server._shouldEmitClose && server.clients.size === 0) {
        process.nextTick(emitClose, server);
      }
    };
    departures.set(server, onClose);
  }

  server.clients.add(ws);
  ws.on('close', onClose);
}

/**
 * @param {WebSocketServer} server The server that is closed now
 */
function emitClose(server) {
  server._state = CLOSED;
  server.emit('close');
}

/**
 * Refuses a request that is not a proper opening handshake, or hands it to the
 * user who wants to.
 *
 * @param {WebSocketServer} server The server
 * @param {any} request The request
 * @param {any} socket Its stream
 * @param {import('./handshake/server.js').Refusal} refusal The answer
 */
function refuseClient(server, request, socket, refusal) {
  if (server.listenerCount('wsClientError') === 0) {
    refuse(socket, refusal);
    return;
  }

  const error = new Error(refusal.message);

  Error.captureStackTrace(error, refuseClient);
  server.emit('wsClientError', error, socket, request);
}

module.exports = WebSocketServer;
