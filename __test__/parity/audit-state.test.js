'use strict';

/** States, what each allows, and the acks that fail. */

const { scenario } = require('./harness.js');

/** @return {Promise<void>} Everything that is due has run */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/**
 * @param {any} ws A WebSocket
 * @return {Promise<void>} It is closed
 */
function closed(ws) {
  return new Promise((resolve) => {
    ws.once('close', () => resolve());
  });
}

/** Every way to send, with the ack in every place. */
const CALLS = {
  send: (ws, ack) => ws.send('data', ack),
  'send with options': (ws, ack) => ws.send('data', {}, ack),
  'send nothing': (ws, ack) => ws.send(undefined, ack),
  'send a number': (ws, ack) => ws.send(123, ack),
  'send an ArrayBuffer': (ws, ack) => ws.send(new ArrayBuffer(7), ack),
  ping: (ws, ack) => ws.ping(ack),
  'ping data': (ws, ack) => ws.ping('d', ack),
  'ping all': (ws, ack) => ws.ping('d', true, ack),
  'long ping': (ws, ack) => ws.ping('d'.repeat(126), true, ack),
  pong: (ws, ack) => ws.pong(ack),
  'pong data': (ws, ack) => ws.pong('d', ack),
  'pong all': (ws, ack) => ws.pong('d', false, ack),
  'long pong': (ws, ack) => ws.pong('d'.repeat(126), true, ack)
};

for (const [title, end] of [
  ['closing', (ws) => ws.close()],
  ['terminated', (ws) => ws.terminate()],
  ['closed', (ws) => ws.terminate()]
]) {
  scenario(`acks when ${title}`, {}, async (play) => {
    const { ws, peer } = await play.open();
    const over = closed(ws);

    end(ws);
    if (title === 'closed') await over;
    for (const [name, call] of Object.entries(CALLS)) {
      let calling = true;
      const before = ws.bufferedAmount;

      try {
        call(ws, (err) => play.note(name, calling, err ?? 'sent'));
      } catch (err) {
        play.note(name, 'throws', err);
      }
      calling = false;
      play.note(name, 'adds', ws.bufferedAmount - before);
      await new Promise(process.nextTick);
    }
    play.note('state', ws.readyState);
    await peer.finish();
    if (ws.readyState !== 3) await over;
  });
}

// A frame of `ws` takes a plain Duplex two writes, and so longer.
const native = { transports: ['tcp', 'unix', 'tls'] };

for (const [title, end] of [
  ['close()', (ws) => ws.close()],
  ['terminate()', (ws) => ws.terminate()]
]) {
  scenario(`acks around ${title} come in order`, native, async (play) => {
    for (const within of [false, true]) {
      const { ws, peer } = await play.open();
      const over = closed(ws);
      const note = (name) => (err) => play.note(name, err ?? 'sent');
      const act = () => {
        ws.send('first', note('first'));
        ws.ping('second', note('second'));
        end(ws);
        ws.send('late', note('late'));
        ws.pong('later', note('later'));
        process.nextTick(() => play.note('tick'));
      };

      if (within) {
        ws.on('message', act);
        peer.write(peer.frame('text', 'now'));
      } else {
        act();
      }
      await peer.finish();
      await over;
    }
  });
}

for (const error of [undefined, new Error('mine')]) {
  scenario(
    `the queue of a socket destroyed with ${error}`,
    {},
    async (play) => {
      const { ws, peer } = await play.open();
      const over = closed(ws);

      peer.stream.pause();
      for (let i = 0; i < 8; i++) {
        // How much the kernel takes is its own affair.
        ws.send(Buffer.alloc(4 << 20), (err) => i < 6 || play.note(i, err));
      }
      for (let i = 0; i < 20; i++) await turn();
      ws._socket.destroy(error);
      ws._socket.on('error', () => {});
      await over;
      await turn();
      peer.stream.destroy();
    }
  );
}

