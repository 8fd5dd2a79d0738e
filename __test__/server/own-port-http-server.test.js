'use strict';

// wss._server of a server with its own port.

const { once } = require('node:events');
const net = require('node:net');
const { describe } = require('node:test');

const { ask, upgradeRequest } = require('../support/handshake.js');
const {
  dial,
  endAll,
  everything,
  gone,
  listen
} = require('../support/own-port.js');
const { parity } = require('../support/scenario.js');

describe('The HTTP server', () => {
  parity('counts its connections', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const count = () =>
      new Promise((resolve) => {
        wss._server.getConnections((...args) => {
          notebook.note(...args);
          resolve(undefined);
        });
      });
    const client = await dial(port);

    client.write(upgradeRequest());

    const [ws] = await once(wss, 'connection');

    await count();
    client.destroy();
    await once(ws, 'close');
    await count();
  });

  parity('obeys maxConnections', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const client = await dial(port);

    client.write(upgradeRequest());
    await once(wss, 'connection');
    wss._server.maxConnections = 1;
    wss._server.on('drop', () => notebook.note('drop'));
    notebook.note(await everything(await dial(port)));
    client.destroy();
  });

  parity('is closed by the program', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);

    wss._server.close(() => notebook.note('closed', wss._state));
    notebook.note(wss._server.listening, wss.address());
    await once(wss._server, 'close');
    await gone(
      net
        .connect(port, '127.0.0.1')
        .on('error', ({ code }) => notebook.note(code))
    );
    wss.close((error) => notebook.note('wss closed', error));
    await once(wss, 'close');
  });

  parity('keeps serving after unref and ref', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);

    endAll(notebook, wss);
    notebook.note(wss._server.unref() === wss._server);
    wss._server.ref();
    return ask(port, upgradeRequest());
  });

  parity('may be accessed at once', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 });

    notebook.note(wss._server.listening, wss._server.eventNames().sort());
    await once(wss, 'listening');
    endAll(notebook, wss);
    notebook.note(await ask(wss.address().port, upgradeRequest()));
    wss.close();
    await once(wss, 'close');
  });

  parity('is accessed in verifyClient', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook, {
      verifyClient() {
        wss._server.getConnections((error, count) =>
          notebook.note(error, count)
        );
        return true;
      }
    });

    endAll(notebook, wss);
    return ask(port, upgradeRequest());
  });
});
