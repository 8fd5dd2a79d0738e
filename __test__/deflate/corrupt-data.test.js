'use strict';

// Corrupt compressed data: messages that end at the wrong place, their effect on
// the next messages, and the errors of zlib.

const zlib = require('node:zlib');

const { scenario } = require('../support/scenario.js');

const { alone, noise, openDeflated, words } = require('../support/deflated.js');

/** A stored block whose length exceeds its data. */
const STORED = (length) =>
  Buffer.from([0, length, length >> 8, ~length, ~length >> 8]);

const FINAL = zlib.deflateRawSync(Buffer.from('final'));

/** Refers to the five bytes before it. */
const BACK = Buffer.from('021100', 'hex');

const HELLO = alone('Hello');

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/** Messages of one or several frames. */
const UNCLEAN = {
  'within a block': [Buffer.of(2), HELLO],
  nothing: [Buffer.alloc(0), HELLO],
  'nothing, twice': [Buffer.alloc(0), Buffer.alloc(0), HELLO],
  'a byte is missing': [HELLO.subarray(0, -1), HELLO],
  'two bytes are missing': [HELLO.subarray(0, -2), HELLO],
  'within the lengths of a block': [Buffer.of(0, 5, 0), HELLO],
  'a stored block that takes the end': [STORED(4), HELLO],
  'a stored block that takes half the end': [STORED(2), HELLO],
  'a stored block that goes on': [
    Buffer.concat([STORED(100), Buffer.from('first ')]),
    Buffer.from('second'),
    Buffer.alloc(77, 'x'),
    HELLO
  ],
  'within the codes of a block': [
    alone(words(3000)).subarray(0, 20),
    alone(words(3000)).subarray(20)
  ],
  'within a block with codes of its own': [
    alone(words(3000)).subarray(0, 200),
    alone(words(3000)).subarray(200),
    HELLO
  ],
  'the end of a flush too many': [Buffer.concat([HELLO, TAIL]), HELLO, BACK],
  'in fragments': [
    [HELLO.subarray(0, 3), HELLO.subarray(3, 5)],
    [HELLO.subarray(0, 2), HELLO.subarray(2)],
    HELLO
  ],
  'and then fragments': [
    STORED(1000),
    [noise(300), Buffer.alloc(0), noise(200)],
    [noise(400), noise(84)],
    [HELLO, HELLO]
  ],
  'large, and then fragments': [
    alone(noise(200000)).subarray(0, -1000),
    [noise(3000), noise(90000), noise(100)]
  ],
  'large, after a small one': [STORED(0xffff), noise(65500), noise(70000)],
  'behind a last block': [FINAL, HELLO, BACK],
  'a last block that the end completes': [Buffer.of(3), HELLO, HELLO],
  'a last block in a fragment': [[FINAL, HELLO, HELLO], BACK],
  'a last block in the last fragment': [[HELLO, FINAL], BACK],
  'a last block, which nothing refers to': [HELLO, FINAL, BACK]
};

for (const [name, messages] of Object.entries(UNCLEAN)) {
  scenario(`the end of a message: ${name}`, {}, async (play) => {
    for (const parameters of [
      '',
      'client_no_context_takeover; server_no_context_takeover'
    ]) {
      const { ws, peer } = await openDeflated(play, true, {}, { parameters });

      play.watch(ws);
      for (const message of messages) {
        const frames = Array.isArray(message) ? message : [message];

        frames.forEach((payload, index) => {
          peer.write(
            peer.frame(index > 0 ? 'continuation' : 'binary', payload, {
              fin: index + 1 === frames.length,
              rsv: index > 0 ? 0 : 4
            })
          );
        });
        peer.write(peer.frame('ping', 'between'));
      }
      peer.write(peer.closeFrame(1000));
      await play.over(ws, peer);
    }
  });
}

/** Corrupt data that is long enough for zlib's fast path. */
const CORRUPT = {
  'a distance too far back': Buffer.concat([
    Buffer.from('9afbf7479cb86dfe747d23673f277d1165c449300a6d97cc', 'hex'),
    noise(100)
  ]),
  'noise in a fixed block': Buffer.concat([Buffer.of(0x4a), noise(200)]),
  'ones in a fixed block': Buffer.concat([
    Buffer.of(0x4a),
    Buffer.alloc(50, -1)
  ]),
  'a distance that is none': Buffer.concat([
    alone('abcdefghijklmnopqrstuvwxyz', { strategy: 4 }).subarray(0, -2),
    Buffer.alloc(40, 0xf8)
  ]),
  'codes that end': Buffer.concat([
    alone(words(2000)).subarray(0, 300),
    noise(300)
  ]),
  'noise behind a large message': Buffer.concat([
    alone(noise(100000)),
    noise(500)
  ]),
  'noise behind a long message': Buffer.concat([
    alone(words(100000)),
    Buffer.of(0x4a),
    noise(500)
  ])
};

scenario('what zlib says of bad data', {}, async (play) => {
  for (const [name, bytes] of Object.entries(CORRUPT)) {
    for (const fragments of [1, 2]) {
      const { ws, peer } = await openDeflated(play);
      const half = fragments > 1 ? bytes.length >> 1 : bytes.length;

      play.note(name);
      play.watch(ws);
      peer.write(
        peer.compressed('text', 'before'),
        peer.frame('binary', bytes.subarray(0, half), {
          fin: fragments === 1,
          rsv: 4
        })
      );
      if (fragments > 1) {
        peer.write(peer.frame('continuation', bytes.subarray(half)));
      }
      peer.write(peer.frame('text', 'behind'), peer.closeFrame(1000));
      await play.over(ws, peer);
    }
  }
});

/**
 * Messages that are both too long and corrupt: the first problem found is
 * reported.
 */
const BOTH = {
  'bad in the same call': [
    Buffer.concat([alone(words(3000)), Buffer.of(0x4a), noise(50)])
  ],
  'bad behind what fits': [
    Buffer.concat([alone(words(900)), Buffer.of(7), alone(words(900))])
  ],
  'too long, bad in the next fragment': [alone(words(1500)), noise(50)],
  'too long in all': [alone(words(800)), alone(words(800))],
  'too long in all, and bad': [
    alone(words(800)),
    Buffer.concat([alone(words(800)), Buffer.of(7)])
  ],
  'just long enough, and bad': [
    Buffer.concat([alone(words(1000)), Buffer.of(7)])
  ]
};

scenario('bad data of a message that is too long', {}, async (play) => {
  for (const [name, frames] of Object.entries(BOTH)) {
    const { ws, peer } = await openDeflated(play, true, { maxPayload: 1000 });

    play.note(name);
    play.watch(ws);
    frames.forEach((payload, index) => {
      peer.write(
        peer.frame(index > 0 ? 'continuation' : 'text', payload, {
          fin: index + 1 === frames.length,
          rsv: index > 0 ? 0 : 4
        })
      );
    });
    peer.write(peer.closeFrame(1000));
    await play.over(ws, peer);
  }
});
