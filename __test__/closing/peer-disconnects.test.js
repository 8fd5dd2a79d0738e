'use strict';

// A peer that ends or resets the connection.

const { once } = require('node:events');
const net = require('node:net');
const { describe } = require('node:test');

const { upgradeRequest } = require('../support/handshake.js');
const { start } = require('../support/own-server.js');
const { parity, scenario } = require('../support/scenario.js');
const { closed } = require('../support/wait.js');

scenario('the peer ends without a close frame', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  peer.write(
    peer.frame('text', 'last'),
    peer.frame('text', 'x', { length: 9 })
  );
  peer.stream.end();
  await play.over(ws, peer);
});

scenario(
  'the peer ends right behind its messages, and is answered',
  { transports: ['tcp', 'unix', 'duplex'] },
  async (play) => {
    const { ws, peer } = await play.open(undefined, { allowHalfOpen: true });

    play.watch(ws);
    ws.on('message', (data) => ws.send(`re: ${data}`));
    peer.stream.end(
      Buffer.concat(['a', 'b', 'c'].map((text) => peer.frame('text', text)))
    );
    await play.over(ws, peer);
  }
);

scenario(
  'the peer resets the connection',
  { transports: ['tcp', 'duplex'] },
  async (play) => {
    const { ws, peer } = await play.open();

    play.watch(ws);
    ws.send('hello');
    await peer.frames(1);
    peer.stream.resetAndDestroy();
    await closed(ws);
  }
);

scenario(
  'the peer resets the connection while much is to be sent',
  { transports: ['tcp', 'duplex'] },
  async (play) => {
    const { ws, peer } = await play.open();
    let acks = 0;
    let failures = 0;
    let late = 0;

    play.watch(ws);
    peer.stream.pause();
    for (let i = 0; i < 24; i++) {
      ws.send(Buffer.alloc(1 << 20), (err) => {
        acks++;
        if (err) failures++;
        if (!err && failures > 0) late++;
      });
    }
    peer.stream.resetAndDestroy();
    await closed(ws);
    await new Promise(setImmediate);
    play.note(acks, failures > 0, late);
  }
);

scenario(
  'what was received before a FIN is all delivered',
  {},
  async (play) => {
    const { ws, peer } = await play.open();
    let bytes = 0;

    ws.on('message', (data) => {
      bytes += data.length;
    });
    ws.on('close', (code) => play.note(code, bytes));
    peer.stream.end(
      Buffer.concat(
        Array(100).fill(peer.frame('binary', Buffer.alloc(10000, 1)))
      )
    );
    await play.over(ws, peer);
  }
);

describe('The network', () => {
  parity('resets without an error', async (WebSocket, notebook) => {
    const { port, wss } = await start(WebSocket, notebook);
    const connection = once(wss, 'connection');
    const socket = net.connect(port, '127.0.0.1');

    socket.on('error', () => {});
    socket.write(upgradeRequest());

    const [peer] = await connection;

    peer.on('error', (error) => notebook.note('error', error));
    await once(socket, 'data');
    socket.resetAndDestroy();
    await new Promise((resolve) => {
      peer.on('close', (code, reason) => {
        notebook.note('close', code, reason);
        resolve();
      });
    });
  });
});
