'use strict';

// process.exit() right after a send, in a child process.

const { afterSend, drastic } = require('../support/child-scenarios.js');
const { scenario } = require('../support/scenario.js');

const TCP = { transports: ['tcp'] };

/** Where a program calls process.exit(). */
const MOMENTS = {
  'a tick': (exit) => process.nextTick(exit),
  'a timer': (exit) => setTimeout(exit, 1),
  'a promise of a timer': (exit) =>
    new Promise((resolve) => setTimeout(resolve, 1)).then(exit)
};

// Each variant takes two processes.
const PLAIN = { transports: ['tcp'] };

drastic('process.exit() right after send', ({ open }) => {
  open((ws) => {
    ws.on('message', () => {
      ws.send('one');
      ws.send('two');
      ws.ping('three');
      process.exit(3);
    });
  });
});

drastic('process.exit() outside of any event', ({ open }) => {
  open((ws) => {
    ws.on('message', () => {
      setTimeout(() => {
        ws.send('from a timer');
        process.exit(4);
      }, 1);
    });
  });
});

scenario('process.exit() as soon as it is open', TCP, async (play) => {
  const { peer, exit } = await play.child(({ open }) => {
    open((ws) => {
      ws.send('one');
      ws.ping('two');
      process.exit(5);
    });
  });

  await peer.closed();
  play.note(...peer.log);
  play.note(await exit);
});

drastic("send in an 'exit' listener", ({ open }) => {
  open((ws) => {
    process.on('exit', () => ws.send('farewell'));
    ws.on('message', () => process.exit(0));
  });
});

drastic('close() and process.exit()', ({ open }) => {
  open((ws) => {
    ws.on('message', () => {
      ws.send('one');
      ws.close(1001, 'leaving');
      process.exit(0);
    });
  });
});

for (const [title, moment] of Object.entries(MOMENTS)) {
  // The function is passed as source text.
  const body = `({ open }) => {
    const moment = ${moment};

    open((ws) => {
      ws.on('message', () => {
        ws.send('one');
        moment(() => {
          ws.send('two');
          ws.send(Buffer.alloc(3000, 'three'));
          process.exit(2);
        });
      });
    });
  }`;

  afterSend(`process.exit() in ${title}`, /** @type {any} */ (body));
}

for (const event of ['ping', 'pong', 'close', 'error']) {
  scenario(`process.exit() in '${event}'`, PLAIN, async (play) => {
    const { peer, exit } = await play.child(
      /** @type {any} */ (
        `({ open }) => {
        open((ws) => {
          ws.on('error', () => {});
          ws.on('message', (data) => ws.send(data));
          ws.on('${event}', () => {
            ws.send('${event}', () => {});
            process.exit(3);
          });
        });
      }`
      )
    );

    peer.write(
      peer.frame('text', 'before'),
      event === 'close'
        ? peer.closeFrame(1000)
        : peer.frame(event === 'error' ? 3 : event, 'now'),
      peer.frame('text', 'behind')
    );
    if (event === 'close') peer.stream.end();
    await peer.closed();
    for (const line of peer.log) play.note('peer', line);
    play.note(await exit);
  });
}

scenario(
  'process.exit() in an ack of much, to a peer that reads slowly',
  PLAIN,
  async (play) => {
    const { peer, exit } = await play.child(({ open }) => {
      open((ws) => {
        ws.on('message', () => {
          for (let i = 0; i < 50; i++) ws.send(Buffer.alloc(20_000, i));
          ws.send('all', () => process.exit(0));
        });
      });
    });

    peer.write(peer.frame('text', 'go'));
    await peer.closed();
    play.note(peer.log.length, peer.log.at(-1), await exit);
  }
);
