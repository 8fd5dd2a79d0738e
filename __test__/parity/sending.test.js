'use strict';

/** send, ping and pong: what goes out, which acks come, what is counted. */

const { scenario } = require('./harness.js');

// `ws` gives a plain Duplex each frame in two writes, and terminate() may come
// between them.
const UNBROKEN = { transports: ['tcp', 'unix', 'tls'] };

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

scenario('what was sent may be changed afterwards', {}, async (play) => {
  const { ws, peer } = await play.open();
  const small = Buffer.from('small');
  const large = Buffer.alloc(70000, 'l');

  ws.send(small, () => play.note('small', small));
  small.write('SMALL');
  ws.send(small);
  ws.send(large, () => play.note('large'));
  await peer.frames(3);
  large.fill('L');
  ws.send(large);
  ws.close();
  await peer.finish();
  // A server's frames are not copied by `ws`, so the first may show the change.
  for (const line of peer.log.slice(1)) play.note(line);
});

scenario('acks come in order, and later than the call', {}, async (play) => {
  const { ws, peer } = await play.open();
  let calling = true;
  const ack = (name) => (err) => play.note(name, err ?? 'sent', calling);

  ws.send('a', ack('a'));
  ws.ping('b', undefined, ack('b'));
  ws.ping('c', true, ack('c'));
  ws.ping(ack('d'));
  ws.pong('e', ack('e'));
  ws.send('f', {}, ack('f'));
  ws.send(Buffer.alloc(1 << 20), ack('g'));
  ws.send('h', { fin: true }, ack('h'));
  ws.close();
  calling = false;
  await peer.finish();
  for (const line of peer.log) play.note(line);
});

scenario('an ack in each state', {}, async (play) => {
  const { ws, peer } = await play.open();
  const acks = (when) =>
    new Promise((resolve) => {
      let missing = 3;
      const ack = (name) => (err) => {
        play.note(when, name, err ?? 'sent', ws.readyState);
        if (--missing === 0) resolve();
      };

      ws.send('text', ack('send'));
      ws.ping('ping', undefined, ack('ping'));
      ws.pong('pong', undefined, ack('pong'));
      play.note(when, 'buffered', when === 'open' || ws.bufferedAmount);
    });

  await acks('open');
  ws.close(1001);
  ws.send('no ack');
  ws.ping();
  await acks('closing');
  await peer.finish();
  if (ws.readyState !== 3) await new Promise((r) => ws.once('close', r));
  ws.send(Buffer.alloc(1000));
  ws.send('\u00e9\u00e9');
  ws.send();
  ws.send(new Blob(['12345']));
  await acks('closed');
  for (const line of peer.log) play.note(line);
});

scenario('acks after terminate()', UNBROKEN, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.send('before', (err) => play.note('before', err ?? 'sent'));
  ws.terminate();
  ws.send('after', (err) => play.note('after', err));
  await play.over(ws, peer);
  play.log.sort();
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

scenario('bufferedAmount', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.note('fresh', ws.bufferedAmount);
  ws.send('small');
  play.note('small', ws.bufferedAmount);
  await peer.frames(1);

  // More than the kernel takes while nobody reads.
  peer.stream.pause();
  const chunk = Buffer.alloc(1 << 20);
  for (let i = 0; i < 16; i++) ws.send(chunk);
  play.note('grows', ws.bufferedAmount > 4 << 20);
  await new Promise(setImmediate);
  play.note('stays', ws.bufferedAmount > 4 << 20);
  play.note(ws.bufferedAmount <= 16 * ((1 << 20) + 14));

  const acked = new Promise((resolve) => ws.send('last', resolve));
  peer.stream.resume();
  await acked;
  play.note('empty', ws.bufferedAmount);
  ws.close();
  await peer.finish();
  for (const line of peer.log) play.note(line);
});

scenario('masks', { roles: ['client'] }, async (play) => {
  const { ws, peer } = await play.open({
    generateMask(mask) {
      play.note('key', mask.length);
      mask.fill(0);
    }
  });
  const data = Buffer.from('not changed');
  const raw = [];

  peer.stream.on('data', (chunk) => raw.push(chunk));
  ws.send(data);
  ws.ping('p');
  ws.send(Buffer.alloc(100000, 'z'));
  ws.close(1000, 'r');
  await peer.finish();
  play.note(data, Buffer.concat(raw).includes('not changed'));
  for (const line of peer.log) play.note(line);
});

scenario('mask false is obeyed', { roles: ['client'] }, async (play) => {
  const { ws, peer } = await play.open();

  ws.send('bare', { mask: false });
  ws.ping('bare', false);
  ws.send(Buffer.alloc(70000), { mask: false });
  ws.send('masked', { mask: true });
  ws.close();
  await peer.finish();
  for (const line of peer.log) play.note(line);
});

scenario('masking keys are fresh', { roles: ['client'] }, async (play) => {
  const { ws, peer } = await play.open();
  const raw = [];
  const keys = new Set();

  peer.stream.on('data', (chunk) => raw.push(chunk));
  for (let i = 0; i < 100; i++) ws.send('x');
  ws.close();
  await peer.finish();
  const bytes = Buffer.concat(raw);
  for (let i = 0; i < 100; i++) keys.add(bytes.readUInt32BE(i * 7 + 2));
  play.note(keys.size > 90);
});

scenario('a Blob keeps its place', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws.send('before', (err) => play.note('before', err ?? 'sent'));
  ws.send(new Blob(['blob']), (err) => play.note('blob', err ?? 'sent'));
  ws.send('after', (err) => play.note('after', err ?? 'sent'));
  ws.ping(new Uint8Array(2));
  ws.send(new Blob(['text blob']), { binary: false });
  ws.close(1000);
  await peer.finish();
  for (const line of peer.log) play.note(line);
});
