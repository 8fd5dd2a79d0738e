'use strict';

// permessage-deflate between this package and `ws` or a browser.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { after, before, describe, it } = require('node:test');

const WebSocket = require('ws-native');
const Reference = /** @type {any} */ (require('ws'));

const { findChromium, launch } = require('../support/chromium.js');
const { noise, words } = require('../support/deflated.js');

const NOISE = noise(300 * 1024);
const WORDS = words(300 * 1024);

/**
 * @param {number} seed Where to begin
 * @return {(bound: number) => number} Pseudorandom numbers, the same in every run
 */
function numbers(seed) {
  let state = seed * 2654435761 + 1;

  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

/**
 * @param {number} seed Which ones
 * @return {(string | Buffer)[]} Messages of 0 to 300 KiB
 */
function someMessages(seed) {
  const below = numbers(seed);

  return Array.from({ length: 25 }, (_, i) => {
    const length = below([2000, 20000, 300 * 1024][i % 12 ? i % 2 : 2]);
    const from = below(1000);

    if (i % 7 === 3) return i % 2 ? '' : Buffer.alloc(0);
    return i % 3 === 0
      ? NOISE.subarray(from, from + length)
      : WORDS.slice(from, from + length);
  });
}

/**
 * Sends messages with different options.
 *
 * @param {any} ws One end
 * @param {(string | Buffer)[]} messages What to send
 * @return {Promise<void>} Settles when all callbacks have been called, in order
 */
async function sendAll(ws, messages) {
  let acked = 0;
  const acks = messages.map(
    (data, index) =>
      new Promise((resolve, reject) => {
        const ack = (err) => {
          if (err) reject(err);
          else if (acked++ !== index) reject(new Error(`ack ${index}`));
          else resolve(undefined);
        };

        if (index % 5 === 4) {
          const middle = data.length >> 1;
          const binary = typeof data !== 'string';
          const compress = index % 2 === 0;

          ws.send(data.slice(0, middle), { fin: false, binary, compress });
          ws.ping(String(index));
          ws.send(data.slice(middle), { fin: true }, ack);
        } else if (index % 8 === 7) {
          ws.send(data, { compress: false }, ack);
        } else {
          ws.send(data, ack);
        }
      })
  );

  await Promise.all(acks);
}

/**
 * @param {any} ws One end
 * @param {(string | Buffer)[]} messages The expected messages
 * @return {Promise<void>} Settles when they have arrived
 */
function expectAll(ws, messages) {
  return new Promise((resolve, reject) => {
    let at = 0;

    ws.on('message', (data, isBinary) => {
      const wanted = messages[at++];

      if (
        isBinary !== (typeof wanted !== 'string') ||
        Buffer.compare(data, Buffer.from(wanted)) !== 0
      ) {
        reject(new Error(`message ${at - 1} is not what was sent`));
      } else if (at === messages.length) {
        resolve(undefined);
      }
    });
    ws.on('error', reject);
    ws.on('close', (code) => reject(new Error(`closed with ${code}`)));
  });
}

/**
 * @param {any} Server The module that serves
 * @param {any} Client The module that connects
 * @param {object} perMessageDeflate The server's options
 * @param {object} [offer] The client's
 * @return {Promise<{ server: any, client: any, done: () => void }>} Both ends
 */
async function connect(Server, Client, perMessageDeflate, offer = {}) {
  const wss = new Server.WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    perMessageDeflate
  });

  await once(wss, 'listening');

  const client = new Client(`ws://127.0.0.1:${wss.address().port}`, {
    perMessageDeflate: offer
  });
  const [[server]] = await Promise.all([
    once(wss, 'connection'),
    once(client, 'open')
  ]);

  return {
    server,
    client,
    done: () => {
      client.removeAllListeners('close');
      server.removeAllListeners('close');
      client.terminate();
      server.terminate();
      wss.close();
    }
  };
}

const SIDES = [
  ['as the server', WebSocket, Reference],
  ['as the client', Reference, WebSocket],
  ['at both ends', WebSocket, WebSocket]
];

