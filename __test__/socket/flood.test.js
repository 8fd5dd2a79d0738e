'use strict';

// An event loop that is blocked while peers flood it: the data must stay in the
// peers and in the kernel, not in this process's memory. Runs in a child process.

const assert = require('node:assert');
const test = require('node:test');

const { Play, subject } = require('../support/scenario.js');

const PEERS = 40;
const MEBIBYTE = 1 << 20;
// Twice the limit of the mailbox, because a batch that is being delivered counts
// again.
const MOST = 64 * MEBIBYTE;

for (const transport of ['tcp', 'unix']) {
  const title = `memory while the loop is blocked, ${transport}`;

  test(title, { timeout: 60000 }, async (t) => {
    if (process.platform !== 'linux') {
      t.skip('memory is read from /proc');
      return;
    }

    const play = new Play(subject, 'server', transport);
    const fs = require('node:fs');

    t.after(() => play.cleanUp());

    const { peer, connect, child, release } = await play.child(
      ({ open, block }) => {
        let bytes = 0;

        open((ws) => {
          ws.on('message', (data) => {
            if (String(data) === 'block') {
              ws.send('blocking');
              block();
            } else if (String(data) === 'count') {
              ws.send(String(bytes));
            } else {
              bytes += data.length;
            }
          });
        });
      }
    );
    const memory = (field) => {
      const status = fs.readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)[1]) * 1024;
    };
    const others = [];

    for (let i = 1; i < PEERS; i++) others.push(await connect());
    peer.write(peer.frame('text', 'block'));
    await peer.frames(1);

    const before = memory('VmRSS');
    const message = peer.frame('binary', Buffer.alloc(1000));
    const batch = Buffer.concat(Array(500).fill(message));
    let sent = 0;

    // Until all peers are stuck, or far more than the limit has been sent.
    await Promise.all(
      others.map(async (other) => {
        for (let i = 0; i < 40; i++) {
          sent += 500;
          if (!other.write(batch)) {
            const goes = await Promise.race([
              new Promise((resolve) => {
                other.stream.once('drain', () => resolve(true));
              }),
              new Promise((resolve) => setTimeout(resolve, 200, false))
            ]);
            if (!goes) return;
          }
        }
      })
    );

    const growth = memory('VmHWM') - before;

    release();
    for (const other of others) other.write(other.frame('text', 'count'));
    await Promise.all(others.map((other) => other.frames(1)));
    peer.write(peer.frame('text', 'count'));
    await peer.frames(2);

    t.diagnostic(
      `${Math.round(growth / MEBIBYTE)} MiB more for ${sent} messages`
    );
    assert.ok(growth <= MOST, `${growth} bytes more`);
    // Everything has been delivered, byte for byte.
    assert.strictEqual(peer.log.at(-1), `text "${sent * 1000}"`);
  });
}
