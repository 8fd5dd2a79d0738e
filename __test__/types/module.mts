// The same from an ES module: what can be imported by name. Compiled against
// both packages of types and never run.

import { IncomingMessage } from 'node:http';

import Default, {
  AddressInfo,
  ClientOptions,
  CloseEvent,
  Data,
  MessageEvent,
  RawData,
  Server,
  ServerOptions,
  VerifyClientCallbackSync,
  WebSocket,
  WebSocketServer,
  createWebSocketStream
} from 'ws';

const options: ClientOptions = { maxRedirects: 1 };
const client: WebSocket = new Default('ws://localhost', options);
const same: typeof WebSocket = Default;
const open: 1 = WebSocket.OPEN;

client.on('message', (data: RawData, isBinary: boolean) => [data, isBinary]);
client.onmessage = (event: MessageEvent): Data => event.data;
client.addEventListener('close', ({ code }: CloseEvent) => code);
client.on('close', (code, reason) => [code.toFixed(), reason.toString('utf8')]);

class Connection extends WebSocket {
  alive = true;
}

const verify: VerifyClientCallbackSync = ({ req }) => req.url === '/';
const serverOptions: ServerOptions = { port: 0, verifyClient: verify };
const server: WebSocketServer = new WebSocketServer(serverOptions);
const typed: Server<typeof Connection> = new WebSocketServer({
  WebSocket: Connection,
  noServer: true
});
const nested: Default.RawData = Buffer.alloc(1);

class Hub extends WebSocketServer {
  override shouldHandle(request: IncomingMessage): boolean {
    return super.shouldHandle(request) === true;
  }
}

typed.on('connection', (websocket, request) => [
  websocket.alive,
  request.headers
]);

const address: AddressInfo | string | null = server.address();

createWebSocketStream(client).pipe(process.stdout);

// @ts-expect-error there is no such export, only the type
new Server({ port: 0 });

export { Hub, address, nested, open, same };
