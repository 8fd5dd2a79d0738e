// Every declaration of @types/ws, used once: each option, each event in each way
// of listening, each member. Compiled against both packages of types, never run.

import { Agent, ClientRequest, IncomingMessage, createServer } from 'http';
import { createConnection } from 'net';
import { Duplex } from 'stream';
import { constants } from 'zlib';
import WebSocket = require('ws');

// --- options --------------------------------------------------------------------

const deflate: Required<WebSocket.PerMessageDeflateOptions> = {
  clientMaxWindowBits: 10,
  clientNoContextTakeover: true,
  concurrencyLimit: 10,
  serverMaxWindowBits: 10,
  serverNoContextTakeover: false,
  threshold: 1024,
  zlibDeflateOptions: {
    chunkSize: 1024,
    dictionary: Buffer.alloc(1),
    finishFlush: constants.Z_SYNC_FLUSH,
    flush: constants.Z_NO_FLUSH,
    info: false,
    level: 3,
    memLevel: 7,
    strategy: constants.Z_FIXED,
    windowBits: 15
  },
  zlibInflateOptions: { chunkSize: 1024 }
};
const finishRequest: WebSocket.FinishRequestCallback = (
  request: ClientRequest,
  websocket: WebSocket
) => {
  request.setHeader('x', websocket.url);
  request.end();
};
const certificate: WebSocket.CertMeta = ['a', 'b'];
const client: WebSocket.ClientOptions = {
  agent: new Agent(),
  allowSynchronousEvents: false,
  autoPong: false,
  ca: certificate,
  cert: Buffer.alloc(1),
  checkServerIdentity: (servername: string, cert: WebSocket.CertMeta) =>
    servername === cert,
  createConnection,
  family: 4,
  finishRequest,
  followRedirects: true,
  generateMask(mask: Buffer): void {
    mask.fill(0);
  },
  handshakeTimeout: 1,
  headers: { a: 'b' },
  host: 'localhost',
  key: 'key',
  localAddress: '127.0.0.1',
  maxBufferedChunks: 1,
  maxFragments: 1,
  maxPayload: 1,
  maxRedirects: 1,
  minVersion: 'TLSv1.2',
  origin: 'a',
  passphrase: 'a',
  perMessageDeflate: deflate,
  pfx: 'pfx',
  protocol: 'a',
  protocolVersion: 8,
  rejectUnauthorized: false,
  skipUTF8Validation: true
};
const verifySync: WebSocket.VerifyClientCallbackSync = ({
  origin,
  req,
  secure
}) => secure && origin === req.headers.host;
const verifyAsync: WebSocket.VerifyClientCallbackAsync = (info, callback) => {
  callback(info.secure);
  callback(false, 401);
  callback(false, 401, 'no');
  callback(false, 401, 'no', { 'x-a': ['b'], 'x-c': 1 });
};
const server: WebSocket.ServerOptions = {
  WebSocket,
  allowSynchronousEvents: true,
  autoPong: true,
  backlog: 1,
  clientTracking: true,
  handleProtocols: (protocols: Set<string>, request: IncomingMessage) =>
    protocols.has(request.url ?? '') && 'a',
  host: 'localhost',
  maxBufferedChunks: 1,
  maxFragments: 1,
  maxPayload: 1,
  noServer: false,
  path: '/',
  perMessageDeflate: true,
  port: 0,
  server: createServer(),
  skipUTF8Validation: false,
  verifyClient: verifySync
};
const asynchronous: WebSocket.ServerOptions = { verifyClient: verifyAsync };
const nothing: WebSocket.ServerOptions = {
  autoPong: undefined,
  backlog: undefined,
  host: undefined,
  port: undefined,
  server: undefined,
  verifyClient: undefined
};

// --- a connection ---------------------------------------------------------------

const ws = new WebSocket('ws://localhost', 'a', client);
const onClose = (code: number, reason: Buffer) => [code, reason];
const onData = (data: Buffer) => data;
const onError = (error: Error) => error;
const onMessage = (data: WebSocket.RawData, isBinary: boolean) => [
  data,
  isBinary
];
const onOpen = () => {};
const onRedirect = (url: string, request: ClientRequest) => [url, request];
const onResponse = (request: ClientRequest, response: IncomingMessage) => [
  request,
  response
];
const onUpgrade = (response: IncomingMessage) => response;
const onWhatever = (...all: any[]) => all;

for (const method of ['on', 'once', 'off'] as const) {
  ws[method]('close', onClose);
  ws[method]('error', onError);
  ws[method]('message', onMessage);
  ws[method]('open', onOpen);
  ws[method]('ping', onData);
  ws[method]('pong', onData);
  ws[method]('redirect', onRedirect);
  ws[method]('unexpected-response', onResponse);
  ws[method]('upgrade', onUpgrade);
  ws[method]('whatever', onWhatever);
  ws[method](Symbol('whatever'), onWhatever);
}

