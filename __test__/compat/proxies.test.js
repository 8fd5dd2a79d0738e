'use strict';

// A Proxy or a derived object in place of a WebSocket.

const { once } = require('node:events');

const { parity, scenario } = require('../support/scenario.js');

/**
 * Uses every feature of a WebSocket through a stand-in.
 *
 * @param {any} WebSocket The module
 * @param {any} notebook
 * @param {(ws: any) => any} wrap Makes the stand-in
 */
async function useWrapped(WebSocket, notebook, wrap) {
  const server = new WebSocket.WebSocketServer({ port: 0, host: '127.0.0.1' });

  await once(server, 'listening');
  notebook.defer(() => server.close());

  const left = new Promise((resolve) => {
    server.on('connection', (ws) => serve(wrap(ws), resolve));
  });
  const serve = (wrapped, resolve) => {
    wrapped.on('message', (data, binary) => wrapped.send(data, { binary }));
    wrapped.on('ping', (data) => wrapped.send(`pinged: ${data}`));
    wrapped.on('close', (code) => resolve([wrapped.readyState, code]));
  };

  const plain = new WebSocket(`ws://127.0.0.1:${server.address().port}`);
  const ws = wrap(plain);
  const closed = once(ws, 'close');

  notebook.note(ws instanceof WebSocket, ws.readyState, ws.binaryType);
  ws.onmessage = ({ data, type }) => notebook.note(type, data);
  ws.addEventListener('close', ({ code, reason, wasClean }) => {
    notebook.note(code, reason, wasClean);
  });
  await once(ws, 'open');
  notebook.note(ws.readyState, ws.protocol, ws.extensions, ws.isPaused);
  notebook.note(ws.onmessage === null, ws.listenerCount('message'));

  ws.send('text');
  await once(ws, 'message');
  await Promise.all([
    once(ws, 'message'),
    new Promise((resolve) => ws.send(Buffer.from('acked'), resolve))
  ]);
  ws.binaryType = 'arraybuffer';
  ws.send(Uint8Array.of(1, 2, 3));
  await once(ws, 'message');
  notebook.attempt('binaryType', () => (ws.binaryType = 'nonsense'));
  ws.ping('p');
  await once(ws, 'message');
  ws.pong('unasked');
  ws.pause();
  notebook.note('paused', ws.isPaused);
  ws.resume();
  notebook.note('resumed', ws.isPaused, ws.bufferedAmount);
  ws.close(4001, 'wrapped');
  notebook.note(ws.readyState);
  await closed;
  notebook.note(ws.readyState, 'server', await left);
  notebook.attempt('send', () => ws.send('late'));
}

const wrappers = {
  'a Proxy without traps': (ws) => new Proxy(ws, {}),
  'a Proxy that is this everywhere': (ws) =>
    new Proxy(ws, {
      get: (target, name, receiver) => Reflect.get(target, name, receiver),
      set: (target, name, value, receiver) =>
        Reflect.set(target, name, value, receiver)
    }),
  'a Proxy that binds methods': (ws) =>
    new Proxy(ws, {
      get(target, name) {
        const value = target[name];
        return typeof value === 'function' ? value.bind(target) : value;
      },
      set: (target, name, value) => Reflect.set(target, name, value)
    }),
  'a Proxy of a Proxy': (ws) => new Proxy(new Proxy(ws, {}), {})
};

for (const [title, wrap] of Object.entries(wrappers)) {
  parity(title, (WebSocket, notebook) => useWrapped(WebSocket, notebook, wrap));
}

parity('terminate() by a Proxy', async (WebSocket, notebook) => {
  const server = new WebSocket.WebSocketServer({ port: 0, host: '127.0.0.1' });

  await once(server, 'listening');
  notebook.defer(() => server.close());
  server.on('connection', (ws) => new Proxy(ws, {}).terminate());

  const ws = new WebSocket(`ws://127.0.0.1:${server.address().port}`);

  await notebook.watch(new Proxy(ws, {}));
});

parity('a stream of a Proxy', async (WebSocket, notebook) => {
  const server = new WebSocket.WebSocketServer({ port: 0, host: '127.0.0.1' });

  await once(server, 'listening');
  notebook.defer(() => server.close());
  server.on('connection', (ws) => {
    const stream = WebSocket.createWebSocketStream(new Proxy(ws, {}));

    stream.pipe(stream);
  });

  const ws = new WebSocket(`ws://127.0.0.1:${server.address().port}`);
  const stream = WebSocket.createWebSocketStream(new Proxy(ws, {}), {
    encoding: 'utf8'
  });

  stream.write('one');
  notebook.note(...(await once(stream, 'data')));
  stream.end('two');
  stream.resume();
  await once(stream, 'close');
});

parity('a Proxy around the server', async (WebSocket, notebook) => {
  const server = new Proxy(
    new WebSocket.WebSocketServer({ port: 0, host: '127.0.0.1' }),
    {}
  );

  await once(server, 'listening');
  server.on('connection', (ws) => {
    notebook.note('clients', server.clients.size);
    ws.close(1000, 'bye');
  });

  const ws = new WebSocket(`ws://127.0.0.1:${server.address().port}`);

  await notebook.watch(ws);
  await new Promise((resolve) => server.close(resolve));
  notebook.attempt('address', () => server.address());
});

scenario('a Proxy around it', {}, async (play) => {
  const { ws, peer } = await play.open();
  const proxy = new Proxy(ws, {
    get: (target, name, receiver) => Reflect.get(target, name, receiver)
  });
  const seen = new Promise((resolve) => {
    proxy.on('message', function (data) {
      play.note(data, this === ws);
      resolve();
    });
  });

  proxy.send('text');
  proxy.binaryType = 'arraybuffer';
  play.note(ws.binaryType, proxy.readyState, proxy.bufferedAmount);
  proxy.pause();
  play.note(ws.isPaused);
  proxy.resume();
  peer.write(peer.frame('text', 'text'));
  await seen;
  proxy.close(1000, 'reason');
  await play.finish(ws, peer);
});

scenario('an object that inherits from it', {}, async (play) => {
  const { ws, peer } = await play.open();
  const heir = Object.create(ws);

  await new Promise((resolve) => {
    heir.send(Buffer.from('binary'), resolve);
  });
  play.note(heir.readyState, heir.OPEN, heir.bufferedAmount);
  heir.close(1000, 'reason');
  play.note(ws.readyState, heir.readyState);
  ws.close(1000);
  await play.finish(ws, peer);
});
