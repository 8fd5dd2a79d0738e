'use strict';

// The socket of a connection that the engine has accepted: it is made when a program
// first looks at it.

const assert = require('node:assert');
const { once } = require('node:events');
const net = require('node:net');
const { describe, it } = require('node:test');

const { ask, upgradeRequest } = require('../support/handshake.js');
const { dial, listen } = require('../support/own-port.js');
const { ours, parity } = require('../support/scenario.js');

/**
 * @param {any} notebook The notebook
 * @param {any} socket One of a server's
 */
function describeSocket(notebook, socket) {
  const { port: local, ...address } = socket.address();

  notebook.seePort(socket.remotePort);
  notebook.note(
    socket instanceof net.Socket,
    socket.constructor === net.Socket
  );
  notebook.note(socket.remoteAddress, socket.remotePort, socket.remoteFamily);
  notebook.note(socket.localAddress, socket.localPort === local, address);
  notebook.note(socket.readyState, socket.connecting, socket.pending);
  notebook.note(socket.readable, socket.writable, socket.destroyed);
  notebook.note(socket.allowHalfOpen, socket.timeout, socket.encrypted);
  notebook.note(socket.isPaused(), socket.readableFlowing);
  notebook.note(socket.bytesRead, socket.bytesWritten, socket.writableLength);
  notebook.note(socket.server.listening, socket._server === socket.server);
  notebook.note(socket._handle.constructor.name, socket._handle.fd > 2);
  notebook.note(socket.parser, socket._paused, socket._httpMessage);
  // Node.js does not read a socket that the engine reads.
  notebook.note(
    socket
      .eventNames()
      .filter((name) => name !== 'data')
      .sort()
  );
}

describe('The socket', () => {
  for (const place of [
    'shouldHandle',
    'verifyClient',
    'handleProtocols',
    'headers',
    'connection',
    'message',
    'later',
    'close'
  ]) {
    parity(`is there in ${place}`, async (WebSocket, notebook) => {
      const seen = new Set();
      const look = (name, request, ws) => {
        notebook.note(name);
        if (name !== place) return;

        const { socket } = request;

        if (name === 'close') {
          notebook.note(socket === ws._socket, socket.destroyed);
          notebook.note(socket.remoteAddress, socket.readyState);
          return;
        }

        describeSocket(notebook, socket);
        socket.on('close', (hadError) => notebook.note('socket', hadError));
        seen.add(socket);
      };
      const { port, wss } = await listen(WebSocket, notebook, {
        handleProtocols(protocols, request) {
          look('handleProtocols', request);
          return 'a';
        },
        verifyClient({ req, secure }) {
          look('verifyClient', req);
          return !secure;
        }
      });

      if (place === 'shouldHandle') {
        wss.shouldHandle = (request) => {
          look('shouldHandle', request);
          return true;
        };
      }
      wss.on('headers', (_headers, request) => look('headers', request));
      wss.on('connection', (ws, request) => {
        look('connection', request, ws);
        ws.on('close', (code) => {
          notebook.note('close', code);
          look('close', request, ws);
        });
        ws.on('message', (data) => {
          look('message', request, ws);
          ws.send(data, () => {
            setImmediate(() => {
              look('later', request, ws);
              if (seen.size > 0) notebook.note(seen.has(ws._socket));
              notebook.note(request.socket === ws._socket);
              ws.terminate();
            });
          });
        });
      });
      return ask(
        port,
        `${upgradeRequest({ 'Sec-WebSocket-Protocol': 'a' })}\x81\x82\0\0\0\0hi`
      );
    });
  }

  parity('is there after a reset', async (WebSocket, notebook) => {
    const { port, wss } = await listen(WebSocket, notebook);
    const client = await dial(port);

    client.write(upgradeRequest());

    const [ws, request] = await once(wss, 'connection');

    if (!client.bytesRead) await once(client, 'data');
    ws.on('error', () => notebook.note('error'));
    client.resetAndDestroy();

    const [code] = await once(ws, 'close');

    notebook.note(code, ws.readyState, ws._socket === request.socket);
    notebook.note(ws._socket.destroyed, ws._socket.remoteAddress);
    notebook.note(wss.clients.size, ws._socket.readyState);
    ws.terminate();
    ws.close();
  });

  for (const [title, act] of [
    ['write', (socket) => socket.write('\x81\x01a', 'latin1')],
    ['end', (socket) => socket.end()],
    ['destroy', (socket) => socket.destroy()],
    ['an error', (socket) => socket.destroy(new Error('broken'))],
    ['setTimeout', (socket) => socket.setTimeout(1, () => socket.destroy())],
    ['a listener', (socket) => socket.on('data', () => {})],
    ['setEncoding', (socket) => socket.setEncoding('utf8')],
    ['unref', (socket) => socket.unref()],
    ['setKeepAlive', (socket) => socket.setKeepAlive(true, 1000)],
    ['pause', (socket) => socket.pause()]
  ]) {
    parity(`takes ${title}`, async (WebSocket, notebook) => {
      const { port, wss } = await listen(WebSocket, notebook);

      wss.on('connection', (ws, { socket }) => {
        ws.on('close', (code) => notebook.note('close', code));
        ws.on('error', (error) => notebook.note('error', error));
        ws.on('message', (data) => {
          notebook.note('message', data);
          ws.close();
        });
        notebook.attempt(title, () => void act(socket));
        if (title === 'pause') setImmediate(() => socket.resume());
      });
      return ask(port, `${upgradeRequest()}\x81\x82\0\0\0\0hi`, {
        end: true
      });
    });
  }
});

it('A socket that no program accesses is never created', async (t) => {
  const { Socket } = net;
  let made = 0;

  // Counts the module's own sockets; net.connect() uses another reference.
  net.Socket = new Proxy(Socket, {
    construct(target, args) {
      made++;
      return Reflect.construct(target, args);
    }
  });
  t.after(() => {
    net.Socket = Socket;
  });

  const wss = new ours.Server({
    host: '127.0.0.1',
    perMessageDeflate: true,
    port: 0,
    verifyClient: ({ req, secure }) => !secure && req.url === '/'
  });

  t.after(() => wss.close());
  await once(wss, 'listening');

  const client = await dial(wss.address().port);

  client.write(
    `${upgradeRequest()}\x81\x82\0\0\0\0hi\x89\x80\0\0\0\0`,
    'latin1'
  );

  const [ws, request] = await once(wss, 'connection');

  assert.strictEqual(request.method, 'GET');
  assert.strictEqual(String(await once(ws, 'message')), 'hi,false');
  ws.send('text');
  ws.ping();
  await new Promise((resolve) => {
    ws.send(Buffer.from('bytes'), resolve);
  });
  assert.strictEqual(ws.bufferedAmount, 0);
  assert.strictEqual(ws.extensions, '');

  const closed = once(ws, 'close');

  client.resetAndDestroy();
  await closed;
  ws.send('too late', () => {});
  assert.strictEqual(ws.bufferedAmount, 8);
  assert.strictEqual(made, 0);
});
