'use strict';

const { Duplex } = require('node:stream');

/**
 * Wraps a socket in a Duplex that is not a `net.Socket`, because a module must
 * work on any stream.
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
  socket.on('error', (err) => duplex.destroy(err));
  socket.on('close', () => duplex.destroy());

  return duplex;
}

module.exports = { hide };
