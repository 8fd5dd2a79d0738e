'use strict';

// The options of a server, and the fields of the object.

const { once } = require('node:events');
const http = require('node:http');
const { describe } = require('node:test');

const { ask, serve, upgradeRequest } = require('../support/handshake.js');
const { pair } = require('../support/own-server.js');
const { parity } = require('../support/scenario.js');

/**
 * @param {any} wss A server
 * @return {object} Its options, except for the class
 */
function optionsOf({ options }) {
  return { ...options, WebSocket: options.WebSocket.name };
}

describe('The constructor', () => {
  const server = () => http.createServer();

  for (const [name, options] of [
    ['nothing', () => undefined],
    ['null', () => null],
    ['no option', () => ({})],
    ['a port and a server', () => ({ port: 0, server: server() })],
    ['a port and no server', () => ({ noServer: true, port: 0 })],
    ['a server and no server', () => ({ noServer: true, server: server() })],
    ['no server, but false', () => ({ noServer: false })],
    ['a server, but null', () => ({ server: null })],
    ['a port, but null', () => ({ port: null })],
    ['no server, by a number', () => ({ noServer: 1, port: null })],
    ['an unknown option', () => ({ foo: 1, noServer: true })],
    ['compression', () => ({ noServer: true, perMessageDeflate: true })],
    [
      'options of compression',
      () => ({ noServer: true, perMessageDeflate: { threshold: 1 } })
    ],
    [
      'limits',
      () => ({ maxFragments: 1, maxPayload: 2, noServer: true, path: '/x' })
    ]
  ]) {
    parity(`takes ${name}`, (WebSocket, notebook) => {
      notebook.attempt('options', () =>
        optionsOf(new WebSocket.Server(options()))
      );
    });
  }

  parity('has the fields of ws', (WebSocket, notebook) => {
    for (const options of [
      { noServer: true },
      { clientTracking: false, noServer: true },
      { server: server() }
    ]) {
      const wss = new WebSocket.Server(options);

      notebook.note(Object.keys(wss));
      notebook.note(wss.clients, wss._state, wss._server === options.server);
    }
  });

  parity('needs no callback without a port', async (WebSocket, notebook) => {
    const noted = () => notebook.note('called back');
    const given = server();
    const wss = new WebSocket.Server({ server: given }, noted);

    notebook.note(new WebSocket.Server({ noServer: true }, noted).clients);
    await serve(notebook, { server: given });
    wss.close();
  });

  parity('is that of a class to be extended', (WebSocket, notebook) => {
    class Mine extends WebSocket.Server {
      constructor() {
        super({ noServer: true });
        this.mine = true;
      }
    }

    notebook.note(Object.keys(new Mine()));
    notebook.note(WebSocket.Server.name, WebSocket.Server.length);
    notebook.note(
      Object.entries(
        Object.getOwnPropertyDescriptors(WebSocket.Server.prototype)
      ).map(([name, { enumerable, value }]) => [name, enumerable, value.length])
    );
  });
});

describe('A server', () => {
  parity('creates objects of the given class', async (WebSocket, note) => {
    class Mine extends WebSocket {}

    const wss = new WebSocket.Server({ WebSocket: Mine, port: 0 });

    await once(wss, 'listening');
    note.defer(() => wss.close());
    wss.on('connection', (ws) => {
      note.note(ws instanceof Mine, ws.constructor.name);
      ws.terminate();
    });
    await ask(wss.address().port, upgradeRequest());
  });
});

describe('A server', () => {
  parity('passes its limits on', async (WebSocket, notebook) => {
    for (const options of [
      { maxPayload: 3 },
      { maxFragments: 1 },
      { maxPayload: 3, skipUTF8Validation: true },
      { autoPong: false },
      {}
    ]) {
      const { peer, ws } = await pair(WebSocket, notebook, options);

      peer.on('message', (data) => notebook.note('message', data));
      peer.on('error', (error) => notebook.note('error', error));
      ws.on('pong', (data) => notebook.note('pong', data));
      ws.ping('p');
      ws.send('a', { fin: false });
      ws.send(Buffer.from([0xff]));
      ws.send('four');
      ws.close(1000);

      const codes = await Promise.all(
        [ws, peer].map(
          (end) =>
            new Promise((resolve) => {
              end.on('close', resolve);
            })
        )
      );

      notebook.note('close', codes);
    }
  });

  parity('keeps what is given as options', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({
      allowSynchronousEvents: false,
      autoPong: false,
      closeTimeout: 7,
      foo: 'bar',
      maxBufferedChunks: 1,
      maxFragments: 2,
      maxPayload: 3,
      maxPendingAutoPongs: 4,
      noServer: true,
      skipUTF8Validation: true
    });
    const { WebSocket: constructor, ...options } = wss.options;

    notebook.note(options, constructor === WebSocket);
    notebook.note(new WebSocket.Server({ noServer: true }).options);
  });
});
