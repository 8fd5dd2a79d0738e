'use strict';

// socket.io and its client over WebSocket alone: rooms, binary, acknowledgements
// and broadcasts, which the adapter frames by itself with Sender.frame.

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { Server } = require('socket.io');
const { io: connectTo } = require('socket.io-client');
const WebSocket = require('ws');

const { assertLoadedBy } = require('./kit/loaded.js');
const { Client, listen } = require('./kit/peers.js');

const VARIANTS = {
  'as it is': {},
  'with perMessageDeflate': { perMessageDeflate: true },
  'with perMessageDeflate from one byte on': {
    perMessageDeflate: { threshold: 1 }
  },
  'with wsEngine': { wsEngine: WebSocket.Server },
  'over TLS': { tls: true }
};
const TLS = Object.fromEntries(
  Object.entries({ cert: 'certificate', key: 'key' }).map(([name, file]) => [
    name,
    fs.readFileSync(path.join(__dirname, 'fixtures', `${file}.pem`))
  ])
);

// Connects with autoUnref, so that the connection does not keep the process alive.
const UNREFERENCED = `
  const socket = require('socket.io-client').io(process.argv[1], {
    autoUnref: true,
    transports: ['websocket']
  });

  socket.on('connect', () => {
    console.log('connected');
    // With nothing else to do, the process ends.
    clearInterval(hold);
  });
  const hold = setInterval(() => {}, 1000);
`;

