'use strict';

// Corking `ws._socket`, and the encoding of what is written to it.

const { scenario } = require('../support/scenario.js');

const SOCKETS = { transports: ['tcp', 'unix', 'tls'] };

scenario('cork() holds back what is sent later', SOCKETS, async (play) => {
  const { ws, peer } = await play.open();
  const called = (name) =>
    new Promise((resolve) => {
      ws.send(name, (error) => {
        play.note(name, error ?? null);
        resolve(undefined);
      });
    });
  const first = called('first');

  ws._socket.cork();

  const second = called('second');

  await Promise.all([first, peer.frames(1)]);
  play.note(peer.log);
  ws._socket.uncork();
  await Promise.all([second, peer.frames(2)]);
  play.note(peer.log);
});

scenario('cork() at once', { roles: ['server'] }, async (play) => {
  const { ws, peer } = await play.open(undefined, {
    onOpen(opened) {
      opened._socket.cork();
      opened.once('message', () => opened._socket.uncork());
      opened.send('held back');
    }
  });

  play.note(peer.log);
  peer.write(peer.frame('text', 'go on'));
  await peer.frames(1);
  play.note(peer.log, ws._socket.writableCorked);
});

scenario('setDefaultEncoding()', { roles: ['server'] }, async (play) => {
  const { ws, peer } = await play.open();

  ws._socket.setDefaultEncoding('hex');
  ws._socket.write('810141');
  ws._socket.write('810142', 'hex');
  await peer.frames(2);
  play.note(peer.log);
});
