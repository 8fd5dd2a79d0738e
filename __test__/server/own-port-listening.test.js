'use strict';

// Where a server with its own port listens.

const { once } = require('node:events');
const net = require('node:net');
const { describe } = require('node:test');

const { upgradeRequest } = require('../support/handshake.js');
const { endAll, everything, listen } = require('../support/own-port.js');
const { parity } = require('../support/scenario.js');

describe('Where it listens', () => {
  const showError = ({ message, code, syscall, address, errno }) =>
    [message, code, syscall, address, errno].join();

  for (const host of [
    undefined,
    'localhost',
    '127.0.0.1',
    '::1',
    '0.0.0.0',
    '::'
  ]) {
    parity(`${host}`, async (WebSocket, notebook) => {
      const wss = new WebSocket.Server({ host, port: 0 });

      await once(wss, 'listening');

      const { port, ...address } = wss.address();

      notebook.note(address, typeof port);

      const target = address.family === 'IPv6' ? '::1' : '127.0.0.1';
      const client = net.connect(port, target);

      endAll(notebook, wss);
      client.on('error', () => {});
      client.write(upgradeRequest());
      notebook.note(await everything(client));
      wss.close();
      await once(wss, 'close');
    });
  }

  parity('nowhere, the port being taken', async (WebSocket, notebook) => {
    const { port } = await listen(WebSocket, notebook);
    const wss = new WebSocket.Server({ host: '127.0.0.1', port });
    const [error] = await once(wss, 'error').catch((reason) => [reason]);

    notebook.note(showError(error), wss.address(), wss._server.listening);
    wss.close((...args) => notebook.note('closed', ...args));
    await once(wss, 'close');
  });

  parity('nowhere, the name being unknown', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ host: '256.0.0.1', port: 0 });
    const [error] = await once(wss, 'error').catch((reason) => [reason]);

    notebook.note(showError(error), error.hostname);
    wss.close();
  });

  for (const port of [-1, 65536, 'a b', 1.5, '0', NaN]) {
    parity(`at port ${port}`, async (WebSocket, notebook) => {
      const wss = notebook.attempt('port', () => {
        const made = new WebSocket.Server({ host: '127.0.0.1', port });

        notebook.defer(() => made.close());
        return typeof made;
      });

      notebook.note(wss);
    });
  }

  parity('closed before it does', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 }, () =>
      notebook.note('called')
    );

    wss.on('listening', () => notebook.note('listening'));
    wss.close((...args) => notebook.note('closed', ...args));
    await once(wss, 'close');
  });

  parity('closed as soon as it does', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 }, () => {
      notebook.note('called', typeof wss.address().port);
      wss.close((...args) => notebook.note('closed', ...args));
    });

    wss.on('listening', () => notebook.note('listening'));
    await once(wss, 'close');
  });
});