for (const [title, Server, Client] of SIDES) {
  describe(`with \`ws\`, ${title}`, () => {
    const cases = [];

    for (const [serverNoContextTakeover, clientNoContextTakeover] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true]
    ]) {
      cases.push({ serverNoContextTakeover, clientNoContextTakeover });
    }
    for (let bits = 8; bits <= 15; bits++) {
      cases.push({ serverMaxWindowBits: bits, clientMaxWindowBits: 23 - bits });
    }
    cases.push({
      serverNoContextTakeover: true,
      serverMaxWindowBits: 9,
      clientMaxWindowBits: 9,
      zlibDeflateOptions: { level: 9, memLevel: 2 }
    });

    cases.forEach((options, index) => {
      it(`both talk at once, ${JSON.stringify(options)}`, async () => {
        const ends = await connect(Server, Client, {
          threshold: 0,
          ...options
        });
        const [there, here] = [someMessages(index), someMessages(index + 50)];

        try {
          await Promise.all([
            expectAll(ends.server, there),
            expectAll(ends.client, here),
            sendAll(ends.client, there),
            sendAll(ends.server, here)
          ]);
        } finally {
          ends.done();
        }
      });
    });

    it('streams over it', async () => {
      const ends = await connect(Server, Client, {});
      const [server, client] = [
        Server.createWebSocketStream(ends.server),
        Client.createWebSocketStream(ends.client)
      ];
      const got = [];
      const below = numbers(9);

      server.pipe(server);

      const sent = [];
      let missing = 0;
      const echoed = new Promise((resolve) => {
        client.on('data', (data) => {
          got.push(data);
          missing -= data.length;
          if (missing === 0 && sent.length === 60) resolve(undefined);
        });
      });

      for (let i = 0; i < 60; i++) {
        const from = below(200000);
        const piece = (i % 2 ? NOISE : Buffer.from(WORDS)).subarray(
          from,
          from + below(30000)
        );

        sent.push(piece);
        missing += piece.length;
        if (!client.write(piece)) await once(client, 'drain');
      }
      await echoed;
      client.end();
      await once(client, 'end');
      ends.done();
      assert.equal(Buffer.compare(Buffer.concat(got), Buffer.concat(sent)), 0);
    });
  });
}

const chromium = findChromium();
const skip = chromium
  ? false
  : 'no Chromium on the PATH or in CHROMIUM_PATH: it was not tried';

describe('with Chromium', { skip }, () => {
  let browser;

  before(async () => {
    browser = await launch(/** @type {string} */ (chromium));
  });

  after(() => browser?.close());

  for (const options of [
    {},
    { serverNoContextTakeover: true, clientNoContextTakeover: true },
    { serverMaxWindowBits: 9, clientMaxWindowBits: 9 },
    { threshold: 0, zlibDeflateOptions: { level: 1, memLevel: 4 } }
  ]) {
    it(`echoes what it gets, ${JSON.stringify(options)}`, async (t) => {
      const wss = new WebSocket.WebSocketServer({
        host: '127.0.0.1',
        port: 0,
        perMessageDeflate: options
      });

      t.after(() => wss.close());
      await once(wss, 'listening');

      const offers = [];

      wss.on('connection', (ws, request) => {
        offers.push(request.headers['sec-websocket-extensions']);
        assert.match(ws.extensions, /^permessage-deflate/);
        ws.on('message', (data, isBinary) => {
          ws.send(data, { binary: isBinary });
        });
      });

      const context = await browser.newContext();

      t.after(() => context.close());
      const page = await context.newPage();
      const { port } = /** @type {any} */ (wss.address());
      const result = await page.evaluate(
        `(${inBrowser})('ws://127.0.0.1:${port}')`
      );

      assert.match(result.extensions, /^permessage-deflate/);
      assert.equal(result.wrong, '');
      assert.equal(result.count, 60);
      assert.equal(result.code, 1000);
      assert.match(offers[0], /client_max_window_bits/);
    });
  }
});

/**
 * Runs in the page: sends messages and compares the echoes.
 *
 * @param {string} url The server's
 * @return {Promise<object>} The result
 */
function inBrowser(url) {
  const BrowserSocket = /** @type {any} */ (globalThis).WebSocket;
  const socket = new BrowserSocket(url);
  const sent = [];

  for (let i = 0; i < 60; i++) {
    const length = i % 20 === 0 ? 100000 : i * 37;

    if (i % 3 === 0) {
      sent.push(Uint8Array.from({ length }, (_, at) => (at * i * 7) >> 3));
    } else {
      sent.push(`message ${i} `.repeat(length / 8));
    }
  }
  socket.binaryType = 'arraybuffer';

  return new Promise((resolve) => {
    let [count, wrong] = [0, ''];

    socket.onopen = () => sent.forEach((data) => socket.send(data));
    socket.onmessage = ({ data }) => {
      const wanted = sent[count++];
      const same =
        typeof data === 'string'
          ? data === wanted
          : String(new Uint8Array(data)) === String(wanted);

      if (!same) wrong += ` ${count}`;
      if (count === sent.length) socket.close(1000);
    };
    socket.onclose = ({ code }) => {
      resolve({ count, wrong, code, extensions: socket.extensions });
    };
  });
}
