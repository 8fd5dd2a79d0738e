'use strict';

// Compressed messages that are sent: their frames, their order, and their
// callbacks.

const { scenario } = require('../support/scenario.js');

const { noise, openDeflated, words } = require('../support/deflated.js');

/**
 * @param {any} play The play
 * @param {string} name The name of a send
 * @return {(err?: Error) => void} Notes its callback
 */
const acked = (play, name) => (err) =>
  play.note('ack', name, err ?? 'without an error');

const NO_TAKEOVER = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true
};

scenario('compressed messages of every type and size', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);
  const sent = [
    '',
    'a',
    'Hello Hello Hello',
    'grüße 🦀',
    Buffer.alloc(0),
    Buffer.from('buffer'),
    new Uint8Array([1, 2, 3]).buffer,
    new Float64Array([1, 2]),
    new DataView(Buffer.alloc(9, 7).buffer, 0, 9),
    words(1000),
    words(70000),
    noise(70000),
    noise(3),
    Buffer.alloc(2000000, 'x'),
    0,
    12.5,
    undefined,
    null
  ];

  play.watch(ws);
  for (const data of sent) ws.send(data);
  await peer.frames(sent.length);
  ws.close();
  await play.finish(ws, peer);
});

for (const takeover of [true, false]) {
  const title = takeover ? 'with takeover' : 'without takeover';

  scenario(`the threshold ${title}`, {}, async (play) => {
    const options = takeover ? {} : NO_TAKEOVER;
    const parameters = takeover
      ? ''
      : 'server_no_context_takeover; client_no_context_takeover';

    for (const threshold of [undefined, 0, 1, 10, 5000]) {
      const { ws, peer } = await openDeflated(
        play,
        { threshold, ...options },
        {},
        { parameters: play.role === 'client' ? parameters : '' }
      );

      play.note('threshold', threshold, ws.extensions);
      for (const length of [0, 1, 9, 10, 1023, 1024, 4999, 5000]) {
        ws.send('x'.repeat(length));
        ws.send(Buffer.alloc(length, 'x'));
      }
      ws.send('ü'.repeat(512));
      ws.send('123456789', { fin: false });
      ws.send('x'.repeat(6000), { fin: true });
      ws.send('x'.repeat(6000), { fin: false });
      ws.send('1', { fin: false });
      ws.send('', { fin: true });
      ws.close();
      await play.finish(ws, peer);
    }
  });
}

scenario('the option compress', {}, async (play) => {
  for (const perMessageDeflate of [true, false]) {
    const { ws, peer } = await openDeflated(
      play,
      perMessageDeflate,
      {},
      {
        ...(perMessageDeflate ? {} : { deflate: undefined })
      }
    );

    play.note('extensions', ws.extensions);
    for (const compress of [true, false, undefined, null, 0, 1, '']) {
      ws.send(`compress ${compress}`, { compress });
      ws.send(Buffer.from(`compress ${compress}`), { compress });
    }
    ws.send('no options', {});
    ws.send('null', null);
    ws.send('undefined', undefined);
    ws.send('binary', { binary: true });
    ws.send(Buffer.from('text'), { binary: false });
    ws.close();
    await play.finish(ws, peer);
  }
});

scenario('fragments', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  // The first fragment decides for the others.
  for (const first of [true, false]) {
    ws.send('one ', { fin: false, compress: first });
    ws.ping('between');
    ws.send('two ', { fin: false, compress: !first });
    ws.send('', { fin: false });
    ws.send('three', { fin: true });
  }
  ws.send('', { fin: false });
  ws.send('', { fin: false });
  ws.send('', { fin: true });
  ws.send(words(50000), { fin: false });
  // No options in the middle of a message.
  ws.send(words(50000));
  ws.send('last');
  ws.close();
  await play.finish(ws, peer);
});

scenario('control frames behind compressed messages', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  ws.send(words(100000), acked(play, 'large'));
  ws.ping('ping', undefined, acked(play, 'ping'));
  ws.send('small', acked(play, 'small'));
  ws.pong('pong', undefined, acked(play, 'pong'));
  ws.send('plain', { compress: false }, acked(play, 'plain'));
  ws.send(noise(100000), acked(play, 'noise'));
  ws.send(noise(100000), { compress: false }, acked(play, 'plain noise'));
  ws.close(1000, 'bye');
  await play.finish(ws, peer);
});

scenario('callbacks, one after the other', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => {
      ws.send(words(1000 * i), (err) => {
        play.note('ack', i, err ?? 'fine', ws.bufferedAmount);
        resolve(undefined);
      });
      play.note('sync');
    });
  }
  ws.close();
  await play.finish(ws, peer);
});

scenario('bufferedAmount', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.note('at first', ws.bufferedAmount);
  // On a busy machine an I/O thread might be faster than this turn.
  ws._socket.cork();
  ws.send('12345');
  play.note('one', ws.bufferedAmount);
  ws.send(Buffer.alloc(10000));
  play.note('two', ws.bufferedAmount);
  ws.send('ü🦀');
  play.note('three', ws.bufferedAmount);
  ws.ping('123');
  play.note('ping', ws.bufferedAmount);
  ws.send('plain', { compress: false });
  play.note('plain', ws.bufferedAmount);
  await new Promise((resolve) => {
    ws.send(words(5000), resolve);
    play.note('last', ws.bufferedAmount);
    ws._socket.uncork();
  });
  play.note('at last', ws.bufferedAmount);
  ws.close();
  await play.finish(ws, peer);
});

