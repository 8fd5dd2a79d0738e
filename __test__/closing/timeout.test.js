'use strict';

// The option closeTimeout, and its timer.

const { once } = require('node:events');
const { describe } = require('node:test');

const { ask, upgradeRequest } = require('../support/handshake.js');
const { parity, scenario } = require('../support/scenario.js');
const { closed } = require('../support/wait.js');

scenario('the close timer ends what the peer does not', {}, async (play) => {
  const { ws, peer } = await play.open({ closeTimeout: 30 });

  play.watch(ws);
  play.note(ws._closeTimer);
  ws.close(1000, 'no answer');
  play.note(typeof ws._closeTimer, ws._closeTimer._idleTimeout);
  await Promise.all([peer.closed(), closed(ws)]);
  for (const line of peer.log) play.note(line);
});

scenario('the default of the close timer', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws.close();
  play.note(ws._closeTimer._idleTimeout, ws._closeTimer.hasRef());
  await peer.finish();
  await closed(ws);
});

scenario(
  'the close timer of a client whose server does not hang up',
  { roles: ['client'] },
  async (play) => {
    const { ws, peer } = await play.open({ closeTimeout: 30 });

    play.watch(ws);
    peer.write(peer.closeFrame(1000, 'first'));
    await Promise.all([peer.closed(), closed(ws)]);
    for (const line of peer.log) play.note(line);
  }
);

describe('A connection of a server', () => {
  parity('sets and clears one timer', async (WebSocket, notebook) => {
    const { clearTimeout, setTimeout } = globalThis;
    const wss = new WebSocket.Server({ port: 0 });

    notebook.defer(() =>
      Object.assign(globalThis, { clearTimeout, setTimeout })
    );
    await once(wss, 'listening');
    wss.on('connection', (ws) => {
      const isOurs = (timer) => timer === ws._closeTimer;

      globalThis.setTimeout = (callback, milliseconds, ...rest) => {
        notebook.note('set', milliseconds);
        return setTimeout(callback, milliseconds, ...rest);
      };
      globalThis.clearTimeout = (timer) => {
        notebook.note('clear', isOurs(timer));
        clearTimeout(timer);
      };
      ws.on('close', () => {
        Object.assign(globalThis, { clearTimeout, setTimeout });
      });
      ws.close();
      ws.terminate();
    });
    await ask(wss.address().port, upgradeRequest());
    wss.close();
    await once(wss, 'close');
  });
});
