'use strict';

// createWebSocketStream(): data, ends, errors and back pressure in both directions.

const { once } = require('node:events');
const { Duplex } = require('node:stream');
const { describe } = require('node:test');

const { serve } = require('../support/handshake.js');
const { hide } = require('../support/hidden-socket.js');
const { parity } = require('../support/scenario.js');
const { watchStream } = require('../support/watch-stream.js');

/**
 * Compares the stream of a client, over a native and over a hidden socket.
 *
 * @param {string} name The name of the test
 * @param {(play: { WebSocket: any, notebook: any, peer: any, ws: any }) => any}
 *     scenario Runs when both ends are open
 */
function plays(name, scenario) {
  for (const kind of ['socket', 'stream']) {
    parity(`${name} (${kind})`, async (WebSocket, notebook) => {
      const wss = new WebSocket.Server({ noServer: true });
      let connected;
      const connection = new Promise((resolve) => {
        connected = resolve;
      });
      const port = await serve(notebook, {
        upgrade: (request, socket, head) => {
          wss.handleUpgrade(request, socket, head, connected);
        }
      });
      const ws = new WebSocket(`ws://127.0.0.1:${port}`, {
        perMessageDeflate: false,
        ...(kind === 'stream' && {
          createConnection: () => hide(connect(port))
        })
      });

      const peer = await connection;

      if (ws.readyState !== WebSocket.OPEN) await once(ws, 'open');
      peer.on('error', (error) => notebook.note('peer error', error));
      await scenario({ WebSocket, notebook, peer, ws });
      ws.terminate();
      peer.terminate();
    });
  }
}

/**
 * @param {number} port A port
 * @return {any} A connection to it
 */
function connect(port) {
  return require('node:net').connect(port, '127.0.0.1');
}

