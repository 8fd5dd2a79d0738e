'use strict';

// The properties of the class WebSocket and of its objects.

const { scenario } = require('../support/scenario.js');

const one = { transports: ['tcp', 'duplex'] };

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

scenario(
  'the accessors have no setters',
  { transports: ['tcp'] },
  async (play) => {
    const { ws, peer } = await play.open();

    for (const name of [
      'bufferedAmount',
      'extensions',
      'isPaused',
      'protocol',
      'readyState',
      'url',
      'OPEN'
    ]) {
      try {
        ws[name] = 'changed';
        play.note(name, 'fine', ws[name] === 'changed');
      } catch (err) {
        play.note(name, err.name);
      }
    }
    play.note(ws.extensions, ws.protocol, ws.isPaused);
    ws.close();
    await play.finish(ws, peer);
  }
);

scenario('the keys of a WebSocket', { transports: ['tcp'] }, async (play) => {
  for (const autoPong of [true, false]) {
    const { ws, peer } = await play.open({ autoPong });
    const show = () => {
      for (const key of Object.keys(ws)) {
        // With this package it is an accessor of the prototype.
        if (key === '_receiver') continue;
        // Node.js numbers its emitters.
        if (key.startsWith('_events')) continue;
        play.note(key, typeof ws[key]);
      }
    };

    show();
    play.note(JSON.stringify(ws._extensions), typeof JSON.stringify(ws));
    ws.close();
    ws.send('counts', () => {});
    play.note(ws.bufferedAmount - ws._socket._writableState.length > 0);
    await play.finish(ws, peer);
    show();
  }
});