for (const [title, { tls, ...options }] of Object.entries(VARIANTS)) {
  describe(`socket.io ${title}`, () => {
    /** @type {Server} */
    let io;
    let url = '';
    const clients = [];

    /** @return {Promise<[any, any]>} A client and the server's end of it */
    const pair = async (settings = {}) => {
      const client = connectTo(url, {
        forceNew: true,
        reconnection: false,
        rejectUnauthorized: false,
        transports: ['websocket'],
        ...settings
      });
      const accepted = once(io, 'connection');

      clients.push(client);
      await once(client, 'connect');
      // Connections are made one at a time, so this is its other end.
      const [socket] = await accepted;
      assert.strictEqual(socket.id, client.id);
      return [client, socket];
    };

    before(async () => {
      const server = tls ? https.createServer(TLS) : http.createServer();

      io = new Server(server, { ...options, maxHttpBufferSize: 1e6 });
      url = `http${tls ? 's' : ''}://127.0.0.1:${await listen(server)}`;
    });

    after(async () => {
      for (const client of clients) client.close();
      await io.close();
    });

    it('speaks through our module at both ends', async () => {
      const [client, socket] = await pair();

      assert.ok(socket.conn.transport.socket instanceof WebSocket);
      assert.ok(client.io.engine.transport.ws instanceof WebSocket);
    });

    it('acknowledges in both directions', async () => {
      const [client, socket] = await pair();

      socket.on('add', (a, b, done) => done(a + b));
      client.on('name', (done) => done({ name: 'Zoë', list: [1, null] }));

      const sums = await Promise.all(
        Array.from({ length: 100 }, (_, n) => client.emitWithAck('add', n, 1))
      );

      assert.deepStrictEqual(
        sums,
        Array.from({ length: 100 }, (_, n) => n + 1)
      );
      assert.deepStrictEqual(await socket.timeout(10_000).emitWithAck('name'), {
        name: 'Zoë',
        list: [1, null]
      });
    });

    it('carries binary in both directions', async () => {
      const [client, socket] = await pair();
      const large = Buffer.alloc(300_000, 'large ');

      socket.on('echo', (value, done) => done(value, Buffer.from('more')));

      for (const data of [large, Buffer.alloc(0), Buffer.from([0, 255])]) {
        const value = { text: 'with', data, list: [data, 'ä'] };
        const [echo, more] = await new Promise((resolve) => {
          client.emit('echo', value, (...args) => resolve(args));
        });

        assert.deepStrictEqual(echo, value);
        assert.deepStrictEqual(more, Buffer.from('more'));
      }
    });

    it('sends to the rooms, and to nobody else', async () => {
      const [[a, aa], [b, bb], [c, cc]] = [
        await pair(),
        await pair(),
        await pair()
      ];
      const seen = { a: [], b: [], c: [] };

      for (const [name, client] of Object.entries({ a, b, c })) {
        client.on('news', (text) => seen[name].push(text));
      }

      aa.join('red');
      bb.join(['red', 'blue']);
      cc.join('blue');
      io.to('red').emit('news', 'red');
      io.to('blue').except('red').emit('news', 'blue, not red');
      aa.to('red').emit('news', 'red, not a');
      aa.broadcast.emit('news', 'all but a');
      io.to('red').emit('news', Buffer.from('binary'));

      for (const client of [a, b, c]) client.on('end', (done) => done());
      await io.timeout(10_000).to(['red', 'blue']).emitWithAck('end');
      assert.deepStrictEqual(seen, {
        a: ['red', Buffer.from('binary')],
        b: ['red', 'red, not a', 'all but a', Buffer.from('binary')],
        c: ['blue, not red', 'all but a']
      });
    });

    // A stuck message would arrive with the next ping, after 25 seconds.
    const timeout = 10_000;

    it(
      'keeps broadcasts in order with single messages',
      { timeout },
      async () => {
        const [client, socket] = await pair();
        const seen = [];

        client.on('n', (n) => seen.push(n));

        for (let n = 0; n < 300; n += 3) {
          socket.emit('n', n);
          io.emit('n', n + 1);
          socket.emit('n', n + 2);
        }

        client.on('ask', (done) => done());
        await socket.emitWithAck('ask');
        assert.deepStrictEqual(
          seen,
          Array.from({ length: 300 }, (_, n) => n)
        );
      }
    );

    it('refuses what is too long', async () => {
      const [client, socket] = await pair();
      const gone = once(socket, 'disconnect');
      const lost = once(client, 'disconnect');

      client.emit('long', 'x'.repeat(1e6));

      assert.strictEqual((await gone)[0], 'transport error');
      assert.strictEqual((await lost)[0], 'transport close');
    });

    it('takes over from polling', async () => {
      const [client, socket] = await pair({
        transports: ['polling', 'websocket']
      });

      socket.on('echo', (value, done) => done(value));
      if (client.io.engine.transport.name !== 'websocket') {
        await once(client.io.engine, 'upgrade');
      }

      assert.ok(client.io.engine.transport.ws instanceof WebSocket);
      assert.strictEqual(
        await client.emitWithAck('echo', 'over it'),
        'over it'
      );
      assert.strictEqual(socket.conn.transport.name, 'websocket');
    });

    it('disconnects from either side', async () => {
      const [client, socket] = await pair();
      const lost = once(client, 'disconnect');

      socket.disconnect(true);
      assert.strictEqual((await lost)[0], 'io server disconnect');

      const [other, end] = await pair();
      const gone = once(end, 'disconnect');

      other.close();
      assert.strictEqual((await gone)[0], 'client namespace disconnect');
    });

    it('notices a connection that breaks', async () => {
      const [client, socket] = await pair();
      const gone = once(socket, 'disconnect');

      client.io.engine.transport.ws.terminate();
      assert.strictEqual((await gone)[0], 'transport close');
    });
  });
}

describe('socket.io', () => {
  it('adds headers to the answer', async () => {
    const server = http.createServer();
    const io = new Server(server);
    const port = await listen(server);

    io.engine.on('headers', (headers, request) => {
      headers['x-seen'] = request.url.split('?')[0];
    });

    const client = new Client(
      `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`
    );
    const [response] = await once(client, 'upgrade');

    assert.strictEqual(response.headers['x-seen'], '/socket.io/');
    assert.match(await client.next(), /^0\{"sid":/);
    client.terminate();
    await io.close();
  });

  it('lets the process of a client with autoUnref end', async () => {
    const server = http.createServer();
    const io = new Server(server);
    const url = `http://127.0.0.1:${await listen(server)}`;
    const child = spawn(process.execPath, ['-e', UNREFERENCED, url], {
      cwd: __dirname,
      stdio: ['ignore', 'pipe', 'inherit']
    });
    let output = '';

    child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    assert.deepStrictEqual(await once(child, 'close'), [0, null]);
    assert.strictEqual(output, 'connected\n');
    await io.close();
  });

  it('loaded our module', () => {
    for (const name of ['engine.io', 'socket.io-adapter', 'engine.io-client']) {
      assertLoadedBy(name);
    }
  });
});
