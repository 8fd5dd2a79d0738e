'use strict';

// graphql-ws: a subscription, with its server and its client.

const assert = require('node:assert');
const { once } = require('node:events');
const { after, before, describe, it } = require('node:test');
const { buildSchema } = require('graphql');
const { createClient } = require('graphql-ws');
const { useServer } = require('graphql-ws/use/ws');
const WebSocket = require('ws');

const { assertLoadedBy } = require('./kit/loaded.js');
const { connect } = require('./kit/peers.js');

const schema = buildSchema(`
  type Query { hello(name: String!): String! }
  type Subscription { count(to: Int!): Int! forever: String! }
`);

describe('graphql-ws', () => {
  const released = [];
  const roots = {
    query: { hello: ({ name }) => `Hello ${name}` },
    subscription: {
      async *count({ to }) {
        for (let n = 1; n <= to; n++) yield { count: n };
      },
      async *forever() {
        try {
          while (true) {
            yield { forever: 'and ever' };
            await new Promise(setImmediate);
          }
        } finally {
          released.push('forever');
        }
      }
    }
  };
  let wss;
  let url = '';
  let disposable;

  before(async () => {
    wss = new WebSocket.Server({
      port: 0,
      host: '127.0.0.1',
      path: '/graphql'
    });
    // Pings every few milliseconds; a missing pong ends the connection.
    disposable = useServer(
      {
        schema,
        roots,
        context: ({ connectionParams, extra }) => ({
          user: connectionParams?.user,
          socket: extra.socket
        }),
        onConnect: ({ connectionParams }) => connectionParams?.user !== 'Eve',
        onSubscribe: ({ extra }) => {
          assert.ok(extra.socket instanceof WebSocket);
        }
      },
      wss,
      20
    );
    await once(wss, 'listening');
    url = `ws://127.0.0.1:${wss.address().port}/graphql`;
  });

  after(() => {
    for (const ws of wss.clients) ws.terminate();
    wss.close();
  });

  /**
   * @param {object} [options]
   * @return {import('graphql-ws').Client}
   */
  const client = (options) =>
    createClient({
      url,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      onNonLazyError: () => {},
      ...options
    });

  it('answers a query', async () => {
    const user = client();
    const results = [];

    for await (const result of user.iterate({
      query: 'query Hello($name: String!) { hello(name: $name) }',
      variables: { name: 'Zoë' }
    })) {
      results.push(result);
    }

    // Objects of graphql have no prototype.
    assert.strictEqual(
      JSON.stringify(results),
      '[{"data":{"hello":"Hello Zoë"}}]'
    );
    await user.dispose();
  });

  it('runs subscriptions side by side', async () => {
    const user = client({ lazy: false });
    const count = async (to) => {
      const seen = [];
      const query = `subscription { count(to: ${to}) }`;

      for await (const { data } of user.iterate({ query })) {
        seen.push(data.count);
      }
      return seen;
    };
    const upTo = (to) => Array.from({ length: to }, (_, n) => n + 1);

    assert.deepStrictEqual(
      await Promise.all([count(1), count(50), count(500)]),
      [upTo(1), upTo(50), upTo(500)]
    );
    await user.dispose();
  });

  it('ends a subscription that the client leaves', async () => {
    const user = client();
    let seen = 0;

    for await (const { data } of user.iterate({
      query: 'subscription { forever }'
    })) {
      assert.strictEqual(data.forever, 'and ever');
      if (++seen === 20) break;
    }

    while (released.length === 0) await new Promise(setImmediate);
    await user.dispose();
  });

  it('keeps a quiet connection up with pings', async () => {
    let pings = 0;
    class Counting extends WebSocket {
      constructor(...args) {
        super(...args);
        this.on('ping', () => pings++);
      }
    }
    const closed = [];
    const user = client({
      lazy: false,
      webSocketImpl: Counting,
      on: { closed: (event) => closed.push(event.code) }
    });

    while (pings < 10) await new Promise(setImmediate);
    assert.deepStrictEqual(closed, []);
    await user.dispose();
    while (closed.length === 0) await new Promise(setImmediate);
    assert.deepStrictEqual(closed, [1000]);
  });

  it('reports errors and refusals', async () => {
    const user = client();
    const errors = [];
    const next = user.iterate({ query: '{ nothing }' }).next();

    await assert.rejects(next, (err) => {
      errors.push(...err);
      return true;
    });
    assert.match(errors[0].message, /Cannot query field "nothing"/);
    await user.dispose();

    const refused = client({ connectionParams: { user: 'Eve' } });

    await assert.rejects(
      refused.iterate({ query: '{ hello(name: "x") }' }).next(),
      { code: 4403, reason: 'Forbidden' }
    );
  });

  it('chooses the subprotocol', async () => {
    const chosen = await connect(url, ['other', 'graphql-transport-ws']);

    assert.strictEqual(chosen.protocol, 'graphql-transport-ws');
    chosen.send(JSON.stringify({ type: 'connection_init' }));
    assert.deepStrictEqual(await chosen.nextJson(), { type: 'connection_ack' });
    chosen.send('no JSON');
    assert.deepStrictEqual(await chosen.closed(), [
      4400,
      'Invalid message received'
    ]);
  });

  it('goes away', async () => {
    const closed = [];
    const user = client({
      lazy: false,
      on: { closed: (event) => closed.push([event.code, event.reason]) }
    });
    const connected = new Promise((resolve) => user.on('connected', resolve));

    await connected;
    await disposable.dispose();
    while (closed.length === 0) await new Promise(setImmediate);
    assert.deepStrictEqual(closed, [[1001, 'Going away']]);
    while (wss.clients.size > 0) await new Promise(setImmediate);
  });

  it('loaded our module', () => assertLoadedBy('graphql-ws'));
});
