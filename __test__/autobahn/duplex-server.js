'use strict';

/**
 * Echo server on 127.0.0.1 whose every connection arrives as a plain Duplex
 * around the socket, so that no module can take the descriptor over:
 *
 *     node duplex-server.js PORT MODULE
 *
 * PORT 0 takes any free one; prints "listening PORT".
 */

const http = require('node:http');
const { Duplex } = require('node:stream');

const { WebSocketServer } = require(process.argv[3]);

/**
 * Wraps a socket in a Duplex that has nothing of a `net.Socket` but its bytes.
 *
 * @param {import('node:net').Socket} socket The stream to hide
 * @return {Duplex} Its stand-in
 */
function hide(socket) {
  const duplex = new Duplex({
    allowHalfOpen: true,
    read() {
      socket.resume();
    },
    write(chunk, encoding, callback) {
      socket.write(chunk, encoding, callback);
    },
    final(callback) {
      socket.end(callback);
    },
    destroy(err, callback) {
      socket.destroy();
      callback(err);
    }
  });

  socket.on('data', (chunk) => {
    if (!duplex.push(chunk)) socket.pause();
  });
  socket.on('end', () => duplex.push(null));
  socket.on('error', () => duplex.destroy());
  socket.on('close', () => duplex.destroy());

  return duplex;
}

// maxFragments: cases 9.3.1, 9.3.2, 9.4.1 and 9.4.2 send more than the default.
const wss = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  maxFragments: 0
});
const server = http.createServer();

server.on('upgrade', (request, socket, head) => {
  wss.handleUpgrade(request, hide(socket), head, (ws) => {
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
    // Most cases provoke an error on purpose.
    ws.on('error', () => {});
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => {
  console.log('listening ' + server.address().port);
});
