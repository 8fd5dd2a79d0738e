'use strict';

// Scenarios in which a peer breaks the protocol.

const { scenario } = require('./scenario.js');

/** Text that is not valid UTF-8. */
const BAD_UTF8 = Buffer.from([0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xcf, 0x83, 0xed]);

/**
 * Sends invalid frames between two messages, the first of which is delivered.
 *
 * @param {string} title What is wrong
 * @param {(peer: any) => Buffer[]} frames The bytes
 * @param {object} [options] Those of the WebSocket or its server
 * @param {object} [variants] Roles and transports
 */
function wrong(title, frames, options, variants = {}) {
  scenario(title, variants, async (play) => {
    const { ws, peer } = await play.open(options);

    play.watch(ws);
    peer.write(
      peer.frame('text', 'good'),
      ...frames(peer),
      peer.frame('text', 'unseen')
    );
    await play.over(ws, peer);
  });
}

module.exports = { BAD_UTF8, wrong };
