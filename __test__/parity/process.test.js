'use strict';

/**
 * What reaches the peer when the process does something drastic right after a
 * send. The module runs in a child.
 */

const { scenario } = require('./harness.js');

const TCP = { transports: ['tcp'] };

/**
 * Declares a scenario whose child does something at once after some sends.
 *
 * @param {string} title What it does
 * @param {(kit: any) => void} body The child's program; told "go" by a message
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

drastic('an exception right after send', ({ open }) => {
  open((ws) => {
    ws.on('message', () => {
      ws.send('one');
      throw new TypeError('nobody catches this');
    });
  });
});

drastic('a rejection right after send', ({ open }) => {
  open((ws) => {
    ws.on('message', async () => {
      ws.send('one');
      throw new RangeError('nobody catches this');
    });
  });
});

drastic('terminate() right after send', ({ open }) => {
  open((ws, server) => {
    ws.on('message', () => {
      ws.send('one');
      ws.send('two');
      ws.terminate();
      server?.close();
    });
  });
});

drastic('destroy() right after send', ({ open }) => {
  open((ws, server) => {
    ws.on('message', () => {
      ws.send('one');
      ws._socket.destroy();
      server?.close();
    });
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

drastic('SIGKILL to oneself right after send', ({ open }) => {
  open((ws) => {
    ws.on('message', () => {
      setImmediate(() => {
        ws.send('one');
        setImmediate(() => process.kill(process.pid, 'SIGKILL'));
      });
    });
  });
});

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

// `ws` hears nothing more of a connection once one of its listeners has thrown.
scenario(
  'a throwing listener loses no other event',
  {
    transports: ['tcp', 'unix', 'tls', 'duplex'],
    better: true,
    log: [
      'message a',
      'message throw 1',
      'uncaught at throw 1',
      'message b',
      'ping p',
      'uncaught at ping p',
      'message throw 2',
      'uncaught at throw 2',
      'message throw 3',
      'uncaught at throw 3',
      'message c',
      'close 1000',
      'peer pong "p"',
      'peer close 1000 ""',
      'peer gone',
      'exit 0'
    ]
  },
  async (play) => {
    const { peer, exit, messages } = await play.child(({ open, tell }) => {
      const note = (...parts) => tell(parts.join(' '));

      process.on('uncaughtException', (err) => note('uncaught', err.message));
      open((ws, server) => {
        ws.on('message', (data) => {
          note('message', data);
          if (String(data).startsWith('throw')) throw new Error(`at ${data}`);
        });
        ws.on('ping', (data) => {
          note('ping', data);
          throw new Error(`at ping ${data}`);
        });
        ws.on('close', (code) => {
          note('close', code);
          server?.close();
          setImmediate(() => process.disconnect());
        });
      });
    });

    peer.write(
      peer.frame('text', 'a'),
      peer.frame('text', 'throw 1'),
      peer.frame('text', 'b'),
      peer.frame('ping', 'p'),
      peer.frame('text', 'throw 2'),
      peer.frame('text', 'throw 3'),
      peer.frame('text', 'c'),
      peer.closeFrame(1000)
    );
    await peer.finish();
    const how = await exit;
    for (const message of messages) play.note(message);
    for (const line of peer.log) play.note('peer', line);
    play.note(how);
  }
);

const ECHOED = ['binary "a"', 'binary "b"'];

scenario(
  'exceptions in one connection do not touch another',
  {
    roles: ['server'],
    transports: ['tcp', 'duplex'],
    better: true,
    log: [JSON.stringify(Array(4).fill(ECHOED))]
  },
  async (play) => {
    const { peer, connect } = await play.child(({ open }) => {
      process.on('uncaughtException', () => {});
      open((ws) => {
        ws.on('message', (data) => {
          ws.send(data);
          throw new Error('always');
        });
      });
    });
    const others = await Promise.all([connect(), connect(), connect()]);
    const all = [peer, ...others];

    for (const each of all) {
      each.write(each.frame('text', 'a'), each.frame('text', 'b'));
    }
    await Promise.all(all.map((each) => each.frames(2)));
    play.log.push(JSON.stringify(all.map(({ log }) => log)));
  }
);

scenario(
  'the first exception of several connections is the fatal one',
  { roles: ['server'], transports: ['tcp', 'duplex'] },
  async (play) => {
    const { peer, connect, exit } = await play.child(({ open }) => {
      open((ws) => {
        ws.send('hello');
        ws.on('message', () => {
          throw new Error('fatal');
        });
      });
    });
    const other = await connect();

    await Promise.all([peer.frames(1), other.frames(1)]);
    peer.write(peer.frame('text', 'a'), peer.frame('text', 'b'));
    await Promise.all([peer.closed(), other.closed()]);
    play.note(peer.log, other.log, await exit);
  }
);
