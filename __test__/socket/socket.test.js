'use strict';

// ws._socket, and the socket of the upgrade.

const { frame, scenario } = require('../support/scenario.js');

const NATIVE = ['tcp', 'unix', 'tls'];

scenario('what the socket is', { transports: NATIVE }, async (play) => {
  const { ws, peer, request, stream } = await play.open();
  const net = require('node:net');
  const socket = ws._socket;

  play.note(socket instanceof net.Socket, socket.constructor.name);
  play.note(socket === stream || stream === undefined);
  play.note(request === undefined || request.socket === socket);
  play.note(
    socket.remoteAddress,
    socket.remoteFamily,
    typeof socket.remotePort
  );
  play.note(socket.localAddress, typeof socket.localPort);
  play.note(
    play.transport === 'unix' || play.role === 'client'
      ? 'no port to compare'
      : socket.remotePort === peer.stream.localPort
  );
  play.note(Object.keys(socket.address()));
  play.note(
    socket.readyState,
    socket.destroyed,
    socket.readable,
    socket.writable
  );
  play.note(socket.connecting, socket.pending, socket.encrypted);
  play.note(
    socket.writableLength,
    socket.writableNeedDrain,
    socket.writableCorked
  );
  play.note(
    socket.setNoDelay(true) === socket,
    socket.setKeepAlive() === socket
  );
  play.note(socket.setTimeout(0) === socket, socket.timeout);
  play.note(
    socket.ref() === socket,
    socket.unref() === socket,
    socket.ref() === socket
  );
  ws.close();
  await play.finish(ws, peer);
  play.note(ws._socket === socket, socket.destroyed);
  play.note(socket.readyState, socket.writable, socket.readable);
});

scenario('raw bytes written to the socket', {}, async (play) => {
  const { ws, peer } = await play.open();
  const masked = play.role === 'client';

  ws.send('a');
  ws._socket.write(frame('text', 'b', { masked }), () => play.note('written'));
  ws.send('c');
  ws._socket.write(frame('binary', Buffer.alloc(100000), { masked }));
  ws.send('d');
  ws.close();
  await play.finish(ws, peer);
});

scenario('write() in every form', { transports: NATIVE }, async (play) => {
  const { ws, peer } = await play.open();
  const socket = ws._socket;
  const bytes = (text) =>
    frame('text', text, { masked: play.role === 'client' });
  const acks = [];
  const done = (name) => (err) => acks.push(err ?? name);

  socket.write(bytes('1').toString('latin1'), 'latin1', done('latin1'));
  socket.write(bytes('2').toString('hex'), 'hex', done('hex'));
  socket.write(bytes('3').toString('base64'), 'base64');
  socket.write(new Uint8Array(bytes('4')), done('array'));
  socket.cork();
  ws.send('5');
  socket.write(bytes('6'));
  play.note('corked', socket.writableCorked);
  await new Promise(setImmediate);
  play.note(peer.log.length <= 4);
  socket.uncork();
  ws.send('7');
  ws.close();
  await play.finish(ws, peer);
  play.note(acks);
});

scenario('cork() around many messages', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws._socket.cork();
  for (let i = 0; i < 10; i++) ws.send(String(i));
  play.note('corked', ws._socket.writableLength > 0, ws.bufferedAmount > 0);
  ws._socket.uncork();
  await peer.frames(10);
  ws.close();
  await play.finish(ws, peer);
});

scenario('end()', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.send('before');
  ws._socket.end();
  await play.over(ws, peer);
});

scenario('end() with bytes', { transports: NATIVE }, async (play) => {
  const { ws, peer } = await play.open(undefined, { allowHalfOpen: true });

  play.watch(ws);
  ws._socket.end(frame('text', 'raw', { masked: play.role === 'client' }));
  await peer.until(() => peer.ended);
  play.note('ended', peer.log);
  await play.over(ws, peer);
});

scenario('destroy()', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws._socket.on('close', (hadError) => play.note('socket closed', hadError));
  ws.send('before');
  await peer.frames(1);
  ws._socket.destroy();
  play.note('destroyed', ws.readyState);
  await play.over(ws, peer);
});

scenario('destroy() with an error', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws._socket.on('error', (err) => play.note('socket', err));
  ws._socket.destroy(new Error('on purpose'));
  await play.over(ws, peer);
});

scenario('resetAndDestroy()', { transports: ['tcp'] }, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws._socket.resetAndDestroy();
  await play.over(ws, peer);
  play.note(peer.error);
});

