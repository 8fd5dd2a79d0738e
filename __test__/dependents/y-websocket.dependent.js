'use strict';

// y-websocket: documents that both ends edit at the same time converge.

const assert = require('node:assert');
const { once } = require('node:events');
const http = require('node:http');
const { after, before, describe, it } = require('node:test');
const WebSocket = require('ws');

const { assertLoadedBy } = require('./kit/loaded.js');
const { listen } = require('./kit/peers.js');

describe('y-websocket', () => {
  const server = http.createServer();
  const wss = new WebSocket.Server({ noServer: true });
  const providers = [];
  let Y;
  let shared;
  let WebsocketProvider;
  let url = '';

  before(async () => {
    // There must be only one yjs; the packages load the one of `import`.
    const { docs, setupWSConnection } =
      await import('@y/websocket-server/utils');

    Y = await import('yjs');
    ({ WebsocketProvider } = await import('y-websocket'));

    shared = docs;
    wss.on('connection', setupWSConnection);
    server.on('upgrade', (request, socket, head) => {
      wss.handleUpgrade(request, socket, head, (ws) => {
        wss.emit('connection', ws, request);
      });
    });
    url = `ws://127.0.0.1:${await listen(server)}`;
  });

  after(() => {
    for (const provider of providers) {
      provider.destroy();
      provider.doc.destroy();
    }
    for (const ws of wss.clients) ws.terminate();
    // Each has a timer that checks for missing peers.
    for (const doc of shared.values()) doc.destroy();
    server.close();
  });

  /**
   * @param {string} room
   * @return {Promise<any>} A synchronized provider of the room's document
   */
  const open = async (room) => {
    const provider = new WebsocketProvider(url, room, new Y.Doc(), {
      WebSocketPolyfill: WebSocket,
      disableBc: true
    });

    providers.push(provider);
    await new Promise((resolve) => provider.once('sync', resolve));
    return provider;
  };

  /**
   * @param {any} doc
   * @param {() => boolean} holds
   */
  const until = async (doc, holds) => {
    while (!holds())
      await new Promise((resolve) => doc.once('update', resolve));
  };

  it('makes two documents converge', async () => {
    const [a, b] = [await open('text'), await open('text')];
    const [left, right] = [a.doc.getText('t'), b.doc.getText('t')];

    assert.ok(a.ws instanceof WebSocket);

    for (let n = 0; n < 100; n++) {
      left.insert(0, `a${n} `);
      right.insert(right.length, ` b${n}`);
    }
    right.delete(0, 1);

    const length = [...Array(100).keys()].join('').length * 2 + 400 - 1;

    await until(a.doc, () => left.length === length);
    await until(b.doc, () => right.length === length);
    assert.strictEqual(left.toString(), right.toString());
  });

  it('brings a large document to who comes later', async () => {
    const a = await open('large');
    const text = 'large '.repeat(100_000);

    a.doc.getMap('m').set('text', text);
    a.doc.getMap('m').set('bytes', new Uint8Array([0, 255]));

    const b = await open('large');

    await until(b.doc, () => b.doc.getMap('m').has('bytes'));
    assert.strictEqual(b.doc.getMap('m').get('text'), text);
    assert.deepStrictEqual(
      b.doc.getMap('m').get('bytes'),
      new Uint8Array([0, 255])
    );
  });

  it('tells who is there, and who has left', async () => {
    const [a, b] = [await open('aware'), await open('aware')];
    const states = () => [...a.awareness.getStates().values()];
    const change = () => {
      return new Promise((resolve) => a.awareness.once('change', resolve));
    };

    b.awareness.setLocalStateField('name', 'Zoë');
    while (!states().some(({ name }) => name === 'Zoë')) await change();
    b.disconnect();
    while (states().some(({ name }) => name === 'Zoë')) await change();
  });

  it('comes back with what was written meanwhile', async () => {
    const [a, b] = [await open('back'), await open('back')];
    const closed = once(b.ws, 'close');

    b.ws.terminate();
    await closed;
    b.doc.getArray('l').push(['written alone']);
    a.doc.getArray('l').push(['at the other end']);
    await until(a.doc, () => a.doc.getArray('l').length === 2);
    await until(b.doc, () => b.doc.getArray('l').length === 2);
    assert.deepStrictEqual(
      a.doc.getArray('l').toArray(),
      b.doc.getArray('l').toArray()
    );
  });

  it('loaded our module', () => assertLoadedBy('@y/websocket-server'));
});
