'use strict';

// An event loop that is blocked right after a send.

const { scenario } = require('../support/scenario.js');

const TCP = { transports: ['tcp'] };

scenario(
  'a loop that blocks right after send',
  { transports: ['tcp', 'unix'] },
  async (play) => {
    const { peer, exit, release } = await play.child(({ open, block }) => {
      open((ws) => {
        ws.on('message', () => {
          ws.send('sent before');
          ws.ping();
          block();
          ws.send('sent after');
          process.exit(0);
        });
      });
    });

    peer.write(peer.frame('text', 'go'));
    await peer.frames(2);
    play.note('while it blocks', peer.log);
    release();
    await peer.closed();
    play.note(peer.log, await exit);
  }
);

scenario(
  'a loop that blocks outside of any event',
  { transports: ['tcp', 'unix'] },
  async (play) => {
    const { peer, exit, release } = await play.child(({ open, block }) => {
      open((ws) => {
        ws.on('message', () => {
          setTimeout(() => {
            for (let i = 0; i < 5; i++) ws.send(`sent before ${i}`);
            block();
            process.exit(0);
          }, 1);
        });
      });
    });

    peer.write(peer.frame('text', 'go'));
    await peer.frames(5);
    play.note('while it blocks', peer.log);
    release();
    await peer.closed();
    play.note(peer.log, await exit);
  }
);

scenario('a blocked loop answers no ping', TCP, async (play) => {
  const { peer, release } = await play.child(({ open, block }) => {
    open((ws) => {
      ws.on('message', () => {
        ws.send('blocking');
        block();
        ws.send('unblocked');
      });
    });
  });

  peer.write(peer.frame('text', 'go'), peer.frame('ping', 'anybody?'));
  await peer.frames(1);
  peer.write(peer.frame('ping', 'still nobody?'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  play.note(peer.log);
  release();
  await peer.frames(4);
  play.note(peer.log);
});
