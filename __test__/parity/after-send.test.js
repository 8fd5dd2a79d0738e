'use strict';

/**
 * What a peer gets of what was sent, for each statement that may follow. The
 * module runs in a child, which goes by itself or is ended by that statement.
 */

const { scenario } = require('./harness.js');

// Each variant takes two processes.
const PLAIN = { transports: ['tcp'] };

/**
 * Declares a scenario whose child sends, and then does something.
 *
 * @param {string} title What it does
 * @param {(kit: any) => void} body The child's program; a message tells it when
 * @param {object} [variants] Roles and transports
 */
function afterSend(title, body, variants = PLAIN) {
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

const SERVER = { ...PLAIN, roles: ['server'] };

afterSend(
  'server.close() and closeAllConnections()',
  ({ open }) => {
    open((ws, server) => {
      ws.on('close', () => process.disconnect());
      ws.on('message', () => {
        ws.send('one');
        ws.send('two', () => {});
        server.close();
        // An upgraded connection is none of the HTTP server's any more.
        server.closeAllConnections();
        ws.send('three');
        ws.close(1001);
      });
    });
  },
  SERVER
);

afterSend('close()', ({ open }) => {
  open((ws, server) => {
    ws.on('close', () => process.disconnect());
    ws.on('message', () => {
      ws.send('one');
      ws.close(1000, 'bye');
      ws.send('too late', () => {});
      server?.close();
    });
  });
});

afterSend('end() of the socket', ({ open }) => {
  open((ws, server) => {
    ws.on('close', () => process.disconnect());
    ws.on('message', () => {
      ws.send('one');
      ws._socket.end();
      server?.close();
    });
  });
});

afterSend('destroy() with an error', ({ open }) => {
  open((ws, server) => {
    ws.on('error', () => {});
    ws.on('close', () => process.disconnect());
    ws.on('message', () => {
      ws.send('one');
      ws.send('two', () => {});
      ws._socket.destroy(new Error('ours'));
      server?.close();
    });
  });
});

afterSend('terminate() in a microtask, a tick and the ack', ({ open }) => {
  open((ws, server) => {
    ws.on('close', () => process.disconnect());
    ws.on('message', () => {
      queueMicrotask(() => {
        ws.send('one');
        process.nextTick(() => {
          ws.send('two', () => {
            ws.send('three');
            ws.terminate();
            server?.close();
          });
        });
      });
    });
  });
});

afterSend('an exception that is caught', ({ open }) => {
  process.on('uncaughtException', () => {
    setImmediate(() => process.exit(5));
  });
  open((ws) => {
    ws.on('message', () => {
      ws.send('one');
      throw new Error('caught');
    });
  });
});

afterSend('an exception whose handler sends and exits', ({ open }) => {
  open((ws) => {
    process.on('uncaughtException', (err) => {
      ws.send(err.message);
      process.exit(6);
    });
    ws.on('message', () => {
      ws.send('one');
      setTimeout(() => {
        ws.send('two');
        throw new Error('three');
      }, 1);
    });
  });
});

afterSend('an exception in an ack', ({ open }) => {
  open((ws) => {
    ws.on('message', () => {
      ws.send('one', () => {
        ws.send('two');
        throw new RangeError('in an ack');
      });
    });
  });
});

afterSend('the loop runs out', ({ open }) => {
  open((ws, server) => {
    process.on('beforeExit', () => {
      ws.send('farewell');
    });
    ws.on('message', () => {
      ws.send('one');
      ws._socket.unref();
      server?.close();
      process.disconnect();
    });
  });
});

/** Where a program may be when it exits. */
const MOMENTS = {
  'a tick': (exit) => process.nextTick(exit),
  'a timer': (exit) => setTimeout(exit, 1),
  'a promise of a timer': (exit) =>
    new Promise((resolve) => setTimeout(resolve, 1)).then(exit)
};

for (const [title, moment] of Object.entries(MOMENTS)) {
  // The function goes along as text.
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
