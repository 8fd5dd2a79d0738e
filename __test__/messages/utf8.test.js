'use strict';

// UTF-8 of text and of close reasons, and the option skipUTF8Validation.

const { BAD_UTF8, wrong } = require('../support/protocol-error.js');
const { scenario } = require('../support/scenario.js');

// One decoder applies the rules: two streams show that data reaches it.
const BRIEF = { transports: ['tcp', 'duplex'] };

scenario('UTF-8 that is right and cut anywhere', BRIEF, async (play) => {
  const { ws, peer } = await play.open();
  const text = Buffer.from('\u00e9\u20ac\ud83d\ude00\u{10ffff}\ud7ff\ue000\0');

  play.watch(ws);
  for (let i = 0; i <= text.length; i++) {
    peer.write(
      peer.frame('text', text.subarray(0, i), { fin: false }),
      peer.frame('continuation', text.subarray(i))
    );
  }
  peer.write(peer.closeFrame(1000, '\u{1f600}'));
  await play.over(ws, peer);
});

for (const [title, bytes] of /** @type {[string, number[]][]} */ ([
  ['a surrogate', [0xed, 0xa0, 0x80]],
  ['a pair of surrogates', [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80]],
  ['an overlong slash', [0xc0, 0xaf]],
  ['an overlong form of three', [0xe0, 0x80, 0xaf]],
  ['an overlong form of four', [0xf0, 0x80, 0x80, 0xaf]],
  ['a value past U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ['a lead byte of five', [0xf8, 0x88, 0x80, 0x80, 0x80]],
  ['a stray byte', [0x61, 0x80]],
  ['a byte that never is', [0xff]]
])) {
  scenario(`text with ${title}`, BRIEF, async (play) => {
    const { ws, peer } = await play.open();

    play.watch(ws);
    peer.write(peer.frame('text', Buffer.from(bytes)));
    await play.over(ws, peer);
  });
}

wrong(
  'bad UTF-8 in a close reason',
  (peer) => [peer.closeFrame(1000, BAD_UTF8)],
  undefined,
  BRIEF
);

wrong('bad UTF-8 in text', (peer) => [peer.frame('text', BAD_UTF8)]);

wrong(
  'text that ends within a character',
  (peer) => [
    peer.frame('text', Buffer.from([0xf0, 0x9f]), { fin: false }),
    peer.frame('continuation', Buffer.from([0x98]))
  ],
  undefined,
  BRIEF
);

for (const [name, bytes] of Object.entries({
  'a surrogate': [0xed, 0xa0, 0x80],
  'an overlong form': [0xc0, 0xaf],
  'a value too large': [0xf4, 0x90, 0x80, 0x80],
  'a stray byte': [0x80]
})) {
  wrong(
    `${name} in text`,
    (peer) => [peer.frame('text', Buffer.from(bytes))],
    undefined,
    BRIEF
  );
}

scenario('skipUTF8Validation lets all text through', BRIEF, async (play) => {
  const { ws, peer } = await play.open({ skipUTF8Validation: true });

  play.watch(ws);
  peer.write(
    peer.frame('text', BAD_UTF8),
    peer.closeFrame(1000, BAD_UTF8.subarray(4))
  );
  await play.over(ws, peer);
});
