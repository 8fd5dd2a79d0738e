'use strict';

// @nestjs/platform-ws: two gateways on one HTTP server, and one with its own
// port. It listens through addEventListener.

require('reflect-metadata');

const assert = require('node:assert');
const { once } = require('node:events');
const { after, before, describe, it } = require('node:test');
const { from, map } = require('rxjs');
const WebSocket = require('ws');

const { assertLoadedBy } = require('./kit/loaded.js');
const { Client, connect } = require('./kit/peers.js');

/**
 * The output of TypeScript for decorators.
 *
 * @param {Function} target
 * @param {Record<string, (Function | [Function, number])[]>} members
 */
function decorate(target, members) {
  for (const [name, decorators] of Object.entries(members)) {
    const descriptor = Object.getOwnPropertyDescriptor(target.prototype, name);

    for (const decorator of decorators) {
      if (Array.isArray(decorator)) {
        decorator[0](target.prototype, name, decorator[1]);
      } else {
        decorator(target.prototype, name, descriptor);
      }
    }
  }
}

describe('@nestjs/platform-ws', () => {
  const log = [];
  let app;
  let url = '';

  before(async () => {
    const { Module } = await import('@nestjs/common');
    const { NestFactory } = await import('@nestjs/core');
    const { WsAdapter } = await import('@nestjs/platform-ws');
    const {
      ConnectedSocket,
      MessageBody,
      SubscribeMessage,
      WebSocketGateway,
      WebSocketServer
    } = await import('@nestjs/websockets');

    class Events {
      handleConnection(ws, request) {
        log.push(['connection', ws instanceof WebSocket, request.url]);
      }

      handleDisconnect() {
        log.push(['disconnect']);
      }

      identity(data) {
        return { event: 'identity', data };
      }

      count(to) {
        const numbers = Array.from({ length: to }, (_, n) => n + 1);
        return from(numbers).pipe(map((data) => ({ event: 'count', data })));
      }

      async all(data) {
        for (const client of this.server.clients) {
          client.send(JSON.stringify({ event: 'all', data }));
        }
      }

      leave(ws) {
        ws.close(4001, 'enough');
      }
    }

    class Other {
      whoami() {
        return { event: 'whoami', data: 'other' };
      }
    }

    decorate(Events, {
      server: [WebSocketServer()],
      identity: [[MessageBody(), 0], SubscribeMessage('identity')],
      count: [[MessageBody(), 0], SubscribeMessage('count')],
      all: [[MessageBody(), 0], SubscribeMessage('all')],
      leave: [[ConnectedSocket(), 0], SubscribeMessage('leave')]
    });
    decorate(Other, { whoami: [SubscribeMessage('whoami')] });
    WebSocketGateway({ path: '/events' })(Events);
    WebSocketGateway({ path: '/other' })(Other);

    class Application {}
    Module({ providers: [Events, Other] })(Application);

    app = await NestFactory.create(Application, { logger: ['error'] });
    app.useWebSocketAdapter(new WsAdapter(app));
    await app.listen(0, '127.0.0.1');
    url = `ws://127.0.0.1:${app.getHttpServer().address().port}`;
  });

  after(() => app?.close());

  /**
   * @param {Client} client
   * @param {string} event
   * @param {any} [data]
   * @return {Promise<any>} The answer
   */
  const ask = (client, event, data) => {
    client.send(JSON.stringify({ event, data }));
    return client.nextJson();
  };

  it('answers what a gateway is asked', async () => {
    const client = await connect(`${url}/events`);

    assert.deepStrictEqual(await ask(client, 'identity', { name: 'Zoë' }), {
      event: 'identity',
      data: { name: 'Zoë' }
    });
    assert.deepStrictEqual(log, [['connection', true, '/events']]);

    const closed = client.closed();

    client.send(JSON.stringify({ event: 'leave' }));
    assert.deepStrictEqual(await closed, [4001, 'enough']);
    while (log.length < 2) await new Promise(setImmediate);
    assert.deepStrictEqual(log[1], ['disconnect']);
  });

  it('streams an observable in order', async () => {
    const client = await connect(`${url}/events`);
    const seen = [(await ask(client, 'count', 200)).data];

    while (seen.length < 200) seen.push((await client.nextJson()).data);
    assert.deepStrictEqual(
      seen,
      Array.from({ length: 200 }, (_, n) => n + 1)
    );
    client.close();
    await client.closed();
  });

  it('broadcasts within a gateway, not into another', async () => {
    const [a, b, other] = [
      await connect(`${url}/events`),
      await connect(`${url}/events`),
      await connect(`${url}/other`)
    ];

    assert.deepStrictEqual(await ask(a, 'all', 1), { event: 'all', data: 1 });
    assert.deepStrictEqual(await b.nextJson(), { event: 'all', data: 1 });
    assert.deepStrictEqual(await ask(other, 'whoami'), {
      event: 'whoami',
      data: 'other'
    });
    for (const client of [a, b, other]) client.terminate();
  });

  it('refuses a path without a gateway', async () => {
    const client = new Client(`${url}/none`);
    const [err] = await once(client, 'error');

    assert.match(err.message, /^(Unexpected server response: |socket hang up)/);
  });

  it('closes what is open when the application closes', async () => {
    const client = await connect(`${url}/events`);
    const closed = client.closed();

    await app.close();
    app = undefined;
    assert.deepStrictEqual(await closed, [1006, '']);
  });

  it('loaded our module', () => assertLoadedBy('@nestjs/platform-ws'));
});
