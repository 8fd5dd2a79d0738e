'use strict';

// Assembles the package: the class is the module, all else hangs on it.

const WebSocket = require('./lib/websocket.js');
const WebSocketServer = require('./lib/websocket-server.js');

module.exports = Object.assign(WebSocket, {
  createWebSocketStream: require('./lib/stream.js'),
  extension: require('./lib/handshake/extension.js'),
  PerMessageDeflate: require('./lib/compat/permessage-deflate.js'),
  Receiver: require('./lib/compat/receiver.js'),
  Sender: require('./lib/compat/sender.js'),
  Server: WebSocketServer,
  subprotocol: require('./lib/handshake/subprotocol.js'),
  WebSocket,
  WebSocketServer
});
