/// <reference types="node" />

// The public types, for whoever has @types/ws today: the same names and the same
// overloads, so that a swapped import compiles as it did. What `ws` takes and
// @types/ws has not got yet is marked as such. A test compiles one program
// against both.

import { EventEmitter } from 'events';
import {
  Agent,
  ClientRequest,
  ClientRequestArgs,
  IncomingMessage,
  OutgoingHttpHeaders,
  Server as HTTPServer
} from 'http';
import { Server as HTTPSServer } from 'https';
import { createConnection } from 'net';
import { Duplex, DuplexOptions } from 'stream';
import { SecureContextOptions } from 'tls';
import { URL } from 'url';
import { ZlibOptions } from 'zlib';

/** What `send` takes: text, bytes, and all that `Buffer.from` understands. */
type BufferLike =
  | string
  | Buffer
  | DataView
  | number
  | ArrayBufferView
  | Uint8Array
  | ArrayBuffer
  | SharedArrayBuffer
  | Blob
  | readonly any[]
  | readonly number[]
  | { valueOf(): ArrayBuffer }
  | { valueOf(): SharedArrayBuffer }
  | { valueOf(): Uint8Array }
  | { valueOf(): readonly number[] }
  | { valueOf(): string }
  | { [Symbol.toPrimitive](hint: string): string };

/** One connection: a client made with `new`, or what a server hands out. */
declare class WebSocket extends EventEmitter {
  /** The handshake is not through. */
  static readonly CONNECTING: 0;
  /** Messages can be sent and received. */
  static readonly OPEN: 1;
  /** The closing handshake has begun. */
  static readonly CLOSING: 2;
  /** The connection is gone. */
  static readonly CLOSED: 3;

  /** What the data of binary messages is delivered as, from the next one on. */
  binaryType: 'nodebuffer' | 'arraybuffer' | 'fragments';
  /** Bytes that were sent and that the kernel has not taken yet. */
  readonly bufferedAmount: number;
  /** The extensions both sides agreed on, as in the response's header. */
  readonly extensions: string;
  /** Whether `pause()` holds the connection. */
  readonly isPaused: boolean;
  /** The subprotocol the server chose, or an empty string. */
  readonly protocol: string;
  readonly readyState:
    | typeof WebSocket.CONNECTING
    | typeof WebSocket.OPEN
    | typeof WebSocket.CLOSING
    | typeof WebSocket.CLOSED;
  /** The address of a client; the last one when it was redirected. */
  readonly url: string;

  /** The handshake is not through. */
  readonly CONNECTING: 0;
  /** Messages can be sent and received. */
  readonly OPEN: 1;
  /** The closing handshake has begun. */
  readonly CLOSING: 2;
  /** The connection is gone. */
  readonly CLOSED: 3;

  onopen: ((event: WebSocket.Event) => void) | null;
  onerror: ((event: WebSocket.ErrorEvent) => void) | null;
  onclose: ((event: WebSocket.CloseEvent) => void) | null;
  onmessage: ((event: WebSocket.MessageEvent) => void) | null;

  /** With `null`: a connection whose stream is set later. */
  constructor(address: null);
  constructor(
    address: string | URL,
    options?: WebSocket.ClientOptions | ClientRequestArgs
  );
  constructor(
    address: string | URL,
    protocols?: string | string[],
    options?: WebSocket.ClientOptions | ClientRequestArgs
  );

  /** Starts the closing handshake, behind all that was sent. */
  close(code?: number, data?: string | Buffer): void;
  ping(data?: any, mask?: boolean, cb?: (err: Error) => void): void;
  pong(data?: any, mask?: boolean, cb?: (err: Error) => void): void;
  /** The callback comes when the kernel has the data, or with what went wrong. */
  send(data: BufferLike, cb?: (err?: Error) => void): void;
  send(
    data: BufferLike,
    options: {
      /** Whether to mask; by default a client does and a server does not. */
      mask?: boolean | undefined;
      /** Whether it is binary; by default strings and numbers are text. */
      binary?: boolean | undefined;
      /** Whether to compress, where compression was agreed on. */
      compress?: boolean | undefined;
      /** Whether this is the last fragment of the message. */
      fin?: boolean | undefined;
    },
    cb?: (err?: Error) => void
  ): void;
  /** Cuts the connection off, without a closing handshake. */
  terminate(): void;

