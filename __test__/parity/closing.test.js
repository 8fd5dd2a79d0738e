'use strict';

/** How connections end: by the closing handshake, or in another way. */

const { scenario } = require('./harness.js');

/**
 * @param {any} ws A WebSocket
 * @return {Promise<void>} It is closed
 */
function closed(ws) {
  return new Promise((resolve) => {
    if (ws.readyState === 3) resolve();
    else ws.once('close', () => resolve());
  });
}

for (const [title, args] of /** @type {[string, any[]][]} */ ([
  ['no code', []],
  ['1000', [1000]],
  ['1013', [1013, 'try again']],
  ['1014', [1014]],
  ['3000 and a long reason', [3000, '\u00e9'.repeat(61)]],
  ['4999 and a Buffer', [4999, Buffer.from('why')]]
])) {
  scenario(`close() with ${title}`, {}, async (play) => {
    const { ws, peer } = await play.open();

    play.watch(ws);
    ws.send('before');
    ws.close(...args);
    play.note('called', ws.readyState);
    await peer.frames(2);
    peer.write(peer.frame('text', 'crossing'), peer.closeFrame(...args));
    await play.over(ws, peer);
  });
}

for (const [title, code, reason] of /** @type {[string, any, any][]} */ ([
  ['no code', undefined, undefined],
  ['1000', 1000, ''],
  ['1001 and a reason', 1001, 'away'],
  ['3999 and the longest reason', 3999, 'x'.repeat(123)]
])) {
  scenario(`the peer closes with ${title}`, {}, async (play) => {
    const { ws, peer } = await play.open();

    play.watch(ws);
    peer.write(peer.closeFrame(code, reason));
    await play.over(ws, peer);
  });
}

scenario('another code in the answer', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.close(1000, 'mine');
  await peer.frames(1);
  peer.write(peer.closeFrame(4002, 'theirs'));
  await play.over(ws, peer);
});

scenario('close() and terminate() again and again', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.close(1000);
  ws.close(1001);
  ws.close();
  await peer.finish();
  await closed(ws);
  ws.close();
  ws.close(1002);
  ws.terminate();
  play.note(
    ws.readyState,
    ws._closeTimer === null || ws._closeTimer._destroyed
  );
  for (const line of peer.log) play.note(line);
});

scenario('the close frame goes out behind all messages', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  for (let i = 0; i < 5; i++) {
    ws.send(Buffer.alloc(300000, i), (err) => play.note('ack', i, err ?? ''));
  }
  ws.close(4000, 'done');
  await peer.finish();
  await closed(ws);
  for (const line of peer.log) play.note(line);
});

scenario('the peer ends without a close frame', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  peer.write(
    peer.frame('text', 'last'),
    peer.frame('text', 'x', { length: 9 })
  );
  peer.stream.end();
  await play.over(ws, peer);
});

scenario(
  'the peer ends right behind its messages, and is answered',
  { transports: ['tcp', 'unix', 'duplex'] },
  async (play) => {
    const { ws, peer } = await play.open(undefined, { allowHalfOpen: true });

    play.watch(ws);
    ws.on('message', (data) => ws.send(`re: ${data}`));
    peer.stream.end(
      Buffer.concat(['a', 'b', 'c'].map((text) => peer.frame('text', text)))
    );
    await play.over(ws, peer);
  }
);

scenario('the peer ends after its close frame', {}, async (play) => {
  const { ws, peer } = await play.open(undefined, { allowHalfOpen: true });

  play.watch(ws);
  peer.stream.end(
    Buffer.concat([peer.frame('text', 'a'), peer.closeFrame(1000, 'bye')])
  );
  await play.over(ws, peer);
});

scenario(
  'the peer resets the connection',
  { transports: ['tcp', 'duplex'] },
  async (play) => {
    const { ws, peer } = await play.open();

    play.watch(ws);
    ws.send('hello');
    await peer.frames(1);
    peer.stream.resetAndDestroy();
    await closed(ws);
  }
);

scenario(
  'the peer resets the connection while much is to be sent',
  { transports: ['tcp', 'duplex'] },
  async (play) => {
    const { ws, peer } = await play.open();
    let acks = 0;
    let failures = 0;
    let late = 0;

    play.watch(ws);
    peer.stream.pause();
    for (let i = 0; i < 24; i++) {
      ws.send(Buffer.alloc(1 << 20), (err) => {
        acks++;
        if (err) failures++;
        if (!err && failures > 0) late++;
      });
    }
    peer.stream.resetAndDestroy();
    await closed(ws);
    await new Promise(setImmediate);
    play.note(acks, failures > 0, late);
  }
);

