'use strict';

// Scenarios whose module runs in a child process and does something right after a
// send.

const { scenario } = require('./scenario.js');

/** Each variant takes two processes. */
const TCP = { transports: ['tcp'] };

/**
 * Declares a scenario whose child does something drastic right after it sends.
 *
 * @param {string} title What it does
 * @param {(kit: any) => void} body The child's program; the message "go" starts
 *     it
 * @param {object} [variants] Roles and transports
 */
function drastic(title, body, variants = TCP) {
  scenario(title, variants, async (play) => {
    const { peer, exit } = await play.child(body);

    peer.write(peer.frame('text', 'go'));
    await peer.closed();
    play.note(...peer.log);
    play.note(await exit);
  });
}

/**
 * Declares a scenario whose child sends, and then does something.
 *
 * @param {string} title What it does
 * @param {(kit: any) => void} body The child's program; a message starts it
 * @param {object} [variants] Roles and transports
 */
function afterSend(title, body, variants = TCP) {
  scenario(`sent before ${title}`, variants, async (play) => {
    const { peer, exit } = await play.child(body);

    peer.write(peer.frame('text', 'go'));
    await peer.until(
      () => peer.ended || peer.gone || / close/.test(` ${peer.log.at(-1)}`),
      'a close frame or the end'
    );
    if (!peer.gone) peer.stream.end(peer.closeFrame(1000));
    await peer.closed();
    for (const line of peer.log) play.note('peer', line);
    play.note(await exit);
  });
}

module.exports = { TCP, afterSend, drastic };