  /**
   * Stops the events; a few may still come, from what was already read. Does
   * nothing while connecting and when closed.
   */
  pause(): void;
  /** Lets the events come again after `pause()`. */
  resume(): void;

  addEventListener<K extends keyof WebSocket.WebSocketEventMap>(
    type: K,
    listener:
      | ((event: WebSocket.WebSocketEventMap[K]) => void)
      | { handleEvent(event: WebSocket.WebSocketEventMap[K]): void },
    options?: WebSocket.EventListenerOptions
  ): void;
  removeEventListener<K extends keyof WebSocket.WebSocketEventMap>(
    type: K,
    listener:
      | ((event: WebSocket.WebSocketEventMap[K]) => void)
      | { handleEvent(event: WebSocket.WebSocketEventMap[K]): void }
  ): void;

  on(
    event: 'close',
    listener: (this: WebSocket, code: number, reason: Buffer) => void
  ): this;
  on(event: 'error', listener: (this: WebSocket, error: Error) => void): this;
  on(
    event: 'upgrade',
    listener: (this: WebSocket, response: IncomingMessage) => void
  ): this;
  on(
    event: 'message',
    listener: (
      this: WebSocket,
      data: WebSocket.RawData,
      isBinary: boolean
    ) => void
  ): this;
  on(event: 'open', listener: (this: WebSocket) => void): this;
  on(
    event: 'ping' | 'pong',
    listener: (this: WebSocket, data: Buffer) => void
  ): this;
  on(
    event: 'redirect',
    listener: (this: WebSocket, url: string, request: ClientRequest) => void
  ): this;
  on(
    event: 'unexpected-response',
    listener: (
      this: WebSocket,
      request: ClientRequest,
      response: IncomingMessage
    ) => void
  ): this;
  on(
    event: string | symbol,
    listener: (this: WebSocket, ...args: any[]) => void
  ): this;

  once(
    event: 'close',
    listener: (this: WebSocket, code: number, reason: Buffer) => void
  ): this;
  once(event: 'error', listener: (this: WebSocket, error: Error) => void): this;
  once(
    event: 'upgrade',
    listener: (this: WebSocket, response: IncomingMessage) => void
  ): this;
  once(
    event: 'message',
    listener: (
      this: WebSocket,
      data: WebSocket.RawData,
      isBinary: boolean
    ) => void
  ): this;
  once(event: 'open', listener: (this: WebSocket) => void): this;
  once(
    event: 'ping' | 'pong',
    listener: (this: WebSocket, data: Buffer) => void
  ): this;
  once(
    event: 'redirect',
    listener: (this: WebSocket, url: string, request: ClientRequest) => void
  ): this;
  once(
    event: 'unexpected-response',
    listener: (
      this: WebSocket,
      request: ClientRequest,
      response: IncomingMessage
    ) => void
  ): this;
  once(
    event: string | symbol,
    listener: (this: WebSocket, ...args: any[]) => void
  ): this;

  off(
    event: 'close',
    listener: (this: WebSocket, code: number, reason: Buffer) => void
  ): this;
  off(event: 'error', listener: (this: WebSocket, error: Error) => void): this;
  off(
    event: 'upgrade',
    listener: (this: WebSocket, response: IncomingMessage) => void
  ): this;
  off(
    event: 'message',
    listener: (
      this: WebSocket,
      data: WebSocket.RawData,
      isBinary: boolean
    ) => void
  ): this;
  off(event: 'open', listener: (this: WebSocket) => void): this;
  off(
    event: 'ping' | 'pong',
    listener: (this: WebSocket, data: Buffer) => void
  ): this;
  off(
    event: 'redirect',
    listener: (this: WebSocket, url: string, request: ClientRequest) => void
  ): this;
  off(
    event: 'unexpected-response',
    listener: (
      this: WebSocket,
      request: ClientRequest,
      response: IncomingMessage
    ) => void
  ): this;
  off(
    event: string | symbol,
    listener: (this: WebSocket, ...args: any[]) => void
  ): this;