scenario('counters', { transports: NATIVE }, async (play) => {
  const { ws, peer } = await play.open();
  const socket = ws._socket;
  const counts = () => [socket.bytesRead, socket.bytesWritten];
  const before = counts();
  const since = () => counts().map((count, i) => count - before[i]);

  ws.on('message', () => play.note('in', since()));
  peer.write(peer.frame('text', 'x'.repeat(100)));
  await new Promise((resolve) => ws.once('message', resolve));
  ws.send('y'.repeat(1000));
  await peer.frames(1);
  play.note('out', since());
  ws.send(Buffer.alloc(200000));
  play.note('queued', since());
  ws.close();
  await play.finish(ws, peer);
  play.note('closed', since());
});

scenario(
  "a 'data' listener added in mid-life",
  { transports: NATIVE },
  async (play) => {
    const { ws, peer } = await play.open();
    let bytes = 0;
    const sniff = (chunk) => {
      // `ws` may have unmasked it already, so only its length can be compared.
      bytes += chunk.length;
    };

    play.watch(ws);
    peer.write(peer.frame('text', 'before'));
    await new Promise((resolve) => ws.once('message', resolve));
    ws._socket.on('data', sniff);
    peer.write(peer.frame('text', 'sniffed'));
    await new Promise((resolve) => ws.once('message', resolve));
    await new Promise(setImmediate);
    play.note(bytes === peer.frame('text', 'sniffed').length);
    ws.send('answer');
    ws._socket.off('data', sniff);
    peer.write(peer.frame('text', 'after'), peer.closeFrame(1000));
    await play.over(ws, peer);
    play.note(bytes === peer.frame('text', 'sniffed').length);
  }
);

scenario(
  "a 'data' listener in the middle of a frame",
  { transports: NATIVE },
  async (play) => {
    const { ws, peer } = await play.open();
    const message = peer.frame('binary', Buffer.alloc(100000, 'm'));
    let sniffed = 0;

    play.watch(ws);
    const before = ws._socket.bytesRead;
    peer.write(message.subarray(0, 50000));
    while (ws._socket.bytesRead === before) {
      await new Promise(setImmediate);
    }
    ws._socket.on('data', (chunk) => {
      sniffed += chunk.length;
    });
    peer.write(message.subarray(50000), peer.closeFrame(1000));
    await play.over(ws, peer);
    play.note(sniffed >= 50000, sniffed < message.length + 10);
  }
);

scenario(
  'events of the socket around the end',
  { transports: NATIVE },
  async (play) => {
    const { ws, peer } = await play.open();

    play.watch(ws);
    for (const event of ['end', 'finish', 'close']) {
      ws._socket.on(event, () => play.note('socket', event, ws.readyState));
    }
    peer.write(peer.frame('text', 'a'), peer.closeFrame(1000));
    await play.over(ws, peer);
  }
);

scenario(
  "'drain' after much was sent",
  { transports: NATIVE },
  async (play) => {
    const { ws, peer } = await play.open();
    const socket = ws._socket;
    const drained = new Promise((resolve) => socket.once('drain', resolve));

    peer.stream.pause();
    for (let i = 0; i < 16; i++) ws.send(Buffer.alloc(1 << 20));
    play.note(socket.writableNeedDrain, socket.writableLength > 1 << 20);
    play.note(socket.writableLength === ws.bufferedAmount);
    peer.stream.resume();
    await drained;
    play.note(
      socket.writableNeedDrain,
      socket.writableLength,
      ws.bufferedAmount
    );
    ws.close();
    await play.finish(ws, peer);
  }
);

scenario(
  'the connections of the HTTP server',
  { roles: ['server'], transports: ['tcp', 'unix', 'tls'], port: false },
  async (play) => {
    const { ws, peer, server } = await play.open();
    const count = () =>
      new Promise((resolve, reject) => {
        server.getConnections((err, n) => (err ? reject(err) : resolve(n)));
      });

    play.note(await count());
    ws.close();
    await play.finish(ws, peer);
    await new Promise((resolve) => server.close(resolve));
    play.note(await count());
  }
);

for (const name of ['write', '_write', 'end']) {
  scenario(`the socket's ${name} is wrapped`, {}, async (play) => {
    const { ws, peer } = await play.open();
    const socket = ws._socket;
    const original = socket[name];
    let seen = false;

    socket[name] = function (...args) {
      seen = true;
      return original.apply(this, args);
    };
    socket.cork?.();
    ws.send('a');
    ws.send('b');
    socket.uncork?.();
    ws.on('message', () => ws.close());
    peer.write(peer.frame('text', 'c'));
    await play.finish(ws, peer);
    if (name === 'write' || name === 'end') play.note('seen', seen);
  });
}
