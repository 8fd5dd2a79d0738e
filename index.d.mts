// The types of wrapper.mjs: its names, and the types an ES module may import
// beside them.

import { DuplexOptions, Duplex } from 'stream';

import WebSocket from './index.js';

export import AddressInfo = WebSocket.AddressInfo;
export import CertMeta = WebSocket.CertMeta;
export import ClientOptions = WebSocket.ClientOptions;
export import CloseEvent = WebSocket.CloseEvent;
export import Data = WebSocket.Data;
export import ErrorEvent = WebSocket.ErrorEvent;
export import Event = WebSocket.Event;
export import EventListenerOptions = WebSocket.EventListenerOptions;
export import FinishRequestCallback = WebSocket.FinishRequestCallback;
export import MessageEvent = WebSocket.MessageEvent;
export import PerMessageDeflateOptions = WebSocket.PerMessageDeflateOptions;
export import RawData = WebSocket.RawData;
export import ServerOptions = WebSocket.ServerOptions;
export import VerifyClientCallbackAsync = WebSocket.VerifyClientCallbackAsync;
export import VerifyClientCallbackSync = WebSocket.VerifyClientCallbackSync;

import Server = WebSocket.Server;

// A type only: the module has no export of that name.
export { type Server };

export const WebSocketServer: typeof Server;
export interface WebSocketServer extends Server {}

export function createWebSocketStream(
  websocket: WebSocket,
  options?: DuplexOptions
): Duplex;

export default WebSocket;
export { WebSocket };
