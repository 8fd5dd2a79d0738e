'use strict';

// webpack-dev-server: its socket for hot replacement reports builds.

const assert = require('node:assert');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const webpack = require('webpack');
const WebpackDevServer = require('webpack-dev-server');
const WebSocket = require('ws');

const { assertLoadedBy } = require('./kit/loaded.js');
const { Client } = require('./kit/peers.js');

describe('webpack-dev-server', () => {
  const context = fs.mkdtempSync(path.join(os.tmpdir(), 'ws-native-webpack-'));
  let server;
  let url = '';

  before(async () => {
    fs.writeFileSync(path.join(context, 'index.js'), 'module.exports = 1;');

    const compiler = webpack({
      mode: 'development',
      context,
      entry: './index.js',
      infrastructureLogging: { level: 'none' },
      stats: 'none'
    });

    server = new WebpackDevServer(
      { host: '127.0.0.1', port: 0, hot: true, static: false },
      compiler
    );
    await server.start();
    url = `ws://127.0.0.1:${server.server.address().port}/ws`;
  });

  after(async () => {
    await server?.stop();
    fs.rmSync(context, { recursive: true });
  });

  /** @return {Promise<Client>} As a page of the server connects */
  const connect = async () => {
    const client = new Client(url, { origin: url.replace('ws', 'http') });

    await once(client, 'open');
    return client;
  };

  /**
   * @param {Client} client
   * @param {string} type
   * @return {Promise<any>} The next message of that type
   */
  const until = async (client, type) => {
    while (true) {
      const message = await client.nextJson();
      if (message.type === type) return message;
    }
  };

  it('says hello: what it does, and the build there is', async () => {
    const client = await connect();

    assert.ok(
      server.webSocketServer.implementation instanceof WebSocket.Server
    );
    assert.ok(server.webSocketServer.clients[0] instanceof WebSocket);
    assert.deepStrictEqual(await client.nextJson(), { type: 'hot' });
    assert.match((await until(client, 'hash')).data, /^[0-9a-f]{20}$/);
    assert.deepStrictEqual(await client.nextJson(), { type: 'ok' });
    client.close();
    await client.closed();
  });

  it('tells every page of a new build', async () => {
    const clients = [await connect(), await connect()];
    const [{ data: old }] = await Promise.all(
      clients.map((client) => until(client, 'hash'))
    );

    await Promise.all(clients.map((client) => until(client, 'ok')));
    fs.writeFileSync(path.join(context, 'index.js'), 'module.exports = 2;');
    server.invalidate();

    for (const client of clients) {
      await until(client, 'invalid');
      assert.notStrictEqual((await until(client, 'hash')).data, old);
      await until(client, 'ok');
      client.terminate();
    }
  });

  it('refuses a page of another host', async () => {
    const client = new Client(url, { origin: 'http://example.com' });

    assert.deepStrictEqual(await client.nextJson(), {
      type: 'error',
      data: 'Invalid Host/Origin header'
    });
    await client.closed();
  });

  it('leaves no page connected when it stops', async () => {
    const client = await connect();
    const closed = client.closed();

    await server.stop();
    server = undefined;
    assert.deepStrictEqual(await closed, [1006, '']);
  });

  it('loaded our module', () => assertLoadedBy('webpack-dev-server'));
});