scenario('terminate()', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.send('last words');
  ws.terminate();
  play.note('called', ws.readyState);
  await play.over(ws, peer, play.loses);
});

scenario('terminate() while closing', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.close(1000);
  await peer.frames(1);
  ws.terminate();
  await play.over(ws, peer);
});

scenario('terminate() within close frame answer', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.on('message', () => {
    ws.close(1000);
    ws.terminate();
  });
  peer.write(peer.frame('text', 'a'), peer.closeFrame(1001));
  await play.over(ws, peer, play.loses);
});

scenario('the close timer ends what the peer does not', {}, async (play) => {
  const { ws, peer } = await play.open({ closeTimeout: 30 });

  play.watch(ws);
  play.note(ws._closeTimer);
  ws.close(1000, 'no answer');
  play.note(typeof ws._closeTimer, ws._closeTimer._idleTimeout);
  await Promise.all([peer.closed(), closed(ws)]);
  for (const line of peer.log) play.note(line);
});

scenario('the default of the close timer', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws.close();
  play.note(ws._closeTimer._idleTimeout, ws._closeTimer.hasRef());
  await peer.finish();
  await closed(ws);
});

scenario(
  'the close timer of a client whose server does not hang up',
  { roles: ['client'] },
  async (play) => {
    const { ws, peer } = await play.open({ closeTimeout: 30 });

    play.watch(ws);
    peer.write(peer.closeFrame(1000, 'first'));
    await Promise.all([peer.closed(), closed(ws)]);
    for (const line of peer.log) play.note(line);
  }
);

scenario('a close event and its wasClean', {}, async (play) => {
  for (const how of ['clean', 'ended', 'error', 'terminated']) {
    const { ws, peer } = await play.open();

    ws.addEventListener('close', (event) => {
      play.note(how, event.code, event.reason, event.wasClean);
    });
    if (how === 'clean') peer.write(peer.closeFrame(1000, 'ok'));
    else if (how === 'ended') peer.stream.end();
    else if (how === 'error') peer.write(peer.frame(3));
    else ws.terminate();
    await play.over(ws, peer);
  }
});

scenario(
  'what was received before a FIN is all delivered',
  {},
  async (play) => {
    const { ws, peer } = await play.open();
    let bytes = 0;

    ws.on('message', (data) => {
      bytes += data.length;
    });
    ws.on('close', (code) => play.note(code, bytes));
    peer.stream.end(
      Buffer.concat(
        Array(100).fill(peer.frame('binary', Buffer.alloc(10000, 1)))
      )
    );
    await play.over(ws, peer);
  }
);

scenario('what comes after close() is still received', {}, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.close();
  await peer.frames(1);
  peer.write(
    peer.frame('text', 'a'),
    peer.frame('ping', 'p'),
    peer.frame('text', 'b', { fin: false }),
    peer.frame('continuation', 'c')
  );
  peer.write(peer.closeFrame(1005 - 5, 'late'));
  await play.over(ws, peer);
});

scenario(
  'a server that closes with connections',
  { roles: ['server'] },
  async (play) => {
    const { ws, peer, wss, server } = await play.open();

    play.watch(ws);
    play.note(wss.clients.size, wss.clients.has(ws));
    ws.on('close', () => play.note('clients', wss.clients.size));
    wss.on('close', () => play.note('server closed'));
    const over = new Promise((resolve) => server.on('close', resolve));
    wss.close((err) => play.note('callback', err ?? 'fine'));
    server.close();
    await new Promise(setImmediate);
    play.note('still', ws.readyState);
    peer.write(peer.frame('text', 'as before'), peer.closeFrame(1000));
    await play.over(ws, peer);
    await over;
  }
);

scenario('the reason keeps no other memory alive', {}, async (play) => {
  for (const reason of [undefined, '', 'a reason']) {
    const { ws, peer } = await play.open();
    const none = ws._closeMessage;

    ws.on('close', (code, data) => {
      play.note(code, data, data === none, data === ws._closeMessage);
      play.note(data.buffer.byteLength === data.length);
    });
    peer.write(peer.closeFrame(1000, reason));
    await play.over(ws, peer);
  }
});

scenario(
  'the state while a close frame is masked',
  { roles: ['client'] },
  async (play) => {
    const seen = [];
    const { ws, peer } = await play.open({
      generateMask(mask) {
        mask.fill(1);
        seen.push(mask.length);
        if (seen.length > 1) play.note('mask', ws.readyState);
      }
    });

    await new Promise((resolve) => {
      ws.send('first', resolve);
    });
    ws.close(1000, 'bye');
    play.note(ws.readyState);
    await play.finish(ws, peer);
  }
);
