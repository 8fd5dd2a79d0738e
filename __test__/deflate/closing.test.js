'use strict';

// Connections that end while messages are still being compressed.

const { scenario } = require('../support/scenario.js');

const { noise, openDeflated, words } = require('../support/deflated.js');

/**
 * Sends a few messages of every kind.
 *
 * @param {any} play The play
 * @param {any} ws The WebSocket
 */
function sendSome(play, ws) {
  const acked = (name) => (err) => {
    play.note('ack', name, err ?? 'without an error', `state ${ws.readyState}`);
  };

  ws.send(words(50000), acked('large'));
  ws.send('without a callback');
  ws.ping('ping', undefined, acked('ping'));
  ws.send('small', acked('small'));
  ws.send('plain', { compress: false }, acked('plain'));
  ws.pong('pong', undefined, acked('pong'));
}

scenario('close() right behind messages', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  sendSome(play, ws);
  ws.close(1000, 'bye');
  play.note('buffered', ws.bufferedAmount);
  ws.send('too late', (err) => play.note('late', err));
  await play.finish(ws, peer);
});

scenario('terminate() right behind messages', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  sendSome(play, ws);
  ws.terminate();
  play.note('buffered', ws.bufferedAmount);
  ws.send('too late', (err) => play.note('late', err));
  await play.over(ws, peer, true);
  play.note('buffered', ws.bufferedAmount);
});

scenario('the socket is destroyed right behind messages', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  sendSome(play, ws);
  ws._socket.destroy();
  await play.over(ws, peer, true);
  play.note('buffered', ws.bufferedAmount);
});

scenario('the socket fails right behind messages', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  sendSome(play, ws);
  ws._socket.destroy(new Error('mine'));
  await play.over(ws, peer, true);
});

scenario(
  'close() behind a plain message, then terminate()',
  {},
  async (play) => {
    const { ws, peer } = await openDeflated(play);

    play.watch(ws);
    ws.send('plain', { compress: false }, (err) => {
      if (!play.loses) play.note('plain', err ?? 'fine');
    });
    ws.send('compressed', (err) => play.note('compressed', err ?? 'fine'));
    ws.close();
    ws.terminate();
    await play.over(ws, peer, true);
  }
);

scenario('a close frame while messages are compressed', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  ws.on('ping', () => sendSome(play, ws));
  peer.write(peer.frame('ping', 'now'), peer.closeFrame(1001, 'bye'));
  await play.over(ws, peer);
});

scenario('an error while messages are compressed', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  ws.on('ping', () => sendSome(play, ws));
  peer.write(peer.frame('ping', 'now'), peer.frame(3));
  await play.over(ws, peer);
});

scenario('messages from the callbacks of messages', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);
  let left = 10;
  const next = (err) => {
    play.note('ack', left, err ?? 'fine', ws.bufferedAmount);
    if (left-- > 0) ws.send(words(left * 500), next);
    else ws.close();
  };

  play.watch(ws);
  next();
  await play.finish(ws, peer);
});

scenario(
  'a Blob behind compressed messages, and terminate()',
  {},
  async (play) => {
    const { ws, peer } = await openDeflated(play);

    play.watch(ws);
    ws.send(new Blob(['blob']), (err) => play.note('blob', err ?? 'fine'));
    ws.send('behind', (err) => play.note('behind', err ?? 'fine'));
    ws.terminate();
    await play.over(ws, peer, true);
  }
);

scenario('many large messages and close()', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  for (let i = 0; i < 12; i++) {
    ws.send(i % 2 ? noise(300000) : words(300000), (err) => {
      if (err) play.note('ack', err);
    });
  }
  ws.close(1001);
  await play.finish(ws, peer);
});

scenario('the peer hangs up while much is compressed', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);
  let failed = 0;
  let acked = 0;

  ws.on('error', (err) => play.note(err));
  ws.on('close', (code) => play.note('close', code));
  peer.stream.resume();
  for (let i = 0; i < 40; i++) {
    ws.send(noise(200000), (err) => {
      if (err) failed++;
      else acked++;
    });
  }
  peer.stream.destroy();
  await new Promise((resolve) => {
    ws.once('close', resolve);
  });
  await new Promise(setImmediate);
  play.note('all told', failed + acked, failed > 0);
});

scenario('_socket.end() with nothing to compress', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  await new Promise((resolve) => {
    ws.send('compressed', resolve);
  });
  ws._socket.end();
  ws.send('late', (err) => play.note('late', err instanceof Error));
  await play.over(ws, peer);
});

scenario('closeTimeout while the peer does not answer', {}, async (play) => {
  const { ws, peer } = await openDeflated(play, true, { closeTimeout: 100 });

  play.watch(ws);
  ws.send(words(10000), (err) => play.note('ack', err ?? 'fine'));
  ws.close();
  await new Promise((resolve) => {
    ws.once('close', resolve);
  });
  await play.over(ws, peer);
});

scenario('another listener on the socket', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);
  const acks = [];

  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 6; i++) {
      ws.send(words(i * 30000), () => acks.push(i));
      ws.send(`plain ${i}`, { compress: false }, () => acks.push(-i));
    }
    await new Promise(setImmediate);
    ws.send(words(700000), () => acks.push('long'));
    await new Promise(setImmediate);
    // Before or while the long message is compressed.
    if (round === 0) ws._socket.on('data', () => {});
  }
  ws.send('last');
  peer.write(peer.compressed('text', words(500)));
  play.watch(ws);
  await peer.frames(27);
  ws.close();
  await play.finish(ws, peer);
  play.note(acks);
});

scenario('another listener on a paused socket', {}, async (play) => {
  for (const compress of [true, false]) {
    const { ws, peer } = await openDeflated(play);
    const message = (text) =>
      compress ? peer.compressed('text', text) : peer.frame('text', text);

    play.watch(ws);
    peer.write(message('one'));
    await new Promise((resolve) => {
      ws.once('message', resolve);
    });
    ws.pause();
    peer.write(message('two'));
    // It has arrived by the time the answer is sent.
    await new Promise((resolve) => {
      ws.send('one', resolve);
    });
    await peer.frames(1);
    await new Promise(setImmediate);
    ws._socket.on('data', () => {});
    peer.write(message('three'));
    await new Promise(setImmediate);
    play.note('paused', ws.isPaused);
    ws.resume();
    peer.write(message('four'), peer.closeFrame(1000));
    await play.over(ws, peer);
  }
});
