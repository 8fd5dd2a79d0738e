'use strict';

/** Limits that are no small whole numbers are cut to 32 bits. */

const { scenario } = require('./harness.js');

for (const [name, value] of [
  ['maxPayload', 2 ** 32 + 2],
  ['maxPayload', 2.9],
  ['maxFragments', 2 ** 32 + 2]
]) {
  scenario(
    `${name} ${value}`,
    { transports: ['tcp', 'duplex'] },
    async (play) => {
      const { ws, peer } = await play.open({ [name]: value });

      play.watch(ws);
      for (let i = 0; i < 3; i++) {
        peer.write(
          peer.frame(i === 0 ? 'text' : 'continuation', 'x', { fin: i === 2 })
        );
      }
      peer.write(peer.closeFrame(1000));
      await play.over(ws, peer);
    }
  );
}
