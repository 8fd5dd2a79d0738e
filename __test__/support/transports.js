'use strict';

// The transports of a WebSocket in either role: the module under test at one end,
// a RawPeer at the other.

const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const tls = require('node:tls');

const { hide } = require('./hidden-socket.js');
const { RawPeer } = require('./raw-peer.js');

const fixtures = path.join(path.dirname(__dirname), 'fixtures');
const credentials = {
  key: fs.readFileSync(path.join(fixtures, 'key.pem')),
  cert: fs.readFileSync(path.join(fixtures, 'certificate.pem'))
};

/**
 * The streams that handleUpgrade or the client's createConnection gets. A server
 * may also have its own `port`.
 */
const TRANSPORTS = ['tcp', 'unix', 'tls', 'duplex'];

let directory;
let sockets = 0;

/**
 * @param {string} transport One of TRANSPORTS
 * @return {object} Arguments for a server's `listen`
 */
function listenOptions(transport) {
  if (transport !== 'unix') return { host: '127.0.0.1', port: 0 };

  if (directory === undefined) {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ws-native-'));
    process.on('exit', () => {
      fs.rmSync(directory, { recursive: true, force: true });
    });
  }

  return { path: path.join(directory, String(sockets++)) };
}

/**
 * @param {net.Server} server A listening one
 * @return {string|number} Its path or port
 */
function addressOf(server) {
  const address = server.address();

  return typeof address === 'string' ? address : address.port;
}

/**
 * @param {string} transport One of TRANSPORTS
 * @param {string|number} address A path or a port
 * @param {{ allowHalfOpen?: boolean }} [more] Options of net.Socket
 * @return {net.Socket} A connection to it
 */
function dial(transport, address, more) {
  if (transport === 'unix') {
    return net.connect({ path: String(address), ...more });
  }

  const options = {
    host: '127.0.0.1',
    port: Number(address),
    // Without it, small writes would wait 40 ms for an acknowledgment.
    noDelay: true,
    ...more
  };

  return transport === 'tls'
    ? tls.connect({ ...options, ca: credentials.cert })
    : net.connect(options);
}

/**
 * Starts a server of the module under test.
 *
 * @param {any} WebSocket The module
 * @param {string} transport One of TRANSPORTS
 * @param {object} options Those of WebSocketServer
 * @param {(ws: any, request: http.IncomingMessage, socket: any) => void}
 *     onConnection Called for each connection
 * @return {Promise<{ address: string|number, server: http.Server, wss: any }>}
 *     The listening server
 */
async function serve(WebSocket, transport, options, onConnection) {
  if (transport === 'port') return serveAlone(WebSocket, options, onConnection);

  const server =
    transport === 'tls' ? https.createServer(credentials) : http.createServer();
  const wss = new WebSocket.WebSocketServer({ noServer: true, ...options });

  server.on('upgrade', (request, socket, head) => {
    const stream = transport === 'duplex' ? hide(socket) : socket;

    wss.handleUpgrade(request, stream, head, (ws) => {
      onConnection(ws, request, stream);
    });
  });
  server.listen(listenOptions(transport));
  await once(server, 'listening');

  return { address: addressOf(server), server, wss };
}

/**
 * As `serve`, with the option `port`. Does not access a socket, so that the
 * engine does not create one.
 *
 * @param {any} WebSocket The module
 * @param {object} options Those of WebSocketServer
 * @param {(ws: any, request: http.IncomingMessage, socket: any) => void}
 *     onConnection Called for each connection
 * @return {Promise<{ address: number, server: any, wss: any }>} The listening
 *     server
 */
async function serveAlone(WebSocket, options, onConnection) {
  const wss = new WebSocket.WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    ...options
  });

  wss.on('connection', (ws, request) => onConnection(ws, request, undefined));
  await once(wss, 'listening');

  return { address: wss.address().port, server: wss, wss };
}

/**
 * Makes a client of the module under test.
 *
 * @param {any} WebSocket The module
 * @param {string} transport One of TRANSPORTS
 * @param {string|number} address Where a raw server listens
 * @param {object} [options] Those of WebSocket
 * @return {any} The WebSocket, connecting
 */
function connect(WebSocket, transport, address, options) {
  const all = { perMessageDeflate: false, ...options };

  switch (transport) {
    case 'unix':
      return new WebSocket(`ws+unix:${address}`, all);
    case 'tls':
      return new WebSocket(`wss://localhost:${address}`, {
        ca: credentials.cert,
        host: '127.0.0.1',
        ...all
      });
    case 'duplex':
      return new WebSocket(`ws://127.0.0.1:${address}`, {
        createConnection: () => hide(dial(transport, address)),
        ...all
      });
    default:
      return new WebSocket(`ws://127.0.0.1:${address}`, all);
  }
}

/**
 * @param {string} transport One of TRANSPORTS
 * @param {string|number} address Where a server of the module listens
 * @param {{ allowHalfOpen?: boolean }} [options] Those of net.Socket
 * @return {RawPeer} A raw client, before its request
 */
function rawConnect(transport, address, options) {
  return new RawPeer(dial(transport, address, options), false);
}

/**
 * @param {string} transport One of TRANSPORTS
 * @param {{ allowHalfOpen?: boolean }} [options] Those of net.Server
 * @return {Promise<{ address: string|number, server: net.Server, accept: () =>
 *     Promise<RawPeer> }>} A raw server; `accept` returns its next connection,
 *     before its answer
 */
async function rawServe(transport, options) {
  const server =
    transport === 'tls'
      ? tls.createServer({ ...credentials, noDelay: true, ...options })
      : net.createServer({ noDelay: true, ...options });
  const peers = [];
  const waiting = [];

  server.on(
    transport === 'tls' ? 'secureConnection' : 'connection',
    (socket) => {
      const peer = new RawPeer(socket, true);

      if (waiting.length > 0) waiting.shift()(peer);
      else peers.push(peer);
    }
  );
  server.listen(listenOptions(transport));
  await once(server, 'listening');

  return {
    address: addressOf(server),
    server,
    accept: () =>
      new Promise((resolve) => {
        if (peers.length > 0) resolve(peers.shift());
        else waiting.push(resolve);
      })
  };
}

module.exports = { TRANSPORTS, connect, rawConnect, rawServe, serve };
