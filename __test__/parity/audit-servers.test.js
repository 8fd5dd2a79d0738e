'use strict';

/** A server and its clients of the same module, and the streams over both. */

const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const { describe } = require('node:test');

const { ask, serve, upgradeRequest } = require('../support/handshake.js');
const { parity } = require('../support/parity.js');

const PLAIN = { perMessageDeflate: false };

/** @return {Promise<void>} Everything that is due has run */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/**
 * @param {any} WebSocket The module
 * @param {any} notebook What is noted
 * @param {object} [options] Those of the server
 * @return {Promise<{ port: number, wss: any }>} A server of its own
 */
async function start(WebSocket, notebook, options) {
  const wss = new WebSocket.Server({ host: '127.0.0.1', port: 0, ...options });

  await once(wss, 'listening');
  notebook.defer(() => {
    if (wss.clients) for (const client of wss.clients) client.terminate();
    wss.close();
  });
  wss.on('connection', (ws) => ws.on('error', () => {}));

  return { port: notebook.seePort(wss.address().port), wss };
}

/**
 * @param {any} WebSocket The module
 * @param {any} notebook What is noted
 * @param {object} [options] Those of the server
 * @return {Promise<{ peer: any, ws: any, wss: any }>} Both ends, open
 */
async function pair(WebSocket, notebook, options) {
  const { port, wss } = await start(WebSocket, notebook, options);
  const connection = once(wss, 'connection');
  const ws = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);

  ws.on('error', () => {});
  await once(ws, 'open');

  const [peer] = await connection;

  return { peer, ws, wss };
}

describe('A server', () => {
  parity('binds both families by default', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 });

    await once(wss, 'listening');

    const { port } = wss.address();

    for (const host of ['127.0.0.1', '[::1]']) {
      const ws = new WebSocket(`ws://${host}:${port}`, PLAIN);
      const [event] = await Promise.race([
        once(ws, 'open').then(() => ['open']),
        once(ws, 'error').then(([error]) => [error.code])
      ]);

      notebook.note(host, event);
      ws.terminate();
    }
    wss.close();
    await once(wss, 'close');
  });

  parity('answers plain requests', async (WebSocket, notebook) => {
    const { port } = await start(WebSocket, notebook);

    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
      notebook.note(
        await ask(
          port,
          `${method} / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`
        )
      );
    }
  });

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

  parity(
    'takes clients out before they say so',
    async (WebSocket, notebook) => {
      const { port, wss } = await start(WebSocket, notebook);

      wss.on('connection', (ws) => {
        notebook.note('connection', wss.clients.size);
        ws.on('close', () => notebook.note('close', wss.clients.size));
      });
      for (let i = 0; i < 2; i++) {
        const ws = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);

        ws.on('open', () => ws.close());
        await once(ws, 'close');
        while (wss.clients.size > 0) await turn();
      }
    }
  );

  parity('refuses while it closes', async (WebSocket, notebook) => {
    const server = http.createServer();
    const wss = new WebSocket.Server({ noServer: true });

    server.on('upgrade', (request, socket, head) => {
      wss.handleUpgrade(request, socket, head, (ws) => {
        notebook.note('connection');
        ws.on('error', () => {});
        wss.emit('connection', ws, request);
      });
    });

    const port = await serve(notebook, { server });
    const first = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);

    await once(first, 'open');
    wss.close(() => notebook.note('closed'));
    notebook.note(await ask(port, upgradeRequest()));
    await notebook.watch(new WebSocket(`ws://127.0.0.1:${port}`, PLAIN));
    first.terminate();
    await once(wss, 'close');
    notebook.note(await ask(port, upgradeRequest()));
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

  parity('lets headers be added', async (WebSocket, notebook) => {
    const { port, wss } = await start(WebSocket, notebook);

    wss.on('headers', (headers, request) => {
      notebook.note(headers.length, request.url, wss.clients.size);
      headers.push('Set-Cookie: a=b', 'X-More: 1');
    });
    wss.on('connection', (ws) => ws.close());

    const ws = new WebSocket(`ws://127.0.0.1:${port}/x`, PLAIN);

    ws.on('upgrade', ({ headers }) => {
      notebook.note(headers['set-cookie'], headers['x-more']);
    });
    await notebook.watch(ws);
  });

  parity('may close while it starts', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ port: 0 });

    for (const event of ['listening', 'error', 'close']) {
      wss.on(event, () => notebook.note(event, wss._state));
    }
    wss.close((...args) => notebook.note('closed', ...args));
    await once(wss, 'close');
    await turn();
  });

  parity(
    'has clients that say what they agreed on',
    async (WebSocket, note) => {
      const { port, wss } = await start(WebSocket, note);

      wss.on('connection', (ws) => {
        note.note(ws.protocol, ws.extensions, ws.url, ws.binaryType);
        note.note(ws._isServer, ws._autoPong, ws._closeTimeout, ws.isPaused);
        ws.close();
      });
      for (const protocols of [[], ['a'], ['b', 'a']]) {
        const ws = new WebSocket(`ws://127.0.0.1:${port}`, protocols, PLAIN);

        await note.watch(ws);
        note.note(ws.protocol, ws.extensions);
      }
    }
  );

  parity('sends when it is connected', async (WebSocket, notebook) => {
    const { port, wss } = await start(WebSocket, notebook);

    wss.on('connection', (ws) => {
      ws.send('first');
      ws.ping('ping');
      ws.send(Buffer.from('second'));
      ws.close(4321, 'third');
    });

    const ws = new WebSocket(`ws://127.0.0.1:${port}`, PLAIN);

    ws.on('ping', (data) => notebook.note('ping', data));
    await notebook.watch(ws);
  });

  parity('shares a socket that had a timeout', async (WebSocket, notebook) => {
    const server = http.createServer();

    server.setTimeout(123);

    const wss = new WebSocket.Server({ server });
    const port = await serve(notebook, { server });

    wss.on('connection', (ws, request) => {
      notebook.note(ws._socket.timeout, request.socket === ws._socket);
      ws.close();
    });
    await notebook.watch(new WebSocket(`ws://127.0.0.1:${port}`, PLAIN));
    wss.close();
  });
});

