'use strict';

// _sender and _receiver: read, listened to, replaced.

const { scenario } = require('../support/scenario.js');

const METHODS = ['send', 'ping', 'pong', 'close', 'sendFrame'];

/**
 * @param {any} list The pieces of a frame, text or bytes
 * @return {string} The frame in hexadecimal
 */
function hex(list) {
  return Buffer.concat(list.map((part) => Buffer.from(part))).toString('hex');
}

/**
 * @param {any} value An argument
 * @return {any} The part of it that can be compared
 */
function plain(value) {
  if (typeof value === 'function') return 'function';
  if (Array.isArray(value)) return hex(value);
  return value === undefined ? 'undefined' : value;
}

/**
 * Wraps methods of a sender, or of the class, so that their calls are noted.
 *
 * @param {any} play The play
 * @param {any} target The object that has the methods
 * @param {string[]} names The methods
 * @return {() => void} Undoes it
 */
function spy(play, target, names) {
  const undo = [];

  for (const name of names) {
    const own = Object.getOwnPropertyDescriptor(target, name);
    const original = target[name];

    undo.push(() => {
      if (own) Object.defineProperty(target, name, own);
      else delete target[name];
    });
    target[name] = function (...args) {
      play.note(`sender.${name}`, args.map(plain));
      return original.apply(this, args);
    };
  }

  return () => undo.forEach((restore) => restore());
}

/**
 * Calls every method that sends.
 *
 * @param {any} ws The WebSocket
 * @param {any} play Its play
 */
function sendAll(ws, play) {
  ws.send('text');
  ws.send(Buffer.from('bytes'), (err) => play.note('ack', err ?? 'sent'));
  ws.send(7);
  ws.send();
  ws.send('begin', { fin: false });
  ws.send('end', { binary: true });
  ws.send('odd', { mask: false, compress: true, binary: true });
  ws.ping('ping');
  ws.ping();
  ws.pong(Buffer.from('pong'), undefined, () => play.note('pong ack'));
}

/** A predictable mask. */
const options = { generateMask: (mask) => mask.fill(1) };

const EVENTS = ['message', 'ping', 'pong', 'conclude', 'error', 'drain'];

for (const names of [METHODS, ['sendFrame'], ['send'], ['close', 'ping']]) {
  scenario(`${names.join(', ')} of _sender replaced`, {}, async (play) => {
    const { ws, peer } = await play.open(options);

    const pinged = new Promise((resolve) => {
      ws.once('ping', resolve);
    });

    spy(play, ws._sender, names);
    sendAll(ws, play);
    peer.write(peer.frame('ping', 'ping'));
    await pinged;
    ws.send('last', () => ws.close(1000, 'reason'));
    await play.finish(ws, peer);
  });
}

scenario('methods of the class Sender replaced', {}, async (play) => {
  const { prototype } = play.WebSocket.Sender;
  const restore = spy(play, prototype, METHODS);

  try {
    const { ws, peer } = await play.open(options);

    sendAll(ws, play);
    ws.send('last', () => ws.close(1000, 'reason'));
    await play.finish(ws, peer);
  } finally {
    restore();
  }
});

scenario('methods of a sender called by hand', {}, async (play) => {
  const { ws, peer } = await play.open(options);
  const sender = ws._sender;
  const { frame } = sender.constructor;
  const mask = play.role === 'client';
  const framed = {
    fin: true,
    mask,
    maskBuffer: Buffer.alloc(4),
    opcode: 2,
    readOnly: true
  };
  const each = { binary: true, compress: false, fin: true, mask };

  ws.send('before');
  sender.send(Buffer.from('direct'), each, () => play.note('ack'));
  ws.send('between');
  sender.sendFrame(frame(Buffer.from('framed'), framed), (err) =>
    play.note('framed', err ?? 'sent')
  );
  sender.send(new Blob(['blob']), each, () => play.note('blob ack'));
  ws.send('behind');
  sender.ping('ping', mask);
  sender.pong(Buffer.from('pong'), mask, () => play.note('pong ack'));
  play.note(
    sender instanceof play.WebSocket.Sender,
    sender.constructor === play.WebSocket.Sender,
    sender._socket === ws._socket,
    typeof sender._bufferedBytes,
    sender._firstFragment,
    sender._compress
  );
  ws.send('last', () => sender.close(1000, 'by hand', mask));
  await play.finish(ws, peer);
});

scenario('frames that another module has made', {}, async (play) => {
  // The adapter of socket.io builds frames with the `ws` that it finds, and sends
  // them with another module.
  const { Sender } = require('ws');
  const { ws, peer } = await play.open();
  const mask = play.role === 'client';
  const frame = (data, opcode) =>
    Sender.frame(data, { fin: true, mask, opcode, readOnly: true });
  const ack = (title) => (err) => play.note(title, err ?? 'sent');
  const shared = frame(Buffer.from('4"broadcast"'), 1);

  for (let i = 0; i < 3; i++) ws._sender.sendFrame(shared, ack(i));
  ws.send('between');
  ws._sender.sendFrame(frame('text', 1), ack('text'));
  ws._sender.sendFrame(frame('', 1), ack('empty'));
  ws._sender.sendFrame(frame(Buffer.alloc(70_000, 'x'), 2), ack('large'));
  if (!mask) ws._sender.sendFrame([Buffer.from([0x81, 4]), 'text'], ack('raw'));
  ws.send('last', () => ws.close(1000));
  await play.finish(ws, peer);
});

