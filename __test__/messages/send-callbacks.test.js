'use strict';

// The callbacks of send(), ping() and pong(): their order, and their errors.

const { scenario } = require('../support/scenario.js');
const { closed, turn } = require('../support/wait.js');

/** Every way to send, with the callback in every position. */
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

// `ws` writes a frame to a plain Duplex in two parts, which takes longer.
const native = { transports: ['tcp', 'unix', 'tls'] };

// `ws` writes a frame to a plain Duplex in two parts, and terminate() may come
// between them.
const UNBROKEN = { transports: ['tcp', 'unix', 'tls'] };

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
        // How much the kernel buffers is not defined.
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
