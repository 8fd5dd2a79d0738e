'use strict';

// The IncomingMessage of a server with its own port.

const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const { describe } = require('node:test');

const { ask, upgradeRequest } = require('../support/handshake.js');
const { dial, endAll, everything, listen } = require('../support/own-port.js');
const { parity } = require('../support/scenario.js');

/**
 * @param {any} value What a property holds
 * @return {any} The part of it that is the same in all runs
 */
function kindOf(value) {
  if (typeof value === 'function') return 'function';
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value;
  return Object.prototype.toString.call(value);
}

describe('The request', () => {
  parity('is that of Node', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);

    wss.on('connection', (ws, request) => {
      notebook.note(
        Object.keys(request).map((name) => [
          name,
          name[0] === '_' || kindOf(request[name])
        ])
      );
      notebook.note(Reflect.ownKeys(request).map(String));
      notebook.note(
        Object.getPrototypeOf(request) === http.IncomingMessage.prototype
      );
      // As frameworks have it.
      notebook.note(Object.create(request).socket === request.socket);
      notebook.note(request instanceof http.IncomingMessage);
      notebook.note(request.constructor === http.IncomingMessage);
      notebook.note(request.headers, request.headersDistinct);
      notebook.note(request.trailers, request.complete, request.readable);
      notebook.note(request.readableEnded, request.destroyed, request.aborted);
      notebook.note(request.readableFlowing, request.readableLength);
      notebook.note(request.socket === ws._socket);
      notebook.note(request.connection === ws._socket);
      notebook.note(request.client === ws._socket);
      notebook.note(Object.keys({ ...request }).length);
      request.on('end', () => {
        notebook.note('end');
        ws.terminate();
      });
      request.resume();
    });
    return ask(
      port,
      upgradeRequest(
        {
          Cookie: ['a', 'b'],
          'Set-Cookie': ['c', 'd'],
          'X-A': ['e', 'f'],
          Age: [1, 2]
        },
        'GET /p?q HTTP/1.1'
      )
    );
  });

  parity('may be destroyed', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);

    wss.on('connection', (ws, request) => {
      ws.on('close', (code) => notebook.note('close', code));
      request.on('close', () => {
        notebook.note('request closed', ws._socket.destroyed, ws.readyState);
        ws.terminate();
      });
      request.destroy();
    });
    return ask(port, upgradeRequest());
  });

  parity('may be given another socket', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const other = new net.Socket();

    wss.on('connection', (ws, request) => {
      request.socket = other;
      notebook.note(request.socket === other, request.connection === other);
      notebook.note(ws._socket === other);
      ws.terminate();
    });
    return ask(port, upgradeRequest());
  });

  parity('with an unusual key or version', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';

    endAll(notebook, wss);
    for (const headers of [
      { 'Sec-WebSocket-Key': [key, key] },
      { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZ' },
      { 'Sec-WebSocket-Key': `${key}=` },
      { 'Sec-WebSocket-Version': ['13', '13'] },
      { 'Sec-WebSocket-Version': '13.0' },
      { 'Sec-WebSocket-Version': '0x8' },
      { 'Sec-WebSocket-Version': '8' },
      { 'Sec-WebSocket-Version': '7' }
    ]) {
      const socket = await dial(port);

      socket.end(upgradeRequest(headers));
      notebook.note(await everything(socket));
    }
  });

  parity('of servers with different limits', async (WebSocket, notebook) => {
    const servers = [
      await listen(WebSocket, notebook, { maxPayload: 5 }),
      await listen(WebSocket, notebook, { maxPayload: 50 })
    ];

    for (const { wss } of servers) {
      wss.on('connection', (ws) => {
        ws.on('error', (error) => notebook.note(error.code));
        ws.on('message', (data) => {
          notebook.note(data.length);
          ws.close();
        });
      });
    }
    for (let round = 0; round < 3; round++) {
      for (const { wss } of servers) {
        const client = new WebSocket(`ws://127.0.0.1:${wss.address().port}`);

        client.on('open', () => client.send(Buffer.alloc(10)));
        notebook.note((await once(client, 'close'))[0]);
      }
    }
  });
});
