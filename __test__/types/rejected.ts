// Mistakes that @types/ws rejects, and that our types reject too. Compiled against
// both packages of types: a line that passes with one of them is an error.

import { Duplex } from 'stream';
import { IncomingMessage } from 'http';
import WebSocket = require('ws');

const ws = new WebSocket('ws://localhost');
const wss = new WebSocket.Server({ port: 0 });

// --- options of a client --------------------------------------------------------

// @ts-expect-error
const agent: WebSocket.ClientOptions = { agent: true };
// @ts-expect-error
const ca: WebSocket.ClientOptions = { ca: 1 };
// @ts-expect-error
const autoPong: WebSocket.ClientOptions = { autoPong: 1 };
// @ts-expect-error
const synchronous: WebSocket.ClientOptions = { allowSynchronousEvents: 'a' };
// @ts-expect-error
const family: WebSocket.ClientOptions = { family: '4' };
// @ts-expect-error
const finish: WebSocket.ClientOptions = { finishRequest: true };
// @ts-expect-error
const headers: WebSocket.ClientOptions = { headers: { a: 1 } };
// @ts-expect-error
const mask: WebSocket.ClientOptions = { generateMask: (a: string) => a };
// @ts-expect-error
const timeout: WebSocket.ClientOptions = { handshakeTimeout: '1' };
// @ts-expect-error
const redirects: WebSocket.ClientOptions = { maxRedirects: true };
// @ts-expect-error
const payload: WebSocket.ClientOptions = { maxPayload: '1' };
// @ts-expect-error
const chunks: WebSocket.ClientOptions = { maxBufferedChunks: null };
// @ts-expect-error
const fragments: WebSocket.ClientOptions = { maxFragments: '1' };
// @ts-expect-error
const origin: WebSocket.ClientOptions = { origin: 1 };
// @ts-expect-error
const version: WebSocket.ClientOptions = { protocolVersion: '13' };
// @ts-expect-error
const utf8: WebSocket.ClientOptions = { skipUTF8Validation: 1 };
// @ts-expect-error
const unknown: WebSocket.ClientOptions = { noSuchOption: 1 };
// @ts-expect-error
const deflate: WebSocket.ClientOptions = { perMessageDeflate: { level: 1 } };
// @ts-expect-error
const bits: WebSocket.PerMessageDeflateOptions = { serverMaxWindowBits: '8' };
// @ts-expect-error
const threshold: WebSocket.PerMessageDeflateOptions = { threshold: true };
// @ts-expect-error
const level: WebSocket.PerMessageDeflateOptions = { zlibDeflateOptions: 1 };

// --- options of a server --------------------------------------------------------

// @ts-expect-error
new WebSocket.Server({ port: '0' });
// @ts-expect-error
new WebSocket.Server({ host: 1 });
// @ts-expect-error
new WebSocket.Server({ server: {} });
// @ts-expect-error
new WebSocket.Server({ backlog: '1' });
// @ts-expect-error
new WebSocket.Server({ clientTracking: 1 });
// @ts-expect-error
new WebSocket.Server({ handleProtocols: () => 1 });
// @ts-expect-error
new WebSocket.Server({ verifyClient: true });
// @ts-expect-error
new WebSocket.Server({ path: /a/ });
// @ts-expect-error
new WebSocket.Server({ noServer: 'yes' });
// @ts-expect-error
new WebSocket.Server({ maxPayload: '1' });
// @ts-expect-error
new WebSocket.Server({ WebSocket: Object });
// @ts-expect-error
new WebSocket.Server({ generateMask: () => {} });
// @ts-expect-error
new WebSocket.Server({ port: 0 }, 1);

// --- a connection ---------------------------------------------------------------

// @ts-expect-error
new WebSocket();
// @ts-expect-error
new WebSocket(undefined);
// @ts-expect-error
new WebSocket('ws://localhost', 1);
// @ts-expect-error
new WebSocket('ws://localhost', [1]);
// @ts-expect-error
new WebSocket(null, undefined, {});
// @ts-expect-error
ws.send();
// @ts-expect-error
ws.send(true);
// @ts-expect-error
ws.send(null);
// @ts-expect-error
ws.send('a', { fin: 1 });
// @ts-expect-error
ws.send('a', { noSuchOption: true });
// @ts-expect-error
ws.send('a', {}, 1);
// @ts-expect-error
ws.ping('a', 'b');
// @ts-expect-error
ws.ping('a', true, true);
// @ts-expect-error
ws.close('1000');
// @ts-expect-error
ws.close(1000, 1);
// @ts-expect-error
ws.terminate(1);
// @ts-expect-error
ws.pause(1);
// @ts-expect-error
ws.binaryType = 'blobs';
// @ts-expect-error
ws.isPaused = true;
// @ts-expect-error
ws.url = 'a';
// @ts-expect-error
ws.onopen = 1;
// @ts-expect-error
ws.onmessage = (event: string) => event;
// @ts-expect-error
ws.on(1, () => {});
// @ts-expect-error
ws.on('open');
// @ts-expect-error
ws.addEventListener('message', (event: string) => event);
// @ts-expect-error
ws.addEventListener('upgrade', () => {});
// @ts-expect-error
ws.addEventListener('open', () => {}, { capture: true });
// @ts-expect-error
ws.addEventListener('open', () => {}, true);
// @ts-expect-error
ws.removeEventListener('open');
// @ts-expect-error
ws.dispatchEvent();
// @ts-expect-error
ws._socket;
// @ts-expect-error
ws._receiver;
// @ts-expect-error
ws.setSocket({} as Duplex, Buffer.alloc(0), {});
// @ts-expect-error
WebSocket.OPEN = 1;
// @ts-expect-error
WebSocket('ws://localhost');

// --- a server -------------------------------------------------------------------

// @ts-expect-error
wss.handleUpgrade({} as IncomingMessage, {} as Duplex);
// @ts-expect-error
wss.handleUpgrade({} as IncomingMessage, {} as Duplex, 'head', () => {});
// @ts-expect-error
wss.shouldHandle('/');
// @ts-expect-error
wss.close(1);
// @ts-expect-error
wss.address().port;
// @ts-expect-error
wss.clients = [];
// @ts-expect-error
wss.clients.add('a');
// @ts-expect-error
wss.path = 1;
// @ts-expect-error
wss._server;
// @ts-expect-error
wss.completeUpgrade();

// --- the rest -------------------------------------------------------------------

// @ts-expect-error
WebSocket.createWebSocketStream();
// @ts-expect-error
WebSocket.createWebSocketStream(ws, 1);
// @ts-expect-error
WebSocket.createWebSocketStream({});
// @ts-expect-error
WebSocket.Sender;
// @ts-expect-error
WebSocket.Receiver;
// @ts-expect-error
WebSocket.PerMessageDeflate;
// @ts-expect-error
WebSocket.extension;
// @ts-expect-error
WebSocket.subprotocol;
// @ts-expect-error
const raw: WebSocket.RawData = 'text';
// @ts-expect-error
const data: WebSocket.Data = 1;
// @ts-expect-error
const bound: WebSocket.AddressInfo = { address: 'a', family: 4, port: 1 };
// @ts-expect-error
const none: WebSocket.NoSuchType = 1;

export {
  agent,
  autoPong,
  bits,
  bound,
  ca,
  chunks,
  data,
  deflate,
  family,
  finish,
  fragments,
  headers,
  level,
  mask,
  none,
  origin,
  payload,
  raw,
  redirects,
  synchronous,
  threshold,
  timeout,
  unknown,
  utf8,
  version
};
