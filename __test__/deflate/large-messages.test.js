'use strict';

// Large compressed messages that arrive, and events while they are inflated.

const { scenario } = require('../support/scenario.js');

const { noise, openDeflated, words } = require('../support/deflated.js');

/** Streams that Node.js reads, so that a test sees their chunks. */
const STREAMS = { transports: ['tls', 'duplex'], port: false };

/** Stays large when compressed. */
const LARGE = Buffer.concat([noise(200000), Buffer.alloc(4000000, 'x')]);

/**
 * Lets the peer send frames, and calls back when all bytes have arrived, while
 * the last message is still being inflated.
 *
 * @param {any} ws One end
 * @param {any} peer The other
 * @param {Buffer[]} frames What it sends
 * @param {() => void} callback Called within the event of the last chunk
 */
function atWork(ws, peer, frames, callback) {
  const all = Buffer.concat(frames);
  let rest = all.length;

  ws._socket.on('data', (chunk) => {
    rest -= chunk.length;
    if (rest === 0) callback();
  });
  peer.write(all);
}

scenario('large messages keep their place', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  peer.write(
    peer.compressed('text', 'before'),
    peer.compressed('binary', LARGE),
    peer.frame('ping', 'one'),
    peer.compressed('text', words(300000)),
    peer.frame('text', 'plain'),
    peer.compressed('binary', noise(100000)),
    peer.compressed('binary', noise(70000)),
    peer.frame('pong', 'two'),
    peer.compressed('text', words(700000)),
    peer.compressed('text', 'behind'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

for (const binaryType of ['nodebuffer', 'fragments']) {
  scenario(`large fragments as ${binaryType}`, {}, async (play) => {
    const { ws, peer } = await openDeflated(play);

    ws.binaryType = binaryType;
    play.watch(ws);
    peer.write(
      peer.compressed('binary', noise(90000), { fin: false }),
      peer.frame('ping', 'between'),
      peer.compressed('continuation', words(300000), { fin: false }),
      peer.compressed('continuation', '', { fin: false }),
      peer.compressed('continuation', LARGE, { fin: false }),
      peer.frame('ping', 'between'),
      peer.compressed('continuation', 'the end')
    );
    peer.write(peer.compressed('binary', LARGE), peer.closeFrame(1000));
    await play.over(ws, peer);
  });
}

scenario('a large message that is corrupt', {}, async (play) => {
  for (const at of [10, 150000]) {
    const { ws, peer } = await openDeflated(play);
    const message = peer.deflating.deflate(LARGE);

    // Turns a stored block into one of the reserved type.
    message.fill(0xff, at, at + 40000);
    play.watch(ws);
    peer.write(
      peer.compressed('text', 'before'),
      peer.frame('binary', message, { rsv: 4 }),
      peer.frame('text', 'behind'),
      peer.closeFrame(1000)
    );
    await play.over(ws, peer);
  }
});

scenario('a large message beyond maxPayload', {}, async (play) => {
  for (const maxPayload of [LARGE.length, LARGE.length - 1]) {
    const { ws, peer } = await openDeflated(play, true, { maxPayload });

    play.watch(ws);
    peer.write(
      peer.compressed('binary', LARGE),
      peer.compressed('text', 'behind'),
      peer.closeFrame(1000)
    );
    await play.over(ws, peer);
  }
});

scenario('a large text that is bad UTF-8 at its end', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  peer.write(
    peer.compressed(
      'text',
      Buffer.concat([Buffer.from(words(700000)), Buffer.of(0xff)])
    ),
    peer.compressed('text', 'behind'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

scenario(
  'large messages with allowSynchronousEvents false',
  {},
  async (play) => {
    const { ws, peer } = await openDeflated(play, true, {
      allowSynchronousEvents: false
    });

    play.watch(ws);
    ws.on('message', () => {
      Promise.resolve().then(() => play.note('microtask'));
    });
    peer.write(
      peer.compressed('text', 'one'),
      peer.compressed('binary', LARGE),
      peer.compressed('text', 'two'),
      peer.frame('ping', 'three'),
      peer.compressed('binary', LARGE),
      peer.compressed('text', 'four'),
      peer.closeFrame(1000)
    );
    await play.over(ws, peer);
  }
);

scenario('answers to what large messages say', {}, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  ws.on('message', (data) => ws.send(String(data.length)));
  peer.write(
    peer.compressed('binary', LARGE),
    peer.frame('ping', 'one'),
    peer.compressed('text', words(700000)),
    peer.frame('ping', 'two'),
    peer.compressed('text', 'three'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

scenario('the end right behind a large message', {}, async (play) => {
  for (const how of ['FIN', 'close frame and FIN']) {
    const { ws, peer } = await openDeflated(play);

    play.note(how);
    play.watch(ws);
    peer.write(
      peer.compressed('text', 'before'),
      peer.compressed('binary', LARGE),
      ...(how === 'FIN' ? [] : [peer.closeFrame(1001, 'bye')])
    );
    peer.stream.end();
    // Whether `ws` still answers the close frame depends on how long inflating takes.
    await play.over(ws, peer, true);
  }
});

scenario('the view of the parser', STREAMS, async (play) => {
  const { ws, peer } = await openDeflated(play);

  play.watch(ws);
  ws._receiver.on('message', (data) => play.note('seen', data));
  ws._receiver.on('conclude', (code) => play.note('concluded', code));
  ws._receiver.on('finish', () => play.note('finished'));
  peer.write(
    peer.compressed('binary', LARGE),
    peer.compressed('text', 'behind'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

scenario('pause() while a large message is inflated', STREAMS, async (play) => {
  const { ws, peer } = await openDeflated(play);
  const seen = new Promise((resolve) => {
    ws.on('message', resolve);
  });

  play.watch(ws);
  atWork(ws, peer, [peer.compressed('binary', LARGE)], () => {
    ws.pause();
    play.note('paused');
  });
  await seen;
  peer.write(peer.compressed('text', 'behind'), peer.closeFrame(1000));
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  play.note('still paused', ws.isPaused, ws._socket.isPaused());
  ws.resume();
  await play.over(ws, peer);
});

scenario(
  'resume() while a large message is inflated',
  STREAMS,
  async (play) => {
    const { ws, peer } = await openDeflated(play);

    play.watch(ws);
    atWork(ws, peer, [peer.compressed('binary', LARGE)], () => {
      ws.pause();
      ws.resume();
      peer.write(
        peer.compressed('text', 'behind'),
        peer.compressed('binary', LARGE),
        peer.compressed('text', words(50000)),
        peer.closeFrame(1000)
      );
      const flow = () => {
        if (ws.readyState !== 1) return;
        ws.resume();
        setImmediate(flow);
      };
      flow();
    });
    await play.over(ws, peer);
  }
);

for (const [name, end] of Object.entries({
  'terminate()': (ws) => ws.terminate(),
  'destroy()': (ws) => ws._socket.destroy(),
  'an error of the socket': (ws) => ws._socket.destroy(new Error('mine')),
  'close()': (ws) => ws.close(1001),
  'close() and terminate()': (ws) => {
    ws.close(1001);
    ws.terminate();
  }
})) {
  scenario(
    `${name} while a large message is inflated`,
    STREAMS,
    async (play) => {
      const { ws, peer } = await openDeflated(play);

      play.watch(ws);
      atWork(
        ws,
        peer,
        [
          peer.compressed('text', 'before'),
          peer.compressed('binary', LARGE),
          peer.compressed('text', 'behind')
        ],
        () => {
          end(ws);
          play.note(name);
        }
      );
      await play.over(ws, peer, true);
      for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    }
  );
}
