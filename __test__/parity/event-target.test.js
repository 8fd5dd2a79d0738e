'use strict';

/** The DOM-like half of the API. */

const { scenario } = require('./harness.js');

const one = { transports: ['tcp', 'duplex'] };
const ATTRIBUTES = ['onopen', 'onmessage', 'onerror', 'onclose'];

/**
 * @param {any} event An event
 * @return {object} All that it says
 */
function fields(event) {
  const { type, data, code, reason, wasClean, message, error } = event;

  return {
    class: event.constructor.name,
    type,
    data: Buffer.isBuffer(data) ? `Buffer ${data}` : data,
    code,
    reason,
    wasClean,
    message,
    error: error?.message
  };
}

scenario('events and what they carry', one, async (play) => {
  const { ws, peer } = await play.open();

  for (const type of ['message', 'error', 'close']) {
    ws.addEventListener(type, function (event) {
      play.note(fields(event), this === ws, event.target === ws);
    });
  }
  peer.write(peer.frame('text', 'text'), peer.frame('binary', 'binary'));
  peer.write(peer.frame(3));
  await play.over(ws, peer);
});

scenario('the data of a message event', one, async (play) => {
  const { ws, peer } = await play.open();
  const types = ['arraybuffer', 'fragments', 'blob', 'nodebuffer'];

  ws.onmessage = ({ data }) => {
    play.note(Object.prototype.toString.call(data), Buffer.isBuffer(data));
    ws.binaryType = types.shift() ?? ws.binaryType;
  };
  peer.write(
    ...['a', 'b', 'c', 'd', 'e'].map((text) => peer.frame('binary', text)),
    peer.frame('text', 'f'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

scenario('the on-attributes', one, async (play) => {
  const { ws, peer } = await play.open();
  const note = (name) => () => play.note(name);

  for (const name of ATTRIBUTES) {
    const { get, set, enumerable, configurable } =
      Object.getOwnPropertyDescriptor(play.WebSocket.prototype, name);

    play.note(name, !!get, !!set, enumerable, configurable, ws[name]);
    for (const value of [null, undefined, 1, 'x', {}, { handleEvent() {} }]) {
      ws[name] = value;
      play.note(name, ws[name]);
    }
  }

  const first = note('first');
  ws.on('message', note('on'));
  play.note('not shown', ws.onmessage);
  ws.onmessage = first;
  play.note(ws.onmessage === first, ws.listenerCount('message'));
  ws.addEventListener('message', first);
  play.note('added', ws.listenerCount('message'));
  ws.onmessage = note('second');
  play.note('replaced', ws.listenerCount('message'));
  peer.write(peer.frame('text', 'x'), peer.frame('ping', ''));
  await peer.frames(1);
  ws.onmessage = null;
  play.note('removed', ws.onmessage, ws.listenerCount('message'));
  peer.write(peer.frame('text', 'x'), peer.closeFrame(1000));
  await play.over(ws, peer);
});

scenario('adding and removing listeners', one, async (play) => {
  const { ws, peer } = await play.open();
  const note = (name) => () => play.note(name);
  const plain = note('plain');
  const once = note('once');
  const emitter = note('emitter');
  const handler = {
    handleEvent(event) {
      play.note('handler', this === handler, event.type);
    }
  };

  ws.addEventListener('message', plain);
  ws.addEventListener('message', plain);
  ws.addEventListener('message', once, { once: true });
  ws.addEventListener('message', handler);
  ws.addEventListener('ping', plain);
  ws.addEventListener('nonsense', plain);
  ws.on('message', emitter);
  play.note(ws.listenerCount('message'), ws.listenerCount('ping'));
  ws.removeEventListener('message', emitter);
  ws.removeEventListener('message', note('another'));
  play.note(ws.listenerCount('message'));
  peer.write(
    peer.frame('text', 'x'),
    peer.frame('text', 'x'),
    peer.frame('ping', '')
  );
  await peer.frames(1);
  ws.removeEventListener('message', plain);
  ws.removeEventListener('message', handler);
  play.note(ws.listenerCount('message'));
  peer.write(peer.frame('text', 'x'), peer.closeFrame(1000));
  await play.over(ws, peer);
});

scenario('a once listener can be removed', one, async (play) => {
  const { ws, peer } = await play.open();
  const listener = () => play.note('called');

  ws.addEventListener('message', listener, { once: true });
  play.note(ws.listenerCount('message'));
  ws.removeEventListener('message', listener);
  play.note(ws.listenerCount('message'));
  peer.write(peer.frame('text', 'x'), peer.closeFrame(1000));
  await play.over(ws, peer);
});

scenario('wrapped listeners in listeners()', one, async (play) => {
  const { ws, peer } = await play.open();
  const listener = () => {};

  ws.addEventListener('message', listener);
  const [wrapper] = ws.listeners('message');
  const symbols = Object.getOwnPropertySymbols(wrapper);
  play.note(
    wrapper === listener,
    symbols.some((s) => wrapper[s] === listener)
  );
  play.note(typeof wrapper, wrapper.length);
  ws.close();
  await play.finish(ws, peer);
});

scenario('an emit by hand', one, async (play) => {
  const { ws, peer } = await play.open();

  ws.on('message', (...args) => play.note(args));
  ws.onmessage = (event) => play.note(fields(event));
  ws.onclose = (event) => play.note(fields(event));
  ws.onerror = (event) => play.note(fields(event));
  ws.onopen = (event) => play.note(fields(event));
  ws.emit('message', Buffer.from('made up'), false);
  ws.emit('message', Buffer.from('made up'), true);
  ws.emit('open');
  ws.emit('error', new Error('made up'));
  ws.emit('close', 4000, Buffer.from('made up'));
  play.note(ws.readyState);
  ws.close();
  await play.finish(ws, peer);
});

scenario('the properties of class and instance', one, async (play) => {
  const { ws, peer } = await play.open();
  const { WebSocket } = play;
  const { prototype } = WebSocket;
  const describe = (object, name) => {
    const { value, get, set, ...flags } = Object.getOwnPropertyDescriptor(
      object,
      name
    );
    return [name, typeof value, !!get, !!set, flags];
  };

  for (const name of ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED']) {
    play.note(WebSocket[name], ws[name], describe(WebSocket, name));
    play.note(describe(prototype, name));
  }
  for (const name of [
    'binaryType',
    'bufferedAmount',
    'extensions',
    'isPaused',
    'protocol',
    'readyState',
    'url'
  ]) {
    play.note(describe(prototype, name), typeof ws[name]);
  }
  for (const name of Object.getOwnPropertyNames(prototype).sort()) {
    const { value } = Object.getOwnPropertyDescriptor(prototype, name);
    if (!name.startsWith('_')) play.note(name, value?.length);
  }
  play.note(Object.keys(WebSocket).sort(), WebSocket.name, WebSocket.length);
  play.note(ws instanceof require('node:events'), ws.extensions, ws.protocol);
  ws.binaryType = 'nonsense';
  play.note(ws.binaryType);
  try {
    ws.readyState = 7;
  } catch (err) {
    play.note(err.name);
  }
  play.note(ws.readyState);
  ws.close();
  await play.finish(ws, peer);
});

scenario('a listener that throws from an attribute', one, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.onmessage = () => {
    throw new Error('from a listener');
  };
  try {
    ws.emit('message', Buffer.from('x'), false);
  } catch (err) {
    play.note(err);
  }
  ws.onmessage = null;
  ws.close();
  await play.finish(ws, peer);
});
