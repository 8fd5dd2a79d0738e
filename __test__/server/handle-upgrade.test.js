'use strict';

// handleUpgrade(): without a server, on any stream, and called twice.

const { once } = require('node:events');
const http = require('node:http');
const { Duplex } = require('node:stream');
const { describe } = require('node:test');

const { KEY, ask, serve, upgradeRequest } = require('../support/handshake.js');
const { parity } = require('../support/scenario.js');

describe('handleUpgrade', () => {
  parity('works without a server', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ noServer: true });

    wss.on('connection', () => notebook.note('connection'));

    const port = await serve(notebook, {
      upgrade(request, socket, head) {
        const symbols = () => Object.getOwnPropertySymbols(socket).length;
        const before = symbols();

        wss.handleUpgrade(request, socket, head, (ws, same, ...more) => {
          notebook.note(same === request, more.length, wss.clients.size);
          notebook.note(ws._socket === socket, ws.readyState, ws._isServer);
          notebook.note('symbols added', symbols() > before);
          ws.on('close', () => notebook.note('close', wss.clients.size));
          ws.terminate();
        });
        notebook.note('returned');
      }
    });

    return ask(port, upgradeRequest());
  });

  parity('throws the second time', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ noServer: true });
    const port = await serve(notebook, {
      upgrade(request, socket, head) {
        const upgrade = () => {
          wss.handleUpgrade(request, socket, head, (ws) => {
            notebook.note('upgraded');
            setImmediate(() => ws.terminate());
          });
        };

        notebook.attempt('first', upgrade);
        notebook.attempt('second', upgrade);
      }
    });

    return ask(port, upgradeRequest());
  });

  parity('treats a client that has ended as gone', async (WebSocket, note) => {
    const wss = new WebSocket.Server({ noServer: true });
    const port = await serve(note, {
      upgrade(request, socket, head) {
        socket.resume();
        socket.on('end', () => {
          wss.handleUpgrade(request, socket, head, () => note.note('upgraded'));
          note.note('destroyed', socket.destroyed);
        });
      }
    });

    return ask(port, upgradeRequest(), { end: true });
  });

  parity('answers 503 when closed meanwhile', async (WebSocket, notebook) => {
    const answers = [];

    for (const moment of ['closing', 'closed']) {
      const wss = new WebSocket.Server({ noServer: true });
      const port = await serve(notebook, {
        async upgrade(request, socket, head) {
          wss.close();
          if (moment === 'closed') await once(wss, 'close');
          wss.handleUpgrade(request, socket, head, () => {
            notebook.note('upgraded');
          });
        }
      });

      answers.push(await ask(port, upgradeRequest()));
    }

    return answers;
  });

  /**
   * @param {any} notebook The notebook
   * @return {Duplex} A stream that is not a socket
   */
  function plainStream(notebook) {
    // The number of writes does not matter.
    let written = '';
    const stream = new Duplex({
      read() {},
      write(chunk, _encoding, callback) {
        written += chunk.toString('latin1');
        callback();
      }
    });

    stream.on('finish', () => notebook.note('finish', written));
    stream.on('close', () => notebook.note('gone'));

    return stream;
  }

  const headers = {
    upgrade: 'websocket',
    'sec-websocket-key': KEY,
    'sec-websocket-version': '13'
  };

  parity('takes any Duplex and a plain object', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ noServer: true });
    const stream = plainStream(notebook);
    const request = { headers, method: 'GET', url: '/' };

    wss.handleUpgrade(request, stream, Buffer.alloc(0), (ws, same) => {
      notebook.note(same === request, ws._socket === stream, ws.readyState);
      notebook.watch(ws);
      ws.send('text');
      stream.push(null);
    });
    await once(stream, 'close');
  });

  parity('calls a Duplex in one order', (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ noServer: true });
    const stream = plainStream(notebook);
    const request = { headers, method: 'GET', url: '/' };
    const head = Buffer.from([0x81, 0x80, 0, 0, 0, 0]);

    for (const name of ['on', 'removeListener', 'unshift', 'write']) {
      const method = stream[name];

      stream[name] = function told(first, ...rest) {
        notebook.note(name, first);
        return method.call(this, first, ...rest);
      };
    }
    stream.setTimeout = (...args) => notebook.note('setTimeout', args);
    stream.setNoDelay = (...args) => notebook.note('setNoDelay', args);

    return new Promise((resolve) => {
      wss.handleUpgrade(request, stream, head, (ws) => {
        notebook.watch(ws).then(resolve);
        ws.on('message', () => ws.terminate());
      });
    });
  });

  for (const request of [{}, { method: 'GET' }, { method: 'PUT' }]) {
    parity(`of ${JSON.stringify(request)}`, (WebSocket, notebook) => {
      const wss = new WebSocket.Server({ noServer: true });
      const stream = plainStream(notebook);

      notebook.attempt('handleUpgrade', () => {
        wss.handleUpgrade(request, stream, Buffer.alloc(0), () => {});
      });
    });
  }

  parity('refuses on any Duplex', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({ noServer: true });
    const stream = plainStream(notebook);
    const request = { headers: {}, method: 'GET', url: '/' };

    wss.handleUpgrade(request, stream, Buffer.alloc(0), () => {});
    await once(stream, 'close');
  });

  parity('survives an error of the stream', async (WebSocket, notebook) => {
    const wss = new WebSocket.Server({
      noServer: true,
      verifyClient: (_info, _callback) => notebook.note('verifyClient')
    });
    const stream = plainStream(notebook);
    const request = { headers, method: 'GET', socket: stream, url: '/' };

    wss.handleUpgrade(request, stream, Buffer.alloc(0), () => {});
    stream.emit('error', new Error('broken'));
    notebook.note(stream.destroyed);
    await once(stream, 'close');
  });

  parity(
    'reads the first frames from the head',
    async (WebSocket, notebook) => {
      const wss = new WebSocket.Server({ server: http.createServer() });
      const port = await serve(notebook, { server: wss._server });

      wss.on('connection', (ws) => {
        ws.on('message', (data, isBinary) => {
          notebook.note('message', data, isBinary);
          ws.terminate();
        });
      });
      await ask(port, `${upgradeRequest()}\x81\x82\0\0\0\0hi`);
      wss.close();
    }
  );
});
