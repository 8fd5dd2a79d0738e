'use strict';

// In-memory streams: handleUpgrade and setSocket accept any Duplex. Each push is
// its own chunk.

const { EventEmitter } = require('node:events');
const { Duplex } = require('node:stream');

const { RawPeer, scenario } = require('../support/scenario.js');

const variants = { roles: ['server'], transports: ['duplex'] };
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** @return {Duplex[]} Two connected streams */
function pair() {
  const sides = [0, 1].map(
    (n) =>
      new Duplex({
        read() {},
        write(chunk, encoding, callback) {
          sides[1 - n].push(chunk);
          // As late as a socket, so that frames can queue.
          setImmediate(callback);
        },
        final(callback) {
          sides[1 - n].push(null);
          callback();
        },
        destroy(err, callback) {
          if (!sides[1 - n].readableEnded) sides[1 - n].push(null);
          callback(err);
        }
      })
  );

  return sides;
}

/**
 * @param {any} play The scenario's play
 * @param {object} [options] Those of the server
 * @param {Buffer} [head] Bytes after the request
 * @return {{ ws: any, peer: any, stream: Duplex, wss: any }} Both ends
 */
function upgrade(play, options, head = Buffer.alloc(0)) {
  const [stream, other] = pair();
  const wss = new play.WebSocket.WebSocketServer({
    noServer: true,
    ...options
  });
  const request = Object.assign(new EventEmitter(), {
    method: 'GET',
    url: '/',
    socket: stream,
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': KEY,
      'sec-websocket-version': '13'
    }
  });
  const peer = new RawPeer(other, false);
  let ws;

  wss.handleUpgrade(request, stream, head, (opened) => {
    ws = play.watch(opened);
  });
  return { ws, peer, stream, wss };
}

scenario('handleUpgrade with a pair', variants, async (play) => {
  const { ws, peer, stream, wss } = upgrade(play);

  play.note(ws.readyState, ws._socket === stream, wss.clients.size);
  ws.send('at once');
  ws.on('message', (data) => ws.send(data));
  await peer.frames(1);
  peer.write(peer.frame('text', 'a'), peer.frame('ping', 'b'));
  await peer.frames(3);
  ws.close(1000, 'done');
  await play.finish(ws, peer);
  play.note(wss.clients.size, stream.destroyed);
});

scenario('handleUpgrade with frames in the head', variants, async (play) => {
  const early = new RawPeer(pair()[0], false);
  const { ws, peer } = upgrade(
    play,
    {},
    Buffer.concat([early.frame('text', 'early'), early.frame('ping', 'bird')])
  );

  await peer.frames(1);
  ws.close();
  await play.finish(ws, peer);
});

scenario('chunks as they were pushed', variants, async (play) => {
  const { ws, peer } = upgrade(play, { maxBufferedChunks: 3 });
  const bytes = peer.frame('binary', Buffer.alloc(60, 1));

  // The limit is three pieces.
  for (const part of [0, 10, 20]) {
    peer.write(bytes.subarray(part, part + 10));
    await new Promise(setImmediate);
  }
  peer.write(bytes.subarray(30));
  await new Promise(setImmediate);
  await play.over(ws, peer);
});

scenario('many small pushes', variants, async (play) => {
  const { ws, peer } = upgrade(play);
  const bytes = Buffer.concat([
    peer.frame('text', 'caf\u00e9'),
    peer.frame('binary', Buffer.alloc(300, 2), { fin: false }),
    peer.frame('ping', 'p'),
    peer.frame('continuation', 'end'),
    peer.closeFrame(1001, 'bye')
  ]);

  for (let i = 0; i < bytes.length; i += 3) {
    peer.write(bytes.subarray(i, i + 3));
  }
  await play.over(ws, peer);
});

scenario('the stream fails', variants, async (play) => {
  const { ws, stream } = upgrade(play);
  const closed = new Promise((resolve) => ws.once('close', resolve));

  stream.on('error', (err) => play.note('stream', err));
  stream.destroy(new Error('broken'));
  await closed;
});

scenario('the stream is destroyed', variants, async (play) => {
  const { ws, stream } = upgrade(play);
  const closed = new Promise((resolve) => ws.once('close', resolve));

  ws.send('lost or not', (err) => play.note('ack', err ? 'failed' : 'sent'));
  stream.destroy();
  await closed;
  await new Promise(setImmediate);
});

for (const isServer of [true, false]) {
  scenario(
    `setSocket by hand, isServer ${isServer}`,
    variants,
    async (play) => {
      const [stream, other] = pair();
      // Without the option autoPong, there is no pong.
      const ws = new play.WebSocket(null, undefined, {
        isServer,
        closeTimeout: 10000
      });
      const peer = new RawPeer(other, !isServer);

      play.watch(ws);
      play.note(ws.readyState, ws._isServer, ws.url ?? 'no url', ws.protocol);
      // The peer takes everything up to an empty line for the handshake.
      stream.write('HTTP/1.1 101\r\n\r\n');
      ws.on('open', () => play.note('open', ws.readyState));
      ws._isServer = isServer;
      ws.setSocket(stream, Buffer.alloc(0), { maxPayload: 0 });
      play.note(ws._socket === stream);
      ws.send('hello');
      await peer.frames(1);
      const heard = new Promise((resolve) => ws.once('message', resolve));
      peer.write(peer.frame('ping', 'b'), peer.frame('text', 'a'));
      await heard;
      peer.write(peer.closeFrame(1000));
      await play.over(ws, peer);
    }
  );
}

scenario('two WebSockets face to face', variants, async (play) => {
  const [one, two] = pair();
  const options = { autoPong: true, closeTimeout: 10000 };
  const server = new play.WebSocket(null, undefined, options);
  const client = new play.WebSocket(null, undefined, options);
  const both = ['server', 'client'];

  client._isServer = false;
  play.watch(server, 'server ');
  play.watch(client, 'client ');
  server.setSocket(one, Buffer.alloc(0), { maxPayload: 1000 });
  client.setSocket(two, Buffer.alloc(0), { maxPayload: 1000 });
  client.send('to the server');
  server.send(Buffer.from('to the client'));
  server.ping('s');
  client.ping('c');
  const closed = Promise.all(
    [server, client].map((ws) => new Promise((r) => ws.once('close', r)))
  );
  client.send('', () => client.close(4000, 'enough'));
  await closed;
  // The order of the sides does not matter.
  for (const side of both) {
    const lines = play.log.filter((line) => line.startsWith(side));
    play.note('...', lines);
  }
  play.log = play.log.filter((line) => line.startsWith('...'));
});

const MOST_CHUNKS = 262144;

for (const count of [MOST_CHUNKS, MOST_CHUNKS + 1]) {
  scenario(`${count} pieces of a frame by default`, variants, async (play) => {
    const { ws, peer, stream } = upgrade(play);

    stream.push(
      peer.frame('binary', '', { length: count + 9 }).subarray(0, 14)
    );
    // In portions, so that the event loop turns and nothing piles up.
    for (let left = count; left > 0 && ws.readyState === 1; left -= 4096) {
      for (let i = Math.min(left, 4096); i > 0; i--) {
        stream.push(Buffer.from('x'));
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    play.note(ws.readyState, ws._receiver._maxBufferedChunks);
    await new Promise((resolve) => {
      ws.once('close', resolve);
      ws.terminate();
    });
  });
}
