'use strict';

// Both ends of a connection in one process: which of them sees what first, and after
// how many turns of the event loop, also when the loop was blocked meanwhile.

const { once } = require('node:events');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');

const { parity } = require('../support/scenario.js');

/** Repetitions, which reveal races between the engine and JavaScript. */
const TIMES = 20;

/** For so many milliseconds the event loop is blocked. */
const BLOCKS = [0, 1, 3, 15];
const ALL_BLOCKS = [0, 1, 3, 5, 15, 50];
const FEW_BLOCKS = [0, 5];

/** Elsewhere the event loop does not read the sockets itself. */
const readsItself = process.platform === 'linux';

/**
 * @param {any} WebSocket The module
 * @param {(server: http.Server) => void} listen Has an HTTP server listen
 * @return {any} A WebSocketServer of it
 */
function attach(WebSocket, listen) {
  const server = http.createServer();
  const wss = new WebSocket.Server({ server });

  listen(server);
  wss.on('close', () => server.close());
  return wss;
}

let sockets = 0;

/** The ways in which a server gets its connections. */
const servers = {
  'a port of its own': (WebSocket) =>
    new WebSocket.Server({ port: 0, host: '127.0.0.1' }),
  'a server of its user': (WebSocket) =>
    attach(WebSocket, (server) => server.listen(0, '127.0.0.1')),
  'a local socket': (WebSocket) =>
    attach(WebSocket, (server) => {
      const name = `ws-native-both-${process.pid}-${sockets++}`;

      server.listen(path.join(os.tmpdir(), `${name}.sock`));
    })
};

/**
 * @param {any} WebSocket The module
 * @param {any} notebook
 * @param {(WebSocket: any) => any} serve Makes a server
 * @return {Promise<{ wss: any, url: string }>} A server that listens
 */
async function start(WebSocket, notebook, serve) {
  const wss = serve(WebSocket);

  await once(wss, 'listening');
  notebook.defer(() => wss.close());

  const address = wss.address();

  return {
    wss,
    url:
      typeof address === 'string'
        ? `ws+unix:${address}`
        : `ws://127.0.0.1:${address.port}`
  };
}

/**
 * Keeps the event loop from turning.
 *
 * @param {number} milliseconds
 */
function block(milliseconds) {
  const end = performance.now() + milliseconds;

  while (performance.now() < end);
}

/** Counts the turns of an event loop that never rests. */
class Turns {
  constructor() {
    this.count = 0;
    this.goesOn = true;
    setImmediate(() => this.next());
  }

  next() {
    this.count++;
    if (this.goesOn) setImmediate(() => this.next());
  }
}

/** What is done to the two ends before the event loop is blocked. */
const acts = {
  'close()': (client) => client.close(),
  "the server's close()": (client, served) => served.close(4000, 'bye'),
  'an acknowledged message and close()': (client, served, note) => {
    client.send('one', () => note('acknowledged'));
    client.close();
  },
  'a ping': (client, served, note) => {
    client.on('pong', () => {
      note('pong');
      served.close();
    });
    client.ping('ping');
  },
  'terminate()': (client) => client.terminate(),
  "the server's terminate()": (client, served) => served.terminate(),
  'end() of the socket': (client) => client._socket.end()
};

for (const [title, serve] of Object.entries(readsItself ? servers : {})) {
  for (const [name, act] of Object.entries(acts)) {
    parity(`turns of ${name}, ${title}`, async (WebSocket, notebook) => {
      const { wss, url } = await start(WebSocket, notebook, serve);

      for (const milliseconds of name === 'close()' ? ALL_BLOCKS : FEW_BLOCKS) {
        for (let i = 0; i < TIMES; i++) {
          const client = new WebSocket(url);
          const [served] = await once(wss, 'connection');
          const ends = { client, served };

          if (client.readyState !== WebSocket.OPEN) await once(client, 'open');
          // Nothing of the handshake is ready any more.
          await new Promise((resolve) => setTimeout(resolve, 2));

          const turns = new Turns();
          const note = (what) => notebook.note(milliseconds, what, turns.count);
          const closed = Object.values(ends).map((ws) => once(ws, 'close'));

          for (const [end, ws] of Object.entries(ends)) {
            ws.on('message', () => note(`${end} message`));
            ws.on('close', (code) => note(`${end} close ${code}`));
          }
          act(client, served, note);
          block(milliseconds);
          await Promise.all(closed);
          turns.goesOn = false;
        }
      }
    });
  }
}

/** Where in the life of a proxied connection the event loop is blocked. */
const moments = {
  "a client's close() at once": (moment, ws) => {
    if (moment === 'open') ws.close();
    return moment === 'open';
  },
  "a client's message": (moment, ws) => {
    if (moment === 'open') ws.send('to and fro');
    if (moment === 'message') ws.close();
    return moment === 'open';
  },
  'the last message': (moment, ws) => {
    if (moment === 'open') ws.send('to and fro');
    if (moment === 'message') ws.close();
    return moment === 'message';
  }
};

/**
 * A client of a proxy, which is itself a client of a server that echoes.
 *
 * @param {any} WebSocket The module
 * @param {any} front The proxy's WebSocketServer
 * @param {any} back That of the server behind it
 * @param {{ url: string, backUrl: string }} urls
 * @param {(ws: any, name: string) => void} watch
 * @return {any} The client
 */
function proxied(WebSocket, front, back, { url, backUrl }, watch) {
  back.once('connection', (ws) => {
    watch(ws, 'back');
    ws.on('message', (data) => ws.send(data));
  });
  front.once('connection', (ws) => {
    const upstream = new WebSocket(backUrl);
    const opened = once(upstream, 'open');

    watch(ws, 'front');
    watch(upstream, 'upstream');
    ws.on('message', (data) => opened.then(() => upstream.send(data)));
    upstream.on('message', (data) => ws.send(data));
    ws.on('close', () => opened.then(() => upstream.close()));
    upstream.on('close', () => ws.close());
  });

  const client = new WebSocket(url);

  watch(client, 'client');
  return client;
}

for (const [title, serve] of Object.entries(readsItself ? servers : {})) {
  for (const [name, act] of Object.entries(moments)) {
    parity(`a proxy, ${name}, ${title}`, async (WebSocket, notebook) => {
      const { wss: front, url } = await start(WebSocket, notebook, serve);
      const { wss: back, url: backUrl } = await start(
        WebSocket,
        notebook,
        serve
      );

      for (const milliseconds of BLOCKS) {
        for (let i = 0; i < TIMES; i++) {
          const turns = new Turns();
          const all = await new Promise((resolve) => {
            let closed = 0;
            const watch = (ws, end) => {
              const note = (what) =>
                notebook.note(milliseconds, end, what, turns.count);

              note('is there');
              ws.on('open', () => note('open'));
              ws.on('message', (data) => note(`message ${data}`));
              ws.on('close', (code) => {
                note(`close ${code}`);
                if (++closed === 4) resolve(closed);
              });
            };
            const urls = { url, backUrl };
            const client = proxied(WebSocket, front, back, urls, watch);

            for (const moment of ['open', 'message']) {
              client.on(moment, () => {
                if (act(moment, client)) block(milliseconds);
              });
            }
          });

          notebook.note('closed', all);
          turns.goesOn = false;
        }
      }
    });
  }
}
