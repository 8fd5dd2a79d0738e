'use strict';

// Programs that patch a WebSocket, and the EventEmitter features that they use on it.

const EventEmitter = require('node:events');

const { scenario } = require('../support/scenario.js');

const METHODS = ['send', 'ping', 'pong', 'close', 'terminate', 'emitClose'];

/**
 * Wraps methods so that their calls are noted.
 *
 * @param {any} play The play
 * @param {any} target The object that has the methods
 * @param {string[]} names The methods
 * @return {() => void} Undoes it
 */
function spy(play, target, names) {
  const before = names.map((name) => [
    name,
    Object.getOwnPropertyDescriptor(target, name)
  ]);

  for (const name of names) {
    const original = target[name];

    target[name] = function (...args) {
      const shown = args.map((arg) =>
        typeof arg === 'object' && !Buffer.isBuffer(arg) ? '{}' : String(arg)
      );

      play.note(name, name === 'emit' ? shown[0] : args.length);
      return original.apply(this, args);
    };
  }

  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(target, name, descriptor);
      else delete target[name];
    }
  };
}

scenario('methods replaced on an instance', {}, async (play) => {
  for (const [code, broken] of [[1001], [undefined], [1000, true]]) {
    const { ws, peer } = await play.open();

    spy(play, ws, METHODS);
    peer.write(
      peer.frame('text', 'text'),
      peer.frame('ping', 'ping'),
      broken ? peer.frame(3) : peer.closeFrame(code)
    );
    await play.over(ws, peer);
  }
});

scenario('methods replaced on the prototype', {}, async (play) => {
  const restore = spy(play, play.WebSocket.prototype, [
    ...METHODS,
    'setSocket',
    'emit'
  ]);

  try {
    const { ws, peer } = await play.open();

    ws.send('text');
    peer.write(peer.frame('ping', 'ping'), peer.closeFrame(1001));
    await play.over(ws, peer);
  } finally {
    restore();
  }
});

scenario('this and the arguments of listeners', {}, async (play) => {
  const { ws, peer } = await play.open();

  for (const event of ['message', 'ping', 'pong', 'error', 'close']) {
    ws.on(event, function (...args) {
      play.note(event, this === ws, args.length);
    });
  }
  peer.write(
    peer.frame('text', 'text'),
    peer.frame('ping', 'ping'),
    peer.frame('pong', 'pong'),
    peer.frame(3)
  );
  await play.over(ws, peer);
});

scenario('captureRejections', {}, async (play) => {
  EventEmitter.captureRejections = true;

  try {
    const { ws, peer } = await play.open();

    play.watch(ws);
    ws.on('message', async (data) => {
      throw new Error(`rejected ${data}`);
    });
    peer.write(
      peer.frame('text', 'a'),
      peer.frame('text', 'b'),
      peer.closeFrame(1000)
    );
    await play.over(ws, peer);
  } finally {
    EventEmitter.captureRejections = false;
  }
});

scenario('events.on and events.once', {}, async (play) => {
  const { ws, peer } = await play.open();
  const messages = EventEmitter.on(ws, 'message');
  const closed = EventEmitter.once(ws, 'close');

  peer.write(peer.frame('text', 'a'), peer.frame('binary', 'b'));
  play.note((await messages.next()).value);
  play.note((await messages.next()).value);
  peer.write(peer.closeFrame(1000, 'bye'));
  play.note(await closed);
});

scenario('_autoPong and _readyState set by hand', {}, async (play) => {
  const { ws, peer } = await play.open();
  const ping = async (data) => {
    peer.write(peer.frame('ping', data));
    await EventEmitter.once(ws, 'ping');
  };

  ws._autoPong = false;
  await ping('unanswered');
  ws._autoPong = true;
  await ping('answered');
  ws._readyState = 2;
  await new Promise((resolve) => {
    ws.send('late', (err) => resolve(play.note(err)));
  });
  ws._readyState = 1;
  ws.send('in time');
  ws.close();
  await play.finish(ws, peer);
});