  addListener(
    event: 'close',
    listener: (code: number, reason: Buffer) => void
  ): this;
  addListener(event: 'error', listener: (error: Error) => void): this;
  addListener(
    event: 'upgrade',
    listener: (response: IncomingMessage) => void
  ): this;
  addListener(
    event: 'message',
    listener: (data: WebSocket.RawData, isBinary: boolean) => void
  ): this;
  addListener(event: 'open', listener: () => void): this;
  addListener(event: 'ping' | 'pong', listener: (data: Buffer) => void): this;
  addListener(
    event: 'redirect',
    listener: (url: string, request: ClientRequest) => void
  ): this;
  addListener(
    event: 'unexpected-response',
    listener: (request: ClientRequest, response: IncomingMessage) => void
  ): this;
  addListener(event: string | symbol, listener: (...args: any[]) => void): this;

  removeListener(
    event: 'close',
    listener: (code: number, reason: Buffer) => void
  ): this;
  removeListener(event: 'error', listener: (error: Error) => void): this;
  removeListener(
    event: 'upgrade',
    listener: (response: IncomingMessage) => void
  ): this;
  removeListener(
    event: 'message',
    listener: (data: WebSocket.RawData, isBinary: boolean) => void
  ): this;
  removeListener(event: 'open', listener: () => void): this;
  removeListener(
    event: 'ping' | 'pong',
    listener: (data: Buffer) => void
  ): this;
  removeListener(
    event: 'redirect',
    listener: (url: string, request: ClientRequest) => void
  ): this;
  removeListener(
    event: 'unexpected-response',
    listener: (request: ClientRequest, response: IncomingMessage) => void
  ): this;
  removeListener(
    event: string | symbol,
    listener: (...args: any[]) => void
  ): this;
}

/** Lets the namespace below name the class though it has a `WebSocket` itself. */
declare const WebSocketClass: typeof WebSocket;
interface WebSocketClass extends WebSocket {}

declare namespace WebSocket {
  /** What a 'message' listener is given, by `binaryType`. */
  type RawData = Buffer | ArrayBuffer | Buffer[];

  /** What a message event carries: text comes as a string. */
  type Data = string | Buffer | ArrayBuffer | Buffer[];

  /** A certificate or a key. */
  type CertMeta = string | string[] | Buffer | Buffer[];

  /** Decides at once whether a client may connect. */
  type VerifyClientCallbackSync<
    Request extends IncomingMessage = IncomingMessage
  > = (info: { origin: string; secure: boolean; req: Request }) => boolean;

  /** Decides later, through its second argument, whether a client may connect. */
  type VerifyClientCallbackAsync<
    Request extends IncomingMessage = IncomingMessage
  > = (
    info: { origin: string; secure: boolean; req: Request },
    callback: (
      res: boolean,
      code?: number,
      message?: string,
      headers?: OutgoingHttpHeaders
    ) => void
  ) => void;

  /** May still add headers to the request, and must then call its `end()`. */
  type FinishRequestCallback = (
    request: ClientRequest,
    websocket: WebSocket
  ) => void;

  interface ClientOptions extends SecureContextOptions {
    protocol?: string | undefined;
    /** Follow 3xx answers, `maxRedirects` times at most. */
    followRedirects?: boolean | undefined;
    /** Fills the four bytes of a masking key. */
    generateMask?(mask: Buffer): void;
    /** Milliseconds the handshake may take. */
    handshakeTimeout?: number | undefined;
    maxRedirects?: number | undefined;
    perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
    localAddress?: string | undefined;
    protocolVersion?: number | undefined;
    headers?: { [key: string]: string } | undefined;
    origin?: string | undefined;
    agent?: Agent | undefined;
    host?: string | undefined;
    family?: number | undefined;
    checkServerIdentity?(servername: string, cert: CertMeta): boolean;
    rejectUnauthorized?: boolean | undefined;
    /** Let several events come in one turn of the event loop. */
    allowSynchronousEvents?: boolean | undefined;
    /** Answer pings. */
    autoPong?: boolean | undefined;
    /** Milliseconds to wait for the peer's close frame; not in @types/ws. */
    closeTimeout?: number | undefined;
    /** Bytes a message may have. */
    maxPayload?: number | undefined;
    /** Pieces of an incomplete frame that may be waiting. */
    maxBufferedChunks?: number | undefined;
    /** Frames a message may have. */
    maxFragments?: number | undefined;
    /** Automatic pongs that may wait to be written; not in @types/ws. */
    maxPendingAutoPongs?: number | undefined;
    skipUTF8Validation?: boolean | undefined;
    createConnection?: typeof createConnection | undefined;
    finishRequest?: FinishRequestCallback | undefined;
  }

