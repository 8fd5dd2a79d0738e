'use strict';

// send(), ping() and pong(): the frames that go out.

const { scenario } = require('../support/scenario.js');

scenario('every kind of data', {}, async (play) => {
  const { ws, peer } = await play.open();
  const bytes = Uint8Array.from([97, 98, 99, 100]);

  ws.send('text');
  ws.send('');
  ws.send(Buffer.from('buffer'));
  ws.send(bytes.buffer);
  ws.send(bytes.subarray(1, 3));
  ws.send(new DataView(bytes.buffer, 2, 2));
  ws.send(new Uint16Array(bytes.buffer));
  ws.send(0);
  ws.send(-1.5);
  ws.send();
  ws.send(undefined, { binary: false });
  ws.send(null);
  ws.send('as binary', { binary: true });
  ws.send(Buffer.from('as text'), { binary: false });
  ws.send('a\u{1f600}\ud800b');
  ws.ping();
  ws.ping('text');
  ws.ping(Buffer.from('buffer'));
  ws.pong(7);
  ws.pong(bytes);
  ws.close(1000, Buffer.from('done'));
  await peer.finish();
  for (const line of peer.log) play.note(line);
});

scenario('things that cannot be sent', {}, async (play) => {
  const { ws, peer } = await play.open();
  const attempt = (name, call) => {
    try {
      call();
      play.note(name, 'fine');
    } catch (err) {
      play.note(name, err);
    }
  };

  attempt('object', () => ws.send({}));
  attempt('array', () => ws.send([1]));
  attempt('true', () => ws.send(true));
  attempt('symbol', () => ws.send(Symbol('s')));
  attempt('function', () => ws.send(123n));
  attempt('long ping', () => ws.ping(Buffer.alloc(126)));
  attempt('long pong', () => ws.pong('x'.repeat(126)));
  attempt('ping object', () => ws.ping({}));
  attempt('ping of 125', () => ws.ping(Buffer.alloc(125)));
  attempt('close code', () => ws.close(1004));
  attempt('close text', () => ws.close('1000'));
  attempt('long reason', () => ws.close(1000, 'x'.repeat(124)));
  attempt('odd reason', () => ws.close(1000, {}));
  play.note('state', ws.readyState);
  attempt('reason of 123', () => ws.close(1000, 'x'.repeat(123)));
  await peer.finish();
  for (const line of peer.log) play.note(line);
});

scenario('fragments', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws.send('one', { fin: false });
  ws.ping('between');
  ws.send(Buffer.from('two'), { fin: false });
  ws.send('', { fin: true });
  ws.send(Buffer.from('a'), { fin: false });
  ws.send('b');
  ws.send('c');
  ws.close();
  await peer.finish();
  for (const line of peer.log) play.note(line);
});

scenario('lengths around the limits of the header', {}, async (play) => {
  const { ws, peer } = await play.open();

  for (const length of [0, 1, 125, 126, 127, 65535, 65536, 65537, 200000]) {
    ws.send(Buffer.alloc(length, length));
    ws.send('\u00e9'.repeat(length / 2));
  }
  ws.close();
  await peer.finish();
  for (const line of peer.log) play.note(line);
});

scenario('CONNECTING', { roles: ['client'] }, async (play) => {
  const { ws, peer } = await play.open(undefined, {
    onOpen: (opened) => play.note('open', opened.bufferedAmount)
  });

  const connecting = new play.WebSocket(ws.url.replace('+unix', ''), {
    createConnection: () => new (require('node:stream').PassThrough)()
  });
  for (const name of ['send', 'ping', 'pong']) {
    for (const args of [['x'], ['x', () => {}], [() => {}]]) {
      try {
        connecting[name](...args);
      } catch (err) {
        play.note(name, args.length, err);
      }
    }
  }
  play.note(
    connecting.bufferedAmount,
    connecting.readyState,
    connecting.isPaused
  );
  connecting.pause();
  connecting.resume();
  play.note(connecting.isPaused, connecting._socket);
  play.watch(connecting, 'connecting ');
  const closed = new Promise((resolve) => connecting.on('close', resolve));
  connecting.close();
  play.note('called');
  await closed;
  ws.close();
  await peer.finish();
});

scenario('a message of 5 MiB there and back', {}, async (play) => {
  const { ws, peer } = await play.open();
  const data = Buffer.allocUnsafe(5 << 20);

  for (let i = 0; i < data.length; i += 4) data.writeUInt32LE(i ^ 0x5bd1, i);
  ws.on('message', (message, isBinary) => {
    play.note(isBinary, message);
    ws.send(message, { binary: isBinary }, (err) => {
      play.note('ack', err ?? 'sent');
    });
  });
  peer.write(peer.frame('binary', data));
  await peer.frames(1);
  peer.write(peer.frame('text', '\u00e4'.repeat(2 << 20)));
  await peer.frames(2);
  ws.close();
  await peer.finish();
  for (const line of peer.log) play.note(line);
});
