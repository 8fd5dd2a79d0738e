'use strict';

// rpc-websockets: JSON-RPC 2.0 with events.

const assert = require('node:assert');
const { once } = require('node:events');
const { after, before, describe, it } = require('node:test');
const { Client, Server } = require('rpc-websockets');
const WebSocket = require('ws');

const { assertLoadedBy } = require('./kit/loaded.js');

describe('rpc-websockets', () => {
  let server;
  let url = '';

  before(async () => {
    server = new Server({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    server.setAuth(({ user }) => user === 'Ann');
    server.register('sum', ([a, b]) => a + b);
    server.register('fail', () => {
      throw new Error('Meant to be');
    });
    server.register('secret', () => 'told').protected();
    server.event('news');
    url = `ws://127.0.0.1:${server.wss.address().port}`;
  });

  after(() => {
    for (const ws of server.wss.clients) ws.terminate();
    return server.close();
  });

  /** @return {Promise<Client>} */
  const connect = async () => {
    const client = new Client(url, { reconnect: false });

    await once(client, 'open');
    return client;
  };

  /** @param {Client} client */
  const leave = async (client) => {
    const closed = once(client, 'close');

    client.close(4001, 'enough');
    assert.strictEqual((await closed)[0], 4001);
  };

  it('calls, many at once', async () => {
    const client = await connect();
    const numbers = Array.from({ length: 200 }, (_, n) => n);

    assert.ok(server.wss instanceof WebSocket.Server);
    assert.deepStrictEqual(
      await Promise.all(numbers.map((n) => client.call('sum', [n, 1]))),
      numbers.map((n) => n + 1)
    );
    await leave(client);
  });

  it('reports errors', async () => {
    const client = await connect();

    await assert.rejects(client.call('nothing'), { code: -32601 });
    await assert.rejects(client.call('fail'), { data: 'Meant to be' });
    await leave(client);
  });

  it('asks for a login', async () => {
    const client = await connect();

    await assert.rejects(client.call('secret'), { code: -32605 });
    assert.strictEqual(await client.login({ user: 'Ann' }), true);
    assert.strictEqual(await client.call('secret'), 'told');
    await leave(client);
  });

  it('tells subscribers of events', async () => {
    const [a, b] = [await connect(), await connect()];
    const heard = once(a, 'news');

    b.on('news', () => assert.fail('b has not subscribed'));
    await a.subscribe('news');
    server.emit('news', { text: 'Zoë' }, 2);
    assert.deepStrictEqual(await heard, [{ text: 'Zoë' }, 2]);
    await b.call('sum', [1, 2]);
    await Promise.all([leave(a), leave(b)]);
  });

  it('closes when the last client has left', async () => {
    const client = await connect();
    // A server may emit 'close' before its last client is gone.
    const closed = Promise.all(
      [server.wss, ...server.wss.clients].map((side) => once(side, 'close'))
    );

    await server.close();
    assert.strictEqual(await client.call('sum', [1, 2]), 3);
    await leave(client);
    await closed;
    assert.strictEqual(server.wss.clients.size, 0);
  });

  it('loaded our module', () => assertLoadedBy('rpc-websockets'));
});