for (const method of ['addListener', 'removeListener'] as const) {
  ws[method]('close', onClose);
  ws[method]('error', onError);
  ws[method]('message', onMessage);
  ws[method]('open', onOpen);
  ws[method]('ping', onData);
  ws[method]('pong', onData);
  ws[method]('redirect', onRedirect);
  ws[method]('unexpected-response', onResponse);
  ws[method]('upgrade', onUpgrade);
  ws[method]('whatever', onWhatever);
  ws[method](Symbol('whatever'), onWhatever);
}

const closeListener = (
  event: WebSocket.CloseEvent
): [number, string, boolean] => [event.code, event.reason, event.wasClean];
const errorListener = (event: WebSocket.ErrorEvent): [any, string] => [
  event.error,
  event.message
];
const messageListener = (event: WebSocket.MessageEvent): WebSocket.Data =>
  event.data;
const openListener = (event: WebSocket.Event): [string, WebSocket] => [
  event.type,
  event.target
];
const once: WebSocket.EventListenerOptions = { once: true };

ws.addEventListener('close', closeListener, once);
ws.addEventListener('error', errorListener);
ws.addEventListener('message', messageListener, { once: undefined });
ws.addEventListener('open', { handleEvent: openListener }, {});
ws.removeEventListener('close', closeListener);
ws.removeEventListener('error', errorListener);
ws.removeEventListener('message', messageListener);
ws.removeEventListener('open', { handleEvent: openListener });
ws.onclose = closeListener;
ws.onerror = errorListener;
ws.onmessage = messageListener;
ws.onopen = openListener;

const typeOfEvent: keyof WebSocket.WebSocketEventMap = 'message';
const constants_: [0, 1, 2, 3, 0, 1, 2, 3] = [
  ws.CONNECTING,
  ws.OPEN,
  ws.CLOSING,
  ws.CLOSED,
  WebSocket.CONNECTING,
  WebSocket.OPEN,
  WebSocket.CLOSING,
  WebSocket.CLOSED
];
const texts: string[] = [ws.binaryType, ws.extensions, ws.protocol, ws.url];

for (const data of [
  'text',
  1,
  Buffer.alloc(1),
  new DataView(new ArrayBuffer(1)),
  new Float64Array(1),
  new ArrayBuffer(1),
  new SharedArrayBuffer(1),
  new Blob([]),
  [1, 2],
  { valueOf: () => new ArrayBuffer(1) },
  { valueOf: () => 'text' },
  { [Symbol.toPrimitive]: () => 'text' }
]) {
  ws.send(data);
}

ws.ping();
ws.ping('data', true, onError);
ws.pong(1, false, onError);
ws.close();
ws.close(1000, Buffer.alloc(1));
ws.pause();
ws.resume();
ws.terminate();

// --- a server -------------------------------------------------------------------

const wss = new WebSocket.Server(server, onOpen);
const alias: WebSocket.WebSocketServer = new WebSocket.WebSocketServer();
const aliased: WebSocket.WebSocket = new WebSocket.WebSocket(null);
const onConnection = (websocket: WebSocket, request: IncomingMessage) => [
  websocket,
  request
];
const onHeaders = (headers: string[], request: IncomingMessage) =>
  headers.push(request.url ?? '');
const onClientError = (
  error: Error,
  socket: Duplex,
  request: IncomingMessage
) => [error, socket, request];

for (const method of ['on', 'once', 'off'] as const) {
  wss[method]('close', onOpen);
  wss[method]('connection', onConnection);
  wss[method]('error', onError);
  wss[method]('headers', onHeaders);
  wss[method]('listening', onOpen);
  wss[method]('wsClientError', onClientError);
  wss[method]('whatever', onWhatever);
}

for (const method of ['addListener', 'removeListener'] as const) {
  wss[method]('close', onOpen);
  wss[method]('connection', onConnection);
  wss[method]('error', onError);
  wss[method]('headers', onHeaders);
  wss[method]('listening', onOpen);
  wss[method]('wsClientError', onClientError);
  wss[method]('whatever', onWhatever);
}

const given: WebSocket.ServerOptions = wss.options;
const path: string = wss.path;
const clients: Set<WebSocket> = wss.clients;
const verdict: boolean | Promise<boolean> = wss.shouldHandle(
  {} as IncomingMessage
);

wss.handleUpgrade(
  {} as IncomingMessage,
  {} as Duplex,
  Buffer.alloc(0),
  onConnection
);
wss.close();
wss.close((error?: Error) => error);

const bound: WebSocket.AddressInfo = { address: 'a', family: 'b', port: 1 };
const duplex: Duplex = WebSocket.createWebSocketStream(ws);

export {
  alias,
  aliased,
  asynchronous,
  bound,
  clients,
  constants_,
  duplex,
  given,
  nothing,
  path,
  texts,
  typeOfEvent,
  verdict
};
