'use strict';

// mqtt over WebSocket with aedes: both ends are streams of createWebSocketStream.

const assert = require('node:assert');
const { once } = require('node:events');
const http = require('node:http');
const { after, before, describe, it } = require('node:test');
const mqtt = require('mqtt');
const WebSocket = require('ws');

const { assertLoadedBy } = require('./kit/loaded.js');
const { listen } = require('./kit/peers.js');

describe('mqtt and aedes', () => {
  const server = http.createServer();
  const wss = new WebSocket.Server({
    server,
    handleProtocols: (protocols) => protocols.has('mqtt') && 'mqtt'
  });
  const clients = [];
  let broker;
  let url = '';

  before(async () => {
    const { Aedes } = await import('aedes');

    broker = await Aedes.createBroker();
    wss.on('connection', (ws, request) => {
      broker.handle(WebSocket.createWebSocketStream(ws), request);
    });
    url = `ws://127.0.0.1:${await listen(server)}/mqtt`;
  });

  after(async () => {
    for (const client of clients) await client.endAsync(true);
    await new Promise((resolve) => broker.close(resolve));
    for (const ws of wss.clients) ws.terminate();
    wss.close();
    server.close();
  });

  /**
   * @param {import('mqtt').IClientOptions} [options]
   * @return {Promise<import('mqtt').MqttClient>}
   */
  const connect = async (options) => {
    const client = await mqtt.connectAsync(url, {
      reconnectPeriod: 0,
      ...options
    });

    clients.push(client);
    return client;
  };

  it('connects through our module', async () => {
    const accepted = once(wss, 'connection');
    const client = await connect({ clientId: 'Ann', protocolVersion: 4 });
    const [ws] = await accepted;

    assert.ok(ws instanceof WebSocket);
    assert.strictEqual(ws.protocol, 'mqtt');
    assert.ok(client.stream instanceof require('node:stream').Duplex);
    await client.endAsync();
    assert.strictEqual(client.connected, false);
  });

  for (const qos of [0, 1, 2]) {
    it(`delivers with QoS ${qos}`, async () => {
      const subscriber = await connect();
      const publisher = await connect();
      const topic = `news/${qos}`;
      const payloads = [
        Buffer.from('short'),
        Buffer.from([0, 255]),
        Buffer.alloc(300_000, 'large '),
        Buffer.from('last')
      ];
      const received = [];
      const done = new Promise((resolve) => {
        subscriber.on('message', (name, payload) => {
          received.push([name, payload]);
          if (received.length === payloads.length) resolve();
        });
      });

      await subscriber.subscribeAsync('news/#', { qos });
      for (const payload of payloads) {
        await publisher.publishAsync(topic, payload, { qos });
      }
      await done;
      assert.deepStrictEqual(
        received,
        payloads.map((payload) => [topic, payload])
      );
      await Promise.all([subscriber.endAsync(), publisher.endAsync()]);
    });
  }

  it('takes a flood, in order', async () => {
    const client = await connect();
    const numbers = Array.from({ length: 2000 }, (_, n) => n);
    const received = [];
    const done = new Promise((resolve) => {
      client.on('message', (topic, payload) => {
        received.push(Number(payload));
        if (received.length === numbers.length) resolve();
      });
    });

    await client.subscribeAsync('flood');
    for (const n of numbers) client.publish('flood', String(n));
    await done;
    assert.deepStrictEqual(received, numbers);
    await client.endAsync();
  });

  it('publishes the will of a client that breaks off', async () => {
    const heir = await connect();

    await heir.subscribeAsync('will');

    const willing = await connect({
      will: { topic: 'will', payload: 'mine', qos: 0, retain: false }
    });
    const inherited = once(heir, 'message');

    willing.on('error', () => {});
    willing.stream.destroy();
    const [topic, payload] = await inherited;
    assert.deepStrictEqual([topic, payload.toString()], ['will', 'mine']);
    await heir.endAsync();
  });

  it('notices that the broker is gone, and comes back', async () => {
    const client = await connect({ clientId: 'back', reconnectPeriod: 5 });
    const closed = once(client, 'close');

    for (const ws of wss.clients) ws.terminate();
    await closed;
    await once(client, 'connect');
    await client.subscribeAsync('again');
    const message = once(client, 'message');

    await client.publishAsync('again', 'here');
    assert.strictEqual((await message)[1].toString(), 'here');
    await client.endAsync();
  });

  it('loaded our module', () => assertLoadedBy('mqtt'));
});