scenario('autoPong is true or missing', {}, async (play) => {
  for (const autoPong of [true, 'yes', 1, 0, '', null]) {
    const { ws, peer } = await play.open({ autoPong });

    play.note(autoPong, ws._autoPong, ws._pendingAutoPongs);
    ws.close();
    await play.finish(ws, peer);
  }
});

scenario('readyState within events', {}, async (play) => {
  const { ws, peer } = await play.open(undefined, {
    onOpen(opened) {
      play.note('open', opened.readyState, opened.bufferedAmount);
    }
  });

  ws.on('message', () => play.note('message', ws.readyState));
  ws.on('close', () => play.note('close', ws.readyState, ws._socket === null));
  peer.write(peer.frame('text', 'x'), peer.closeFrame(1000));
  await play.over(ws, peer);
});

scenario('a socket that is gone fails what is queued', {}, async (play) => {
  const { ws, peer } = await play.open();
  const over = closed(ws);

  peer.stream.pause();
  for (let i = 0; i < 12; i++) {
    ws.send(Buffer.alloc(1 << 20), (err) => {
      if (i > 8) play.note(i, typeof err, ws.readyState);
    });
  }
  ws.send('no ack');
  await turn();
  ws.terminate();
  await over;
  await turn();
  play.note('closed');
});

scenario('acks of what is sent in an ack', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws.send('a', (err) => {
    play.note('a', err ?? 'sent');
    ws.send('b', (again) => {
      play.note('b', again ?? 'sent');
      ws.close(1000);
      ws.send('c', (late) => play.note('c', late ?? 'sent'));
    });
  });
  await play.finish(ws, peer);
});

for (const code of [
  0,
  999,
  1003,
  1004,
  1005,
  1006,
  1007,
  1011,
  1012,
  1015,
  2999,
  5000,
  1000.5,
  NaN,
  null,
  '1000',
  true
]) {
  scenario(
    `close(${JSON.stringify(code)}) by type`,
    {
      transports: ['tcp']
    },
    async (play) => {
      const { ws, peer } = await play.open();

      play.watch(ws);
      try {
        ws.close(code);
        play.note('fine', ws.readyState);
      } catch (err) {
        play.note(err, ws.readyState, ws._closeTimer);
        ws.close();
      }
      await play.finish(ws, peer);
    }
  );
}

scenario('the reason of close() is copied', {}, async (play) => {
  const { ws, peer } = await play.open();
  const reason = Buffer.from('as it was');

  ws.close(1000, reason);
  reason.fill('x');
  await play.finish(ws, peer);
});

scenario('reasons of every type', { transports: ['tcp'] }, async (play) => {
  for (const reason of [
    '',
    null,
    undefined,
    0,
    12,
    new Uint8Array([97, 98]),
    new ArrayBuffer(3),
    [97],
    true
  ]) {
    const { ws, peer } = await play.open();

    try {
      ws.close(1000, reason);
      play.note('fine');
    } catch (err) {
      play.note(err, ws.readyState);
      ws.close();
    }
    await play.finish(ws, peer);
  }
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

scenario('the socket shows pause() and resume()', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws.pause();
  play.note(ws.isPaused, ws._socket.isPaused());
  ws.resume();
  play.note(ws.isPaused, ws._socket.isPaused());
  ws.pause();
  ws.terminate();
  await peer.closed();
  if (ws.readyState !== 3) await closed(ws);
  play.note(ws.isPaused);
  ws.resume();
  play.note(ws.isPaused);
});

scenario('wasClean', { transports: ['tcp', 'duplex'] }, async (play) => {
  for (const [title, end] of [
    ['both', (ws, peer) => peer.write(peer.closeFrame(1000, 'b'))],
    ['only the peer', (ws, peer) => peer.stream.end(peer.frame('text', 'x'))],
    ['nobody', (ws) => ws.terminate()],
    ['bad frame', (ws, peer) => peer.write(peer.frame(3))]
  ]) {
    const { ws, peer } = await play.open();

    ws.onclose = ({ code, reason, target, type, wasClean }) => {
      play.note(title, code, reason, wasClean, type, target === ws);
    };
    end(ws, peer);
    await play.over(ws, peer, true);
  }
});