describe('Both ends', () => {
  for (const [name, act] of [
    ['close()', (end) => end.close(1001, 'mine')],
    ['terminate()', (end) => end.terminate()],
    ['a bad frame', (end) => end._socket.write(Buffer.from([0x83, 0x80]))]
  ]) {
    parity(`${name} at once`, async (WebSocket, notebook) => {
      const { peer, ws } = await pair(WebSocket, notebook);
      const seen = { ws: [], peer: [] };
      const over = Object.entries({ ws, peer }).map(([title, end]) => {
        end.on('error', ({ code }) => seen[title].push(code));
        return new Promise((resolve) => {
          end.on('close', (code, reason) => {
            seen[title].push([code, String(reason)]);
            resolve();
          });
        });
      });

      act(ws);
      act(peer);
      await Promise.all(over);
      notebook.note(seen);
    });
  }

  parity('fail after both have closed', async (WebSocket, notebook) => {
    const { peer, ws } = await pair(WebSocket, notebook);
    const bad = Buffer.from([0x83, 0x80]);
    const seen = { ws: [], peer: [] };
    const over = Object.entries({ ws, peer }).map(([title, end]) => {
      end.on('error', ({ code }) => seen[title].push(code));
      return new Promise((resolve) => {
        end.on('close', (code) => {
          seen[title].push(code);
          resolve();
        });
      });
    });

    ws._socket.write(bad);
    peer._socket.write(bad);
    ws.close();
    peer.close();
    await Promise.all(over);
    notebook.note(seen);
  });

  parity('are slowed down by a slow reader', async (WebSocket, notebook) => {
    const { peer, ws } = await pair(WebSocket, notebook);
    let got = 0;

    peer.pause();
    peer.on('message', (data) => {
      got += data.length;
    });

    let acked = 0;

    for (let i = 0; i < 24; i++) {
      ws.send(Buffer.alloc(1 << 20), () => acked++);
    }
    for (let i = 0; i < 50; i++) await turn();
    notebook.note(acked < 24, ws.bufferedAmount > 4 << 20, got);
    peer.resume();
    ws.close(1000);
    await Promise.all([once(ws, 'close'), once(peer, 'close')]);
    notebook.note(acked, got, ws.bufferedAmount);
  });
});

describe('A stream of a server', () => {
  parity(
    'throws its error when nobody listens',
    async (WebSocket, notebook) => {
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
    }
  );

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
        // What came from both sides is in the order of each, not of both.
        notebook.lines.sort();
      }
    }
  );
});

describe('The net below', () => {
  parity('resets without an error', async (WebSocket, notebook) => {
    const { port, wss } = await start(WebSocket, notebook);
    const connection = once(wss, 'connection');
    const socket = net.connect(port, '127.0.0.1');

    socket.on('error', () => {});
    socket.write(upgradeRequest());

    const [peer] = await connection;

    peer.on('error', (error) => notebook.note('error', error));
    await once(socket, 'data');
    socket.resetAndDestroy();
    await new Promise((resolve) => {
      peer.on('close', (code, reason) => {
        notebook.note('close', code, reason);
        resolve();
      });
    });
  });
});