  interface PerMessageDeflateOptions {
    serverNoContextTakeover?: boolean | undefined;
    clientNoContextTakeover?: boolean | undefined;
    serverMaxWindowBits?: number | undefined;
    clientMaxWindowBits?: number | undefined;
    zlibDeflateOptions?:
      | {
          flush?: number | undefined;
          finishFlush?: number | undefined;
          chunkSize?: number | undefined;
          windowBits?: number | undefined;
          level?: number | undefined;
          memLevel?: number | undefined;
          strategy?: number | undefined;
          dictionary?: Buffer | Buffer[] | DataView | undefined;
          info?: boolean | undefined;
        }
      | undefined;
    zlibInflateOptions?: ZlibOptions | undefined;
    /** Messages below this many bytes are not compressed. */
    threshold?: number | undefined;
    concurrencyLimit?: number | undefined;
  }

  interface Event {
    type: string;
    target: WebSocket;
  }

  interface ErrorEvent {
    error: any;
    message: string;
    type: string;
    target: WebSocket;
  }

  interface CloseEvent {
    /** Whether a close frame was both sent and received. */
    wasClean: boolean;
    code: number;
    reason: string;
    type: string;
    target: WebSocket;
  }

  interface MessageEvent {
    data: Data;
    type: string;
    target: WebSocket;
  }

  interface WebSocketEventMap {
    open: Event;
    error: ErrorEvent;
    close: CloseEvent;
    message: MessageEvent;
  }

  interface EventListenerOptions {
    once?: boolean | undefined;
  }

  interface ServerOptions<
    U extends typeof WebSocket.WebSocket = typeof WebSocket.WebSocket,
    V extends typeof IncomingMessage = typeof IncomingMessage
  > {
    host?: string | undefined;
    /** Listen on a port of its own; one of `port`, `server`, `noServer`. */
    port?: number | undefined;
    backlog?: number | undefined;
    /** Serve the upgrade requests of a server that is there already. */
    server?: HTTPServer<V> | HTTPSServer<V> | undefined;
    verifyClient?:
      | VerifyClientCallbackAsync<InstanceType<V>>
      | VerifyClientCallbackSync<InstanceType<V>>
      | undefined;
    /** Chooses one of the client's subprotocols. */
    handleProtocols?: (
      protocols: Set<string>,
      request: InstanceType<V>
    ) => string | false;
    path?: string | undefined;
    /** Listen nowhere: `handleUpgrade` is called by the user. */
    noServer?: boolean | undefined;
    /** Let several events come in one turn of the event loop. */
    allowSynchronousEvents?: boolean | undefined;
    /** Answer pings. */
    autoPong?: boolean | undefined;
    /** Keep the open connections in `clients`. */
    clientTracking?: boolean | undefined;
    /** Milliseconds to wait for the peer's close frame; not in @types/ws. */
    closeTimeout?: number | undefined;
    perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
    /** Bytes a message may have. */
    maxPayload?: number | undefined;
    /** Pieces of an incomplete frame that may be waiting. */
    maxBufferedChunks?: number | undefined;
    /** Frames a message may have. */
    maxFragments?: number | undefined;
    /** Automatic pongs that may wait to be written; not in @types/ws. */
    maxPendingAutoPongs?: number | undefined;
    skipUTF8Validation?: boolean | undefined;
    /** The class of the connections, a subclass of `WebSocket`. */
    WebSocket?: U | undefined;
  }

  interface AddressInfo {
    address: string;
    family: string;
    port: number;
  }

