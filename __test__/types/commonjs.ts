// A program as @types/ws users write them, by `require`. It is compiled against
// both packages of types and never run.

import { createServer, IncomingMessage } from 'http';
import { createServer as createSecureServer } from 'https';
import { Duplex } from 'stream';
import WebSocket = require('ws');

// --- the client ---------------------------------------------------------------

const plain = new WebSocket('ws://localhost');
const byURL = new WebSocket(new URL('ws://localhost'), { origin: 'a' });
const withProtocols = new WebSocket('ws://localhost', ['a', 'b'], {
  perMessageDeflate: {
    threshold: 10,
    zlibDeflateOptions: { level: 6 },
    zlibInflateOptions: { chunkSize: 1024 },
    clientNoContextTakeover: true
  },
  handshakeTimeout: 1000,
  headers: { a: 'b' },
  generateMask(mask) {
    mask.fill(0);
  },
  finishRequest(request, websocket) {
    request.setHeader('a', websocket.url);
    request.end();
  },
  maxPayload: 1,
  maxFragments: 1,
  maxBufferedChunks: 1,
  skipUTF8Validation: true,
  ca: 'certificate'
});
const detached = new WebSocket(null);
const withAgentOptions = new WebSocket('wss://localhost', { agent: false });

// @ts-expect-error there is no such address
new WebSocket(1);
// @ts-expect-error an option of the wrong type
new WebSocket('ws://localhost', { followRedirects: 'yes' });

const amount: number = plain.bufferedAmount;
const state: 0 | 1 | 2 | 3 = plain.readyState;
const open: 1 = WebSocket.OPEN;
const closed: 3 = plain.CLOSED;
const paused: boolean = plain.isPaused;

byURL.binaryType = 'fragments';
// @ts-expect-error Node.js has no such type of data
byURL.binaryType = 'stream';
// @ts-expect-error it is read-only
byURL.readyState = 1;

plain
  .on('open', function () {
    this.send('text');
    this.send(Buffer.alloc(1), (error) => error?.message);
    this.send(new Uint8Array(1), { binary: true, fin: false });
    this.send(1, { compress: false, mask: true }, (error?: Error) => error);
    this.send([1, 2]);
    this.send(new Blob([]));
    this.ping('x', true, (error) => error.message);
    this.pong();
  })
  .on('message', (data, isBinary) => {
    const raw: Buffer | ArrayBuffer | Buffer[] = data;
    const binary: boolean = isBinary;

    return [raw, binary];
  })
  .once('close', function (code, reason) {
    const text: string = reason.toString();

    this.close(code, text);
    this.close(code, reason);
    this.terminate();
  })
  .off('ping', (data) => data.length)
  .addListener('unexpected-response', (request, response) => {
    request.destroy();
    response.resume();
  })
  .removeListener('redirect', (url, request) => [url.length, request.path])
  .on('upgrade', (response) => response.headers)
  .on('error', (error) => error.stack)
  .on('anything', (...all) => all.length)
  .on(Symbol('anything'), () => {});

plain.onmessage = (event) => {
  const data: WebSocket.Data = event.data;
  const target: WebSocket = event.target;

  return [data, target];
};
plain.onclose = ({ code, reason, wasClean }) => [code, reason, wasClean];
plain.onerror = ({ error, message }) => [error, message];
plain.onopen = null;

plain.addEventListener('message', ({ data }) => data, { once: true });
plain.addEventListener('close', { handleEvent: ({ code }) => code });
plain.removeEventListener('open', ({ type }) => type);
// @ts-expect-error there is no such event
plain.addEventListener('ping', () => {});

plain.pause();
plain.resume();

// --- the server ---------------------------------------------------------------

class Request extends IncomingMessage {
  session = '';
}

class Connection extends WebSocket {
  alive = true;

  override close(code?: number, data?: string | Buffer): void {
    super.close(code, data);
  }

  override send(data: any, ...rest: any[]): void {
    super.send(data, ...rest);
  }
}

const server = new WebSocket.Server({ port: 0 }, () => {});
const typed = new WebSocket.WebSocketServer<typeof Connection, typeof Request>({
  WebSocket: Connection,
  handleProtocols: (protocols, request) =>
    protocols.has('a') && request.session,
  verifyClient: (info, callback) =>
    callback(info.secure, 401, info.req.session, { a: 'b' }),
  server: createServer<typeof Request>({ IncomingMessage: Request })
});
const secure = new WebSocket.Server({ server: createSecureServer({}) });
const manual: WebSocket.Server = new WebSocket.Server({
  noServer: true,
  clientTracking: false,
  verifyClient: (info: { origin: string }) => info.origin === 'a',
  perMessageDeflate: true
});

class Hub extends WebSocket.Server {
  override shouldHandle(request: IncomingMessage): boolean {
    return request.url === '/hub';
  }
}

typed.on('connection', function (websocket, request) {
  const alive: boolean = websocket.alive;
  const session: string = request.session;

  this.clients.forEach((client) => client.terminate());
  return [alive, session];
});
server
  .on('headers', (headers, request) => headers.push(request.url ?? ''))
  .once('listening', () => {})
  .on('wsClientError', (error, socket, request) => {
    socket.end(error.message);
    return request.method;
  })
  .off('error', (error) => error.message);

createServer().on('upgrade', (request, socket, head) => {
  manual.handleUpgrade(request, socket, head, (client, again) => {
    manual.emit('connection', client, again);
  });
});

const address: string | WebSocket.AddressInfo | null = server.address();

server.options.maxPayload = 1;
server.path = '/';
server.close((error) => error?.message);
void new Hub().shouldHandle({} as IncomingMessage);

// --- the rest -----------------------------------------------------------------

const stream: Duplex = WebSocket.createWebSocketStream(plain, {
  encoding: 'utf8'
});
const sameClass: typeof WebSocket.WebSocket = WebSocket;
const options: WebSocket.ClientOptions = { followRedirects: true };
const raw = (data: WebSocket.RawData): WebSocket.Data => data;
const verify: WebSocket.VerifyClientCallbackAsync<Request> = (info, done) =>
  done(info.req.session === '');

// The last overload is what these see.
type SendArguments = Parameters<WebSocket['send']>;
const sendArguments: SendArguments = ['a', { fin: true }, () => {}];

export {
  address,
  amount,
  closed,
  detached,
  open,
  options,
  paused,
  raw,
  sameClass,
  secure,
  sendArguments,
  state,
  stream,
  verify,
  withAgentOptions,
  withProtocols
};
