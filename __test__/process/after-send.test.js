'use strict';

// What the peer receives of a send, depending on the statement that follows it. The
// module runs in a child process.

const { afterSend, drastic } = require('../support/child-scenarios.js');

// Each variant takes two processes.
const PLAIN = { transports: ['tcp'] };

const SERVER = { ...PLAIN, roles: ['server'] };

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

afterSend(
  'server.close() and closeAllConnections()',
  ({ open }) => {
    open((ws, server) => {
      ws.on('close', () => process.disconnect());
      ws.on('message', () => {
        ws.send('one');
        ws.send('two', () => {});
        server.close();
        // An upgraded connection no longer belongs to the HTTP server.
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
