'use strict';

// How long a process lives. The module runs in a child process.

const { scenario } = require('../support/scenario.js');

const TCP = { transports: ['tcp'] };
// The engine's listening socket is not a Node.js handle.
const HANDED = { ...TCP, port: false };
const EACH = { transports: ['tcp', 'tls', 'duplex'] };

scenario(
  'the process ends by itself when all is closed',
  EACH,
  async (play) => {
    const { peer, exit } = await play.child(({ open, role }) => {
      open((ws, server) => {
        ws.on('message', () => {
          ws.close(1000);
          if (role === 'server') server.close();
          process.disconnect();
        });
      });
    });

    peer.write(peer.frame('text', 'go'));
    await peer.finish();
    play.note(peer.log, await exit);
  }
);

scenario('an open connection keeps the process alive', TCP, async (play) => {
  const { peer, exit, child } = await play.child(({ open }) => {
    open((ws, server) => {
      server?.close();
      process.disconnect();
      ws.on('message', (data) => ws.send(data));
    });
  });

  await new Promise((resolve) => {
    if (child.connected) child.once('disconnect', resolve);
    else resolve(undefined);
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  peer.write(peer.frame('text', 'still there?'));
  await peer.frames(1);
  play.note(peer.log);
  peer.write(peer.closeFrame(1000));
  await peer.finish();
  play.note(peer.log, await exit);
});

scenario('unref() lets the process exit', TCP, async (play) => {
  const { peer, exit } = await play.child(({ open }) => {
    open((ws, server) => {
      ws.on('message', () => {
        ws.send('going');
        ws._socket.unref();
        server?.close();
        process.disconnect();
      });
    });
  });

  peer.write(peer.frame('text', 'go'));
  await peer.closed();
  play.note(peer.log, await exit);
});

scenario('unref() and ref() again', TCP, async (play) => {
  const { peer, exit, child } = await play.child(({ open }) => {
    open((ws, server) => {
      ws._socket.unref();
      ws._socket.ref();
      ws.on('message', (data) => ws.send(data));
      server?.close();
      process.disconnect();
    });
  });

  await new Promise((resolve) => {
    if (child.connected) child.once('disconnect', resolve);
    else resolve(undefined);
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  peer.write(peer.frame('text', 'still there?'), peer.closeFrame(1000));
  await peer.finish();
  play.note(peer.log, await exit);
});

scenario('an ack keeps the process until it has come', TCP, async (play) => {
  const { peer, exit } = await play.child(({ open }) => {
    open((ws, server) => {
      ws.on('message', () => {
        server?.close();
        process.disconnect();
        ws._socket.unref();
        ws.send('x', () => {
          ws.send('acked');
          ws.close();
        });
      });
    });
  });

  peer.write(peer.frame('text', 'go'));
  await peer.finish();
  play.note(peer.log, await exit);
});

scenario('handles of a process without connections', HANDED, async (play) => {
  const { peer, exit, messages } = await play.child(({ open, tell }) => {
    open((ws, server) => {
      ws.on('close', () => {
        server?.close();
        setImmediate(() => {
          tell(
            process
              .getActiveResourcesInfo()
              .filter((name) => /TCP|Timeout|Immediate/.test(name))
          );
          process.disconnect();
        });
      });
    });
  });

  peer.write(peer.closeFrame(1000));
  await peer.finish();
  play.note(await exit, messages);
});
