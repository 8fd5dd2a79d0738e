'use strict';

// Exceptions in listeners, callbacks and promises, in a child process.

const { afterSend, drastic } = require('../support/child-scenarios.js');
const { scenario } = require('../support/scenario.js');

const ECHOED = ['binary "a"', 'binary "b"'];

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

// `ws` emits nothing more for a connection once one of its listeners has thrown.
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