  /** Accepts connections. */
  class Server<
    T extends typeof WebSocket.WebSocket = typeof WebSocket.WebSocket,
    U extends typeof IncomingMessage = typeof IncomingMessage
  > extends EventEmitter {
    /** The options it was made with; they are read when they are needed. */
    options: ServerOptions<T, U>;
    path: string;
    /** The open connections, unless `clientTracking` is off. */
    clients: Set<InstanceType<T>>;

    constructor(options?: ServerOptions<T, U>, callback?: () => void);

    address(): AddressInfo | string | null;
    close(cb?: (err?: Error) => void): void;
    /** Answers an upgrade request and calls back with the connection. */
    handleUpgrade(
      request: InstanceType<U>,
      socket: Duplex,
      upgradeHead: Buffer,
      callback: (client: InstanceType<T>, request: InstanceType<U>) => void
    ): void;
    shouldHandle(request: InstanceType<U>): boolean | Promise<boolean>;

    on(
      event: 'connection',
      listener: (
        this: Server<T>,
        websocket: InstanceType<T>,
        request: InstanceType<U>
      ) => void
    ): this;
    on(event: 'error', listener: (this: Server<T>, error: Error) => void): this;
    on(
      event: 'headers',
      listener: (
        this: Server<T>,
        headers: string[],
        request: InstanceType<U>
      ) => void
    ): this;
    on(event: 'close' | 'listening', listener: (this: Server<T>) => void): this;
    on(
      event: 'wsClientError',
      listener: (
        this: Server<T>,
        error: Error,
        socket: Duplex,
        request: InstanceType<U>
      ) => void
    ): this;
    on(
      event: string | symbol,
      listener: (this: Server<T>, ...args: any[]) => void
    ): this;

    once(
      event: 'connection',
      listener: (
        this: Server<T>,
        websocket: InstanceType<T>,
        request: InstanceType<U>
      ) => void
    ): this;
    once(
      event: 'error',
      listener: (this: Server<T>, error: Error) => void
    ): this;
    once(
      event: 'headers',
      listener: (
        this: Server<T>,
        headers: string[],
        request: InstanceType<U>
      ) => void
    ): this;
    once(
      event: 'close' | 'listening',
      listener: (this: Server<T>) => void
    ): this;
    once(
      event: 'wsClientError',
      listener: (
        this: Server<T>,
        error: Error,
        socket: Duplex,
        request: InstanceType<U>
      ) => void
    ): this;
    once(
      event: string | symbol,
      listener: (this: Server<T>, ...args: any[]) => void
    ): this;

    off(
      event: 'connection',
      listener: (
        this: Server<T>,
        websocket: InstanceType<T>,
        request: InstanceType<U>
      ) => void
    ): this;
    off(
      event: 'error',
      listener: (this: Server<T>, error: Error) => void
    ): this;
    off(
      event: 'headers',
      listener: (
        this: Server<T>,
        headers: string[],
        request: InstanceType<U>
      ) => void
    ): this;
    off(
      event: 'close' | 'listening',
      listener: (this: Server<T>) => void
    ): this;
    off(
      event: 'wsClientError',
      listener: (
        this: Server<T>,
        error: Error,
        socket: Duplex,
        request: InstanceType<U>
      ) => void
    ): this;
    off(
      event: string | symbol,
      listener: (this: Server<T>, ...args: any[]) => void
    ): this;

    addListener(
      event: 'connection',
      listener: (websocket: InstanceType<T>, request: InstanceType<U>) => void
    ): this;
    addListener(event: 'error', listener: (error: Error) => void): this;
    addListener(
      event: 'headers',
      listener: (headers: string[], request: InstanceType<U>) => void
    ): this;
    addListener(event: 'close' | 'listening', listener: () => void): this;
    addListener(
      event: 'wsClientError',
      listener: (error: Error, socket: Duplex, request: InstanceType<U>) => void
    ): this;
    addListener(
      event: string | symbol,
      listener: (...args: any[]) => void
    ): this;

    removeListener(
      event: 'connection',
      listener: (websocket: InstanceType<T>, request: InstanceType<U>) => void
    ): this;
    removeListener(event: 'error', listener: (error: Error) => void): this;
    removeListener(
      event: 'headers',
      listener: (headers: string[], request: InstanceType<U>) => void
    ): this;
    removeListener(event: 'close' | 'listening', listener: () => void): this;
    removeListener(
      event: 'wsClientError',
      listener: (error: Error, socket: Duplex, request: InstanceType<U>) => void
    ): this;
    removeListener(
      event: string | symbol,
      listener: (...args: any[]) => void
    ): this;
  }

  const WebSocketServer: typeof Server;
  interface WebSocketServer extends Server {}
  const WebSocket: typeof WebSocketClass;
  interface WebSocket extends WebSocketClass {}

  /** A connection as a Duplex stream. */
  function createWebSocketStream(
    websocket: WebSocket,
    options?: DuplexOptions
  ): Duplex;
}

export = WebSocket;