scenario('listeners of _receiver', {}, async (play) => {
  const { ws, peer } = await play.open();
  const receiver = ws._receiver;

  play.note(
    receiver instanceof play.WebSocket.Receiver,
    receiver === ws._receiver,
    EVENTS.map((event) => receiver.listenerCount(event))
  );
  play.watch(ws);
  for (const event of EVENTS) {
    receiver.prependListener(event, (...args) =>
      play.note('receiver', event, args)
    );
  }
  peer.write(
    peer.frame('text', 'text'),
    peer.frame('ping', 'ping'),
    peer.frame('pong', 'pong'),
    peer.frame('binary', 'part', { fin: false }),
    peer.frame('continuation', 'whole'),
    peer.closeFrame(1000, 'reason')
  );
  await play.over(ws, peer);
  play.note(
    receiver === ws._receiver,
    EVENTS.map((event) => receiver.listenerCount(event)),
    receiver.writableEnded
  );
});

scenario('an error of _receiver', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws._receiver.on('error', (err) => play.note('receiver', err));
  peer.write(peer.frame('text', 'text'), peer.frame(3));
  await play.over(ws, peer);
});

scenario('events of _receiver by hand', {}, async (play) => {
  const { ws, peer } = await play.open();
  const pinged = new Promise((resolve) => {
    ws.once('ping', resolve);
  });

  play.watch(ws);
  ws._receiver.emit('message', Buffer.from('text'), false);
  ws._receiver.emit('message', Buffer.from('bytes'), true);
  ws._receiver.emit('ping', Buffer.from('ping'));
  ws._receiver.emit('pong', Buffer.from('pong'));
  ws._receiver.removeAllListeners('message');
  peer.write(peer.frame('text', 'lost'), peer.frame('ping', 'seen'));
  await pinged;
  peer.write(peer.closeFrame(1000));
  await play.over(ws, peer);
});

for (const [title, event, ...args] of [
  ['an end', 'conclude', 1001, Buffer.from('made up')],
  ['an error', 'error', new Error('made up')]
]) {
  scenario(`${title} of _receiver by hand ends the input`, {}, async (play) => {
    const { ws, peer } = await play.open();

    play.watch(ws);
    ws._receiver.emit(event, ...args);
    play.note(ws.readyState, ws._receiver._writableState.errorEmitted);
    await peer.frames(1);
    peer.write(
      peer.frame('text', 'unheard'),
      peer.frame('ping', 'unheard'),
      peer.closeFrame(4000, 'unheard')
    );
    await play.over(ws, peer);
  });
}

scenario('the state of _receiver in and behind an error', {}, async (play) => {
  const { ws, peer } = await play.open();
  const state = ws._receiver._writableState;
  const show = () =>
    play.note(state.errorEmitted, state.errored, ws._receiver.destroyed);

  show();
  ws.on('error', show);
  ws.on('close', show);
  peer.write(peer.frame(3));
  await play.over(ws, peer);
});

scenario('the state that a sender sees in close()', {}, async (play) => {
  const { ws, peer } = await play.open();
  const { close } = ws._sender;

  ws._sender.close = function noted(...args) {
    play.note('close', ws.readyState, ws._closeTimer === null);
    return close.apply(this, args);
  };
  ws.close(1000);
  play.note(ws.readyState, ws._closeTimer === null);
  await play.finish(ws, peer);
});

scenario('bytes written to _receiver', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  await new Promise((resolve) => {
    ws._receiver.write(peer.frame('text', 'by hand'), resolve);
  });
  peer.write(peer.frame('text', 'by the peer'), peer.closeFrame(1000));
  await play.over(ws, peer);
});

scenario('bounds of _receiver', { transports: ['tcp'] }, async (play) => {
  const { ws, peer } = await play.open({
    allowSynchronousEvents: false,
    maxBufferedChunks: 5,
    maxFragments: 6,
    maxPayload: 7,
    skipUTF8Validation: true
  });

  for (const name of [
    '_allowSynchronousEvents',
    '_binaryType',
    '_extensions',
    '_isServer',
    '_maxBufferedChunks',
    '_maxFragments',
    '_maxPayload',
    '_skipUTF8Validation'
  ]) {
    play.note(name, ws._receiver[name]);
  }
  ws.binaryType = 'arraybuffer';
  play.note(ws._receiver._binaryType);
  play.watch(ws);
  ws._receiver._maxPayload = 100;
  ws._receiver._allowSynchronousEvents = true;
  peer.write(peer.frame('text', 'longer than seven'));
  ws.once('message', () => {
    ws._receiver._maxPayload = 3;
    peer.write(peer.frame('text', 'long'));
  });
  await play.over(ws, peer);
});