describe('createWebSocketStream', () => {
  parity('gives a Duplex', (WebSocket, notebook) => {
    const ws = new WebSocket('ws://127.0.0.1:1');
    const duplex = WebSocket.createWebSocketStream(ws);

    ws.on('error', () => {});
    duplex.on('error', () => {});
    notebook.note(duplex instanceof Duplex, duplex.constructor.name);
    notebook.note(Object.keys(duplex).sort());
    notebook.note(WebSocket.createWebSocketStream.length);
    ws.terminate();
  });

  parity('passes options through', (WebSocket, notebook) => {
    for (const options of [
      undefined,
      {},
      { objectMode: true },
      { readableObjectMode: true },
      { writableObjectMode: true },
      { allowHalfOpen: false, autoDestroy: true, emitClose: true },
      { decodeStrings: false, highWaterMark: 5 },
      { encoding: 'utf8' }
    ]) {
      const ws = new WebSocket('ws://127.0.0.1:1');
      const duplex = WebSocket.createWebSocketStream(ws, options);
      const { _readableState: readable, _writableState: writable } = duplex;

      ws.on('error', () => {});
      duplex.on('error', () => {});
      notebook.note(options, duplex.allowHalfOpen);

      for (const state of [readable, writable]) {
        notebook.note(state.objectMode, state.highWaterMark);
        notebook.note(state.autoDestroy, state.emitClose);
      }

      notebook.note(readable.encoding, writable.decodeStrings);
      ws.terminate();
    }
  });

  plays('carries data', async ({ WebSocket, notebook, peer, ws }) => {
    const duplex = WebSocket.createWebSocketStream(ws);

    peer.on('message', (data, isBinary) => {
      notebook.note('peer got', data, isBinary);
      peer.send(data, { binary: isBinary });
    });
    duplex.write('text');
    duplex.write(Buffer.from('bytes'));

    let text = '';

    for await (const chunk of duplex) {
      if (!Buffer.isBuffer(chunk)) notebook.note('no Buffer');
      text += chunk;
      if (text === 'textbytes') break;
    }
  });

  for (const options of [
    {},
    { readableObjectMode: true },
    { objectMode: true },
    { encoding: 'utf8' }
  ]) {
    plays(
      `reads with ${JSON.stringify(options)}`,
      async ({ WebSocket, notebook, peer, ws }) => {
        const duplex = WebSocket.createWebSocketStream(ws, options);

        peer.send('text');
        peer.send(Buffer.from('bytes'));
        peer.close(1000);

        const types = new Set();
        const chunks = [];

        for await (const chunk of duplex) {
          types.add(typeof chunk);
          chunks.push(String(chunk));
        }

        notebook.note([...types], chunks.join(''));
      }
    );
  }

  plays('writes and ends', async ({ WebSocket, notebook, peer, ws }) => {
    const duplex = WebSocket.createWebSocketStream(ws);
    const closed = watchStream(notebook, duplex);

    const peerClosed = once(peer, 'close');
    const received = [];

    peer.on('message', (data) => received.push(String(data)));
    duplex.write('last', () => notebook.note('written'));
    duplex.end(() => notebook.note('ended'));
    duplex.resume();
    await closed;
    notebook.note(ws.readyState, duplex.destroyed);
    notebook.note('peer close', ...(await peerClosed));
    notebook.note('peer got', received);
  });

  plays(
    'ends when the peer closes',
    async ({ WebSocket, notebook, peer, ws }) => {
      const duplex = WebSocket.createWebSocketStream(ws);
      const closed = watchStream(notebook, duplex);

      duplex.resume();
      duplex.on('end', () => duplex.end());
      peer.close(1000);
      await closed;
      notebook.note(ws.readyState);
    }
  );

  plays(
    'ends when the peer is gone',
    async ({ WebSocket, notebook, peer, ws }) => {
      const duplex = WebSocket.createWebSocketStream(ws);
      const closed = watchStream(notebook, duplex);

      duplex.resume();
      peer.terminate();
      await once(duplex, 'end');
      duplex.end();
      await closed;
    }
  );

  for (const error of [undefined, null, new Error('mine')]) {
    plays(
      `is destroyed with ${error}`,
      async ({ WebSocket, notebook, peer, ws }) => {
        const duplex = WebSocket.createWebSocketStream(ws);
        const closed = watchStream(notebook, duplex);

        const peerClosed = once(peer, 'close');

        duplex.destroy(error);
        notebook.note(ws.readyState, duplex.destroyed);
        await closed;
        notebook.note('peer close', ...(await peerClosed));
      }
    );
  }

  plays(
    'is destroyed behind a write',
    async ({ WebSocket, notebook, peer, ws }) => {
      const duplex = WebSocket.createWebSocketStream(ws);
      const closed = watchStream(notebook, duplex);

      const peerClosed = once(peer, 'close');
      const received = [];

      peer.on('message', (data) => received.push(String(data)));
      duplex.write('sent');
      duplex.destroy();
      await Promise.all([closed, peerClosed]);
      notebook.note('peer got', received);
    }
  );

  plays(
    'is destroyed by a protocol error',
    async ({ WebSocket, notebook, peer, ws }) => {
      const duplex = WebSocket.createWebSocketStream(ws);
      const closed = watchStream(notebook, duplex);
      const peerClosed = once(peer, 'close');

      duplex.resume();
      peer._socket.write(Buffer.from([0xff, 0x00]));
      await closed;
      notebook.note('peer close', (await peerClosed)[0]);
    }
  );

  plays(
    'does not write to a closed WebSocket',
    async ({ WebSocket, notebook, ws }) => {
      const duplex = WebSocket.createWebSocketStream(ws);
      const closed = watchStream(notebook, duplex);

      ws.close();
      duplex.write('late', (error) => notebook.note('write', error));
      await closed;
    }
  );

  plays(
    'is destroyed after the WebSocket',
    async ({ WebSocket, notebook, ws }) => {
      const duplex = WebSocket.createWebSocketStream(ws);
      const closed = watchStream(notebook, duplex);

      ws.terminate();
      await once(ws, 'close');
      duplex.destroy(new Error('mine'));
      await closed;
    }
  );

  plays(
    'pauses the WebSocket while nobody reads',
    async ({ WebSocket, notebook, peer, ws }) => {
      const duplex = WebSocket.createWebSocketStream(ws);
      const paused = new Promise((resolve) => {
        const { pause } = ws;

        ws.pause = function noted() {
          pause.call(this);
          resolve();
        };
      });

      peer.send(Buffer.alloc(64 * 1024));
      await paused;
      notebook.note(ws.isPaused);
      peer.send('more');

      let length = 0;

      for await (const chunk of duplex) {
        length += chunk.length;
        if (length === 64 * 1024 + 4) break;
      }

      notebook.note(length);
    }
  );

  plays(
    'has room for writing again',
    async ({ WebSocket, notebook, peer, ws }) => {
      const duplex = WebSocket.createWebSocketStream(ws);

      notebook.note(duplex.write(Buffer.alloc(256 * 1024)));
      await once(duplex, 'drain');

      let length = 0;

      await new Promise((resolve) => {
        peer.on('message', (data) => {
          length += data.length;
          if (length === 256 * 1024) resolve();
        });
      });
      notebook.note(length);
    }
  );

  plays('can be piped', async ({ WebSocket, notebook, peer, ws }) => {
    const [one, other] = [ws, peer].map((end) =>
      WebSocket.createWebSocketStream(end)
    );

    other.pipe(other);
    one.end('there and back');

    const chunks = await one.toArray();

    notebook.note(Buffer.concat(chunks).toString());
  });
});
