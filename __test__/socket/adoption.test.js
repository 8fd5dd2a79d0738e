'use strict';

// Which connections the engine takes over. The differential tests would pass
// without it.

const assert = require('node:assert');
const fs = require('node:fs');
const test = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');

const { Play, ROLES, TRANSPORTS, subject } = require('../support/scenario.js');

const descriptors = () => fs.readdirSync('/proc/self/fd').length;

for (const role of ROLES) {
  for (const transport of [...TRANSPORTS, 'port']) {
    if (role === 'client' && transport === 'port') continue;

    const native = transport === 'tcp' || transport === 'unix';
    // Such a server keeps one spare descriptor, and no connection has two.
    const alone = transport === 'port';

    const name = `${role} ${transport} is ${native ? '' : 'not '}adopted`;

    test(name, { timeout: 20000 }, async (t) => {
      if (process.platform !== 'linux' || subject.includes('node_modules')) {
        t.skip('descriptors are counted in /proc');
        return;
      }

      const play = new Play(subject, role, transport);

      t.after(() => play.cleanUp());
      // The engine opens its own descriptors with the first connection.
      await play.open();

      const before = descriptors();
      const { ws, peer } = await play.open();

      ws.on('message', (data) => ws.send(data));
      peer.write(peer.frame('text', 'a'));
      await peer.frames(1);
      // A server, two ends, and the engine's duplicate.
      assert.strictEqual(descriptors() - before, native || alone ? 4 : 3);

      ws.close();
      await play.finish(ws, peer);
      // The play still holds its server. Another thread closes the engine's descriptor,
      // at any time.
      const left = alone ? 2 : 1;

      while (descriptors() - before !== left) await turn();
    });
  }
}
