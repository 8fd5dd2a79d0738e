'use strict';

// The arguments of close().

const { scenario } = require('../support/scenario.js');

const CLOSE_ARGUMENTS = [
  [undefined, 'reason'],
  [null],
  [0],
  [1000.5],
  [NaN],
  [1000n],
  [Object(1000)],
  [2999],
  [5000],
  [1015],
  [1014],
  [1000, null],
  [1000, 0],
  [1000, true],
  [1000, []],
  [1000, ['a']],
  [1000, { length: 0 }],
  [1000, { length: 2 }],
  [1000, new ArrayBuffer(3)],
  [1000, new Uint16Array([65, 66])],
  [1000, new Uint8Array([65, 66])],
  [1000, new DataView(new ArrayBuffer(2))],
  [1000, 'a\ud800'],
  [1000, new String('boxed')],
  [3000, '\u00e9'.repeat(61)],
  [3000, '\u00e9'.repeat(62)],
  [1000, Buffer.alloc(123)],
  [1000, Buffer.alloc(124)]
];

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

scenario('arguments of close()', { transports: ['tcp'] }, async (play) => {
  for (const args of CLOSE_ARGUMENTS) {
    const { ws, peer } = await play.open();

    play.attempt('close', () => ws.close(...args));
    play.note('state', ws.readyState, ws._closeTimer === null);
    ws.close(1000);
    await play.finish(ws, peer);
    play.attempt('closed', () => ws.close(...args));
  }
});
