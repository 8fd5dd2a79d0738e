'use strict';

// Callbacks of what was written while the event loop was blocked, whatever becomes
// of the socket next.

const { PassThrough } = require('node:stream');

const { scenario } = require('../support/scenario.js');

/** Long enough for another thread to write what the loop has not written. */
const BLOCK = 20;

/** What a program does to the socket behind the block. */
const acts = {
  'a listener of its data': (socket) => socket.on('data', () => {}),
  'a pipe': (socket) => socket.pipe(new PassThrough()),
  'another write()': (socket) => {
    const { write } = socket;

    socket.write = function (...args) {
      return write.apply(this, args);
    };
  },
  'cork() and terminate()': (socket, ws) => {
    socket.cork();
    ws.terminate();
  },
  nothing: () => {}
};

for (const [title, act] of Object.entries(acts)) {
  scenario(
    `${title} behind a blocked loop`,
    { transports: ['tcp', 'unix'] },
    async (play) => {
      for (let i = 0; i < 5; i++) {
        const { ws, peer } = await play.open();
        const called = new Promise((resolve) => {
          ws.send('one', (error) => resolve(error ?? null));
        });
        const end = performance.now() + BLOCK;

        while (performance.now() < end);
        act(ws._socket, ws);
        play.note('callback', await called);
        await peer.frames(1);
        play.note(peer.log[0]);
        ws.terminate();
        await peer.closed();
      }
    }
  );
}
