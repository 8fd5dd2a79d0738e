'use strict';

// createWebSocketStream() before the WebSocket is open and while it ends.

const { once } = require('node:events');
const { describe } = require('node:test');

const { serve, upgradeResponse } = require('../support/handshake.js');
const { pair, start } = require('../support/own-server.js');
const { parity } = require('../support/scenario.js');
const { turn } = require('../support/wait.js');
const { watchStream } = require('../support/watch-stream.js');

const PLAIN = { perMessageDeflate: false };

describe('A stream of a WebSocket that is not open', () => {
  parity('writes and ends later', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ noServer: true });
    const received = [];
    let conclude;
    const concluded = new Promise((resolve) => {
      conclude = resolve;
    });
    const port = await serve(notebook, {
      upgrade: (request, socket, head) => {
        wss.handleUpgrade(request, socket, head, (peer) => {
          peer.on('message', (data) => received.push(String(data)));
          peer.on('close', conclude);
        });
      }
    });
    const ws = new WebSocket(`ws://127.0.0.1:${port}`);
    const duplex = WebSocket.createWebSocketStream(ws);
    const closed = watchStream(notebook, duplex);

    ws.on('open', () => notebook.note('open'));
    duplex.write('first');
    duplex.write('second');
    duplex.end();
    duplex.resume();
    await closed;
    notebook.note(received, 'peer close', await concluded);
  });

  for (const isEnded of [false, true]) {
    parity(
      `fails with the handshake, ${isEnded ? '' : 'not '}ended`,
      async (WebSocket, notebook) => {
        const port = await serve(notebook, {
          upgrade(request, socket) {
            socket.end(
              upgradeResponse(request, { 'Sec-WebSocket-Accept': 'foo' })
            );
          }
        });
        const ws = new WebSocket(`ws://127.0.0.1:${port}`);
        const duplex = WebSocket.createWebSocketStream(ws);
        const closed = watchStream(notebook, duplex);

        if (isEnded) duplex.end('data');
        await closed;
        notebook.note(ws.readyState);
      }
    );
  }

  parity('may be destroyed', async (WebSocket, notebook) => {
    const port = await serve(notebook, { upgrade() {} });

    for (const error of [undefined, new Error('mine')]) {
      const ws = new WebSocket(`ws://127.0.0.1:${port}`);
      const duplex = WebSocket.createWebSocketStream(ws);
      const closed = watchStream(notebook, duplex);

      duplex.destroy(error);
      await closed;
      await turn();
      notebook.note(ws.readyState);
    }
  });
});

describe('A stream of a server', () => {
  parity('throws its error without a listener', async (WebSocket, notebook) => {
    const { peer, ws } = await pair(WebSocket, notebook);
    const duplex = WebSocket.createWebSocketStream(peer);
    const listeners = process.listeners('uncaughtException');

    process.removeAllListeners('uncaughtException');
    notebook.defer(() => {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) {
        process.on('uncaughtException', listener);
      }
    });

    const uncaught = once(process, 'uncaughtException');

    ws._socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]));
    notebook.note('uncaught', (await uncaught)[0], duplex.destroyed);
    if (peer.readyState !== 3) await once(peer, 'close');
  });

  parity('keeps an error during destroy()', async (WebSocket, notebook) => {
    const { port } = await start(WebSocket, notebook);
    const ws = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);
    const duplex = WebSocket.createWebSocketStream(ws);
    const over = new Promise((resolve) => {
      duplex.on('close', resolve);
    });

    duplex.on('error', (error) => notebook.note('error', error));
    duplex.destroy();
    await over;
    notebook.note(ws.readyState, duplex.destroyed);
  });

  parity('ends and finishes in either order', async (WebSocket, notebook) => {
    for (const first of ['end', 'finish']) {
      const { peer, ws } = await pair(WebSocket, notebook);
      const duplex = WebSocket.createWebSocketStream(peer);
      const over = new Promise((resolve) => {
        duplex.on('close', resolve);
      });

      for (const event of ['end', 'finish', 'close', 'error']) {
        duplex.on(event, () => notebook.note(event, duplex.destroyed));
      }
      if (first === 'finish') duplex.end();
      else ws.close();
      if (first === 'end') duplex.on('end', () => duplex.end());
      duplex.resume();
      await over;
      notebook.note(peer.readyState);
    }
  });

  parity(
    'reads text as strings in object mode',
    async (WebSocket, notebook) => {
      for (const options of [
        { readableObjectMode: true },
        { objectMode: true },
        { encoding: 'utf8' },
        { decodeStrings: false, writableObjectMode: true },
        { allowHalfOpen: false, highWaterMark: 7 }
      ]) {
        const { peer, ws } = await pair(WebSocket, notebook);
        const duplex = WebSocket.createWebSocketStream(peer, options);

        notebook.note(
          duplex.readableObjectMode,
          duplex.writableObjectMode,
          duplex.allowHalfOpen,
          duplex.readableHighWaterMark,
          duplex.writableHighWaterMark
        );
        ws.send('text');
        ws.send(Buffer.from('binary'));
        ws.on('message', (data, isBinary) => {
          notebook.note('back', data, isBinary);
        });
        notebook.attempt('write', () => duplex.write('written'));
        duplex.write(Buffer.from('bytes'));
        duplex.on('data', (data) => notebook.note(typeof data, String(data)));
        await new Promise((resolve) => {
          ws.on('pong', resolve);
          ws.ping();
        });
        ws.close();
        await once(duplex, 'end');
        duplex.end();
        if (!duplex.closed) await once(duplex, 'close');
        // The order between the two directions is not defined.
        notebook.log.sort();
      }
    }
  );
});
