'use strict';

// An echo server on 127.0.0.1. It wraps every socket in a plain Duplex, so that
// no module can take the file descriptor over:
//
//     node duplex-server.js PORT MODULE
//
// PORT 0 selects a free port; prints "listening PORT".

const http = require('node:http');
const path = require('node:path');

const { hide } = require(
  path.join(path.dirname(__dirname), 'support', 'hidden-socket.js')
);
const { WebSocketServer } = require(process.argv[3]);

// maxFragments: cases 9.3.1, 9.3.2, 9.4.1 and 9.4.2 send more than the default.
const wss = new WebSocketServer({
  noServer: true,
  perMessageDeflate: true,
  maxFragments: 0
});
const server = http.createServer();

server.on('upgrade', (request, socket, head) => {
  wss.handleUpgrade(request, hide(socket), head, (ws) => {
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
    // Most cases cause an error on purpose.
    ws.on('error', () => {});
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => {
  console.log('listening ' + server.address().port);
});
