'use strict';

// @fastify/websocket: routes over the network, and injectWS, which connects both
// ends over a Duplex, with a plain object as the request.

const assert = require('node:assert');
const { once } = require('node:events');
const { after, before, describe, it } = require('node:test');
const websocket = require('@fastify/websocket');
const fastify = require('fastify');
const WebSocket = require('ws');

const { assertLoadedBy } = require('./kit/loaded.js');
const { connect, Client } = require('./kit/peers.js');

describe('@fastify/websocket', () => {
  const app = fastify();
  let url = '';

  before(async () => {
    await app.register(websocket, { options: { maxPayload: 100_000 } });
    app.register(async (instance) => {
      instance.addHook('preValidation', async (request, reply) => {
        // Messages that arrive meanwhile must not be lost.
        await new Promise(setImmediate);
        if (request.query.user === 'Eve') await reply.code(401).send('Never');
      });
      instance.get('/echo/:name', { websocket: true }, (socket, request) => {
        socket.send(`Hello ${request.params.name}`);
        socket.on('message', (data, binary) => socket.send(data, { binary }));
      });
      instance.get('/leave', { websocket: true }, (socket) => {
        socket.close(4001, 'enough');
      });
      instance.get('/faulty', { websocket: true }, async () => {
        throw new Error('Meant to be');
      });
      instance.route({
        method: 'GET',
        url: '/both',
        handler: async () => 'over HTTP',
        wsHandler: (socket) => socket.send('over WebSocket')
      });
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    url = `ws://127.0.0.1:${app.server.address().port}`;
  });

  after(async () => {
    await app.close();
    // The server's ends of the injected pairs wait for a FIN that never comes.
    for (const ws of app.websocketServer.clients) ws.terminate();
  });

  it('speaks to a client over the network', async () => {
    const accepted = once(app.websocketServer, 'connection');
    const client = await connect(`${url}/echo/Ann`);
    const [ws] = await accepted;

    assert.ok(ws instanceof WebSocket);
    assert.strictEqual(await client.next(), 'Hello Ann');
    for (const message of ['text', Buffer.alloc(70_000, 'binary')]) {
      client.send(message);
      assert.deepStrictEqual(await client.next(), message);
    }
    assert.strictEqual(app.websocketServer.clients.size, 1);
    client.close(4002, 'bye');
    assert.deepStrictEqual(await client.closed(), [4002, 'bye']);
  });

  it('answers on one path in both ways', async () => {
    const client = new Client(`${url}/both`);
    const response = await fetch(`${url.replace('ws', 'http')}/both`);

    assert.strictEqual(await client.next(), 'over WebSocket');
    assert.strictEqual(await response.text(), 'over HTTP');
    client.terminate();
  });

  it('closes from the handler, and after its error', async () => {
    const left = await new Client(`${url}/leave`).closed();
    const faulty = await new Client(`${url}/faulty`).closed();

    assert.deepStrictEqual(left, [4001, 'enough']);
    assert.strictEqual(faulty[0], 1006);
  });

  it('refuses in a hook', async () => {
    const client = new Client(`${url}/echo/x?user=Eve`);
    const [err] = await once(client, 'error');

    assert.strictEqual(err.message, 'Unexpected server response: 401');
  });

  it('limits the payload', async () => {
    const client = await connect(`${url}/echo/x`);

    client.send(Buffer.alloc(100_001));
    assert.deepStrictEqual(await client.closed(), [1009, '']);
  });

  it('injects a client that needs no network', async () => {
    const messages = [];
    let heard;
    const next = () => new Promise((resolve) => (heard = resolve));
    const first = next();
    const client = await app.injectWS(
      '/echo/Bob',
      {},
      {
        onInit: (ws) =>
          ws.on('message', (data, isBinary) => {
            messages.push(isBinary ? data : data.toString());
            heard();
          })
      }
    );

    assert.ok(client instanceof WebSocket);
    await first;
    for (const message of ['text', Buffer.alloc(70_000, 'binary')]) {
      const answer = next();

      client.send(message);
      await answer;
    }
    assert.deepStrictEqual(messages, [
      'Hello Bob',
      'text',
      Buffer.alloc(70_000, 'binary')
    ]);

    const pong = once(client, 'pong');

    client.ping('are you there');
    assert.strictEqual((await pong)[0].toString(), 'are you there');

    const closed = once(client, 'close');

    client.close(4003, 'bye');
    const [code, reason] = await closed;
    assert.deepStrictEqual([code, reason.toString()], [4003, 'bye']);
  });

  it('tells an injected client of a refusal, and of the server closing', async () => {
    await assert.rejects(app.injectWS('/echo/x?user=Eve'), {
      message: 'Unexpected server response: 401'
    });

    const client = await app.injectWS('/leave');
    const [code, reason] = await once(client, 'close');

    assert.deepStrictEqual([code, reason.toString()], [4001, 'enough']);
  });

  it('closes what is open when the application closes', async () => {
    const client = await connect(`${url}/echo/x`);
    const injected = await app.injectWS('/echo/y');
    const closed = [once(client, 'close'), once(injected, 'close')];

    await app.close();
    const codes = (await Promise.all(closed)).map(([code]) => code);
    assert.deepStrictEqual(codes, [1005, 1005]);
  });

  it('loaded our module', () => assertLoadedBy('@fastify/websocket'));
});
