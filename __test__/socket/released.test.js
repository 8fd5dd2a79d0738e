'use strict';

// A socket that the engine gives back to Node.js while callbacks of finished
// writes are due.

const assert = require('node:assert');
const { once } = require('node:events');
const test = require('node:test');

const { WebSocket, WebSocketServer } = require('../..');

test('a socket given back owes no callback of what was written', async () => {
  const wss = new WebSocketServer({ port: 0, perMessageDeflate: true });

  await once(wss, 'listening');

  const client = new WebSocket(`ws://127.0.0.1:${wss.address().port}`);
  const [[ws]] = await Promise.all([
    once(wss, 'connection'),
    once(client, 'open')
  ]);
  const socket = client._socket;
  const errors = [];

  const arrived = new Promise((resolve) => {
    let count = 0;

    ws.on('message', () => ++count === 3 && resolve());
  });

  for (let i = 0; i < 3; i++) {
    client.send('large '.repeat(50_000), (error) => errors.push(error ?? null));
  }
  // The engine writes all of it while this loop blocks, so no callback can run.
  await new Promise((resolve) => process.nextTick(resolve));
  while (client.bufferedAmount > 0);
  assert.ok(errors.length < 3, 'there is something to be told of');

  // Replacing write() makes the engine give the socket back.
  socket.write = socket.write.bind(socket);

  await arrived;
  client.terminate();
  await once(client, 'close');
  assert.deepStrictEqual(errors, [null, null, null]);
  wss.close();
});