scenario(
  'the memory of what was sent is the user’s again',
  {},
  async (play) => {
    const { ws, peer } = await openDeflated(play);
    const first = Buffer.alloc(1000, 'a');
    const plain = Buffer.alloc(1000, 'b');
    const ping = Buffer.from('ping');

    // `ws` does not copy the message that it compresses, but it copies queued ones.
    ws.send(first);
    ws.send(plain, { compress: false });
    ws.ping(ping);
    await new Promise((resolve) => {
      ws.send('last', resolve);
    });
    first.fill('z');
    plain.fill('z');
    ping.fill('z');
    ws.close();
    await play.finish(ws, peer);
  }
);

scenario('Blobs', {}, async (play) => {
  for (const perMessageDeflate of [true, NO_TAKEOVER]) {
    const { ws, peer } = await openDeflated(
      play,
      perMessageDeflate,
      {},
      {
        parameters:
          perMessageDeflate !== true && play.role === 'client'
            ? 'client_no_context_takeover'
            : ''
      }
    );

    play.watch(ws);
    ws.send(new Blob(['blob ', 'blob']), acked(play, 'blob'));
    play.note(ws.bufferedAmount);
    ws.send(words(3000), acked(play, 'text'));
    play.note(ws.bufferedAmount);
    ws.ping('ping', undefined, acked(play, 'ping'));
    ws.send(new Blob([words(20000)]), acked(play, 'large'));
    ws.send(new Blob(['x']), { compress: false }, acked(play, 'plain'));
    ws.send(new Blob(['a '.repeat(2000)]), { fin: false, binary: false });
    ws.send(new Blob(['b']), { fin: true });
    ws.send('end');
    await peer.frames(8);
    ws.close();
    await play.finish(ws, peer);
  }
});

scenario('generateMask', { roles: ['client'] }, async (play) => {
  for (const fill of [0, 0x5a]) {
    const { ws, peer } = await openDeflated(play, true, {
      generateMask: (mask) => {
        play.note('mask', mask.length);
        mask.fill(fill);
      }
    });

    ws.send('compressed');
    ws.send('not', { compress: false });
    ws.send(words(20000));
    ws.ping('ping');
    ws.close();
    await play.finish(ws, peer);
  }
});

scenario('options of zlib', {}, async (play) => {
  for (const zlibDeflateOptions of [
    { level: 0 },
    { level: 1 },
    { level: 9, memLevel: 9 },
    { level: -1 },
    { memLevel: 1 },
    { strategy: 1 },
    { strategy: 2 },
    { strategy: 3, memLevel: 3 },
    { strategy: 4, level: 7 },
    { chunkSize: 64 },
    { chunkSize: 1 << 20 },
    { windowBits: 9 }
  ]) {
    const { ws, peer } = await openDeflated(play, {
      zlibDeflateOptions,
      zlibInflateOptions: { chunkSize: 64 }
    });

    play.note(zlibDeflateOptions);
    play.watch(ws);
    ws.send('');
    ws.send(words(40000));
    ws.send(noise(40000));
    ws.send(words(40000), { fin: false });
    ws.send(words(40000), { fin: true });
    peer.write(
      peer.compressed('text', words(5000)),
      peer.compressed('binary', noise(5000)),
      peer.compressed('text', words(5000))
    );
    await peer.frames(5);
    ws.close();
    await play.finish(ws, peer);
  }
});

scenario('concurrencyLimit', {}, async (play) => {
  for (const concurrencyLimit of [1, 0, 1000]) {
    const { ws, peer } = await openDeflated(play, { concurrencyLimit });
    const acks = [];

    for (let i = 0; i < 30; i++) ws.send(words(i * 100), () => acks.push(i));
    peer.write(
      ...Array.from({ length: 30 }, (_, i) =>
        peer.compressed('text', words(i * 100))
      )
    );
    play.watch(ws);
    await peer.frames(30);
    ws.close();
    await play.finish(ws, peer);
    play.note(acks);
  }
});

scenario('a program removes the extension', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  play.note(Object.keys(ws._extensions), ws.extensions);
  ws.send('compressed');
  await peer.frames(1);
  delete ws._extensions['permessage-deflate'];
  play.note(Object.keys(ws._extensions), ws.extensions);
  ws.send('not compressed');
  ws.send('not compressed', { compress: true });
  ws.send(Buffer.from('not compressed'));
  await peer.frames(4);
  ws.close();
  await play.finish(ws, peer);
});

scenario('many messages in one turn', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);
  let count = 0;

  for (let i = 0; i < 2000; i++) {
    ws.send(
      `message ${i} ${'x'.repeat(i % 300)}`,
      i % 5 && { compress: false },
      () => {
        if (count++ !== i) play.note('ack', i, 'out of order');
      }
    );
  }
  ws.close();
  await play.finish(ws, peer);
  play.note('acks', count);
});

scenario('messages over several turns', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);
  const acks = [];

  for (let i = 0; i < 60; i++) {
    ws.send(words((i * 997) % 40000), () => acks.push(i));
    ws.ping(String(i), undefined, () => acks.push(-i));
    if (i % 3 === 0) await new Promise(setImmediate);
  }
  ws.close();
  await play.finish(ws, peer);
  play.note(acks);
});

scenario('cork and uncork', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  ws._socket.cork();
  ws.send('one', acked(play, 'one'));
  ws.send(words(20000), acked(play, 'two'));
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  ws._socket.uncork();
  await peer.frames(2);
  ws.close();
  await play.finish(ws, peer);
});
