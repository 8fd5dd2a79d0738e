'use strict';

// Prelude: `www.host.com` stands for any host, so whatever this process connects
// to is a local server on PORT or 8080 (examples/server.js will do).
const net = require('net');

const { connect } = net.Socket.prototype;

net.Socket.prototype.connect = function connectLocally() {
  return connect.call(this, Number(process.env.PORT ?? 8080), '127.0.0.1');
};

// The document's fragment.
const WebSocket = require('ws');

const ws = new WebSocket('ws://www.host.com/path', {
  perMessageDeflate: false
});

// Postlude: what came of it.
ws.on('open', () => console.log('open, extensions: "%s"', ws.extensions));

ws.on('message', (data) => {
  console.log('received: %s', data);
  ws.close();
});

ws.on('close', (code) => console.log('closed: %d', code));
ws.on('error', (error) => console.log('error: %s', error.message));
