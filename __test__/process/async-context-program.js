'use strict';

// Prints, as JSON, what an AsyncLocalStorage holds in each listener and callback
// of a module, and which store and domain see an exception from there.
//
//   node async-context-program.js MODULE ROLE TRANSPORT MODE [PLACE]
//
// MODE is `see`; `enter`, where each listener enters a store of its own; `throw`,
// where the listener of PLACE also throws; `domain`, where it was also added, or
// its object created, within a domain; or `request`, where the module is first
// loaded within a store, as a server does that loads it lazily.

const { AsyncLocalStorage } = require('node:async_hooks');
const { Blob } = require('node:buffer');
const domain = require('node:domain');
const http = require('node:http');

const transports = require('../support/transports.js');

const [modulePath, role, transport, mode, thrower] = process.argv.slice(2);
const storage = new AsyncLocalStorage();
const listens = ['port', 'asked', 'server'].includes(transport);
const dialed = listens ? 'tcp' : transport;

/** @type {Record<string, string[]>} What was seen, by place. */
const seen = {};
const waiting = new Set();
let load = () => require(modulePath);

if (mode === 'request') {
  load = () => storage.run('request', () => require(modulePath));
}

/**
 * @param {string} place
 * @param {string} [what] The store by default
 */
function note(place, what = storage.getStore() ?? 'none') {
  (seen[place] ??= []).push(what);
  for (const check of waiting) check();
}

/**
 * @param {string} place
 * @param {number} [count]
 * @return {Promise<void>} Settles when it has been noted that often
 */
function noted(place, count = 1) {
  return new Promise((resolve) => {
    const check = () => {
      if ((seen[place]?.length ?? 0) < count) return;
      waiting.delete(check);
      resolve();
    };

    waiting.add(check);
    check();
  });
}

/**
 * @param {string} place
 * @return {() => void} A listener, or a callback
 */
function at(place) {
  return () => {
    note(place);
    if (mode === 'enter' || thrower === place) storage.enterWith(`in ${place}`);
    if (thrower === place) throw new Error(place);
  };
}

/**
 * @param {string} name Of the store, and of the domain
 * @param {() => T} body
 * @return {T}
 * @template T
 */
function within(name, body) {
  const run = () => storage.run(name, body);

  if (mode !== 'domain') return run();

  const own = domain.create();

  own.on('error', (error) => {
    const store = storage.getStore() ?? 'none';

    note(`error ${error.message}`, `domain of ${name}, ${store}`);
    setImmediate(() => note(`settled ${error.message}`));
  });
  return own.run(run);
}

/** @return {string} The store, and whether there is a domain */
function circumstances() {
  const store = storage.getStore() ?? 'none';

  return process.domain ? `${store}, in a domain` : store;
}

process.on('uncaughtException', (error) => {
  note(`uncaught ${error.message}`, circumstances());
  // Whether it leaks into the next event.
  setImmediate(() => note(`settled ${error.message}`));
});

/** @return {Promise<void>} Settles after two turns of the event loop */
async function turns() {
  await new Promise(setImmediate);
  await new Promise(setImmediate);
}

/**
 * Actions that bring an open WebSocket to a place.
 *
 * @type {Record<string, (ws: any, peer: any) => void>}
 */
const actions = {
  message(_ws, peer) {
    peer.write(peer.frame('text', 'a'));
  },
  ping(_ws, peer) {
    peer.write(peer.frame('ping', 'b'));
  },
  pong(_ws, peer) {
    peer.write(peer.frame('pong', 'c'));
  },
  sent(ws) {
    ws.send('d', at('sent'));
  },
  'ping sent'(ws) {
    ws.ping('e', undefined, at('ping sent'));
  },
  'large sent'(ws) {
    ws.send(Buffer.alloc(4_000_000), at('large sent'));
  },
  'blob sent'(ws) {
    ws.send(new Blob(['f']), at('blob sent'));
  },
  written(ws) {
    ws._socket.write('', at('written'));
  },
  error(_ws, peer) {
    peer.write(Buffer.from([0xff, 0xff]));
  },
  close(_ws, peer) {
    peer.write(peer.closeFrame(1000));
    peer.stream.end();
  },
  terminated(ws) {
    ws.on('close', at('terminated'));
    ws.terminate();
  },
  closed(ws, peer) {
    ws.on('close', at('closed'));
    ws.close();
    storage.run('peer', () => peer.finish());
  },
  'sent too late'(ws) {
    ws.terminate();
    ws.send('g', at('sent too late'));
  }
};

/**
 * Brings a WebSocket to one place after the other, until it is closed.
 *
 * @param {any} ws
 * @param {any} peer A RawPeer
 */
async function converse(ws, peer) {
  for (const place of [
    'message',
    'message',
    'ping',
    'pong',
    'sent',
    'ping sent',
    'large sent',
    'blob sent',
    'written'
  ]) {
    await turns();
    await reach(place, ws, peer);
  }

  peer.write(peer.frame('binary', Buffer.alloc(300_000)));
  await noted('message', 3);
  ws.pause();
  await turns();
  peer.write(peer.frame('text', 'h'));
  within('resumer', () => ws.resume());
  await noted('message', 4);
  await reach('close', ws, peer);
}

/**
 * @param {string} place
 * @param {any} ws
 * @param {any} peer
 * @return {Promise<void>} Settles when it has been there
 */
function reach(place, ws, peer) {
  const before = seen[place]?.length ?? 0;

  within(`actor of ${place}`, () => actions[place](ws, peer));
  return noted(place, before + 1);
}

/**
 * @param {any} ws
 */
function listen(ws) {
  within('listener', () => {
    for (const event of ['message', 'ping', 'pong', 'error', 'close']) {
      ws.on(event, at(event));
    }
  });
}

async function playServer() {
  const WebSocket = load();
  const options = {
    perMessageDeflate: false,
    verifyClient({ req }) {
      at('verifyClient')();
      return req.url !== '/refused';
    },
    handleProtocols() {
      at('handleProtocols')();
      return 'a';
    }
  };
  const { address, server, wss } = await serve(WebSocket, options);
  const peers = [];
  const call = (path) => {
    const peer = storage.run('peer', () =>
      transports.rawConnect(dialed, address)
    );
    const headers = ['Sec-WebSocket-Protocol: a, b'];

    storage.run('peer', () => peer.request({ path, headers }));
    peers.push(peer);
    return peer;
  };
  const open = async () => {
    const peer = call('/');
    const ws = await new Promise((resolve) => {
      wss.once('connection', resolve);
    });

    listen(ws);
    return { ws, peer };
  };

  if (thrower !== undefined) {
    if (thrower in actions) {
      const { ws, peer } = await open();

      reach(thrower, ws, peer);
    } else {
      call('/');
    }
    await noted(`settled ${thrower}`);
    return;
  } else {
    call('/refused');
    await noted('verifyClient');
    for (const place of ['terminated', 'closed', 'error']) {
      const { ws, peer } = await open();

      await reach(place, ws, peer);
    }

    const { ws, peer } = await open();

    await converse(ws, peer);
    await reach('sent too late', ws, peer);
  }

  within('closer', () => wss.close(at('server closed')));
  for (const { stream } of peers) stream.destroy();
  server.close();
  await noted('server closed');
}

/**
 * @param {any} WebSocket
 * @param {object} options
 * @return {Promise<{ address: string | number, server: any, wss: any }>}
 */
async function serve(WebSocket, options) {
  const wss = within('server', () => {
    if (transport === 'port' || transport === 'asked') {
      const own = { host: '127.0.0.1', port: 0 };

      return new WebSocket.WebSocketServer({ ...own, ...options });
    }
    if (transport !== 'server') {
      return new WebSocket.WebSocketServer({ noServer: true, ...options });
    }

    const server = storage.run('http server', () =>
      http.createServer().listen(0, '127.0.0.1')
    );

    return new WebSocket.WebSocketServer({ server, ...options });
  });

  for (const event of ['listening', 'headers', 'connection']) {
    wss.on(event, at(event));
  }

  if (listens) {
    await noted('listening');

    // Accessing the HTTP server reveals it, with its handle.
    const server =
      transport === 'asked'
        ? storage.run('asker', () => wss._server)
        : { close() {} };

    return { address: wss.address().port, server, wss };
  }

  const { address, server } = await storage.run('http server', () =>
    transports.serve(
      { WebSocketServer: Passing(wss) },
      transport,
      options,
      () => {}
    )
  );

  return { address, server, wss };
}

/**
 * @param {any} wss
 * @return {any} A class whose instances handle upgrades within a store
 */
function Passing(wss) {
  return class {
    handleUpgrade(request, stream, head) {
      storage.run('upgrade', () => {
        wss.handleUpgrade(request, stream, head, (ws) => {
          wss.emit('connection', ws, request);
        });
      });
    }
  };
}

async function playClient() {
  const WebSocket = load();
  const { address, server, accept } = await storage.run('peer', () =>
    transports.rawServe(transport)
  );
  const open = async () => {
    const ws = within('client', () =>
      transports.connect(WebSocket, transport, address)
    );

    listen(ws);
    for (const event of ['upgrade', 'open']) ws.on(event, at(event));

    const opened = noted('open', (seen.open?.length ?? 0) + 1);
    const peer = await accept();

    storage.run('peer', () => peer.answer());
    await opened;
    return { ws, peer };
  };

  if (thrower !== undefined) {
    const opening = open();

    if (thrower in actions) {
      const { ws, peer } = await opening;

      reach(thrower, ws, peer);
    }
    await noted(`settled ${thrower}`);
    return;
  } else {
    for (const place of ['terminated', 'closed', 'error']) {
      const { ws, peer } = await open();

      await reach(place, ws, peer);
    }

    const { ws, peer } = await open();

    await converse(ws, peer);
    await reach('sent too late', ws, peer);
  }

  server.close();
}

(role === 'server' ? playServer() : playClient()).then(() => {
  setImmediate(() => {
    process.stdout.write(JSON.stringify(seen), () => process.exit());
  });
});
