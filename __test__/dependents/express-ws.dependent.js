'use strict';

// express-ws: WebSocket routes and middleware next to HTTP routes.

const assert = require('node:assert');
const { once } = require('node:events');
const { after, before, describe, it } = require('node:test');
const express = require('express');
const expressWs = require('express-ws');
const WebSocket = require('ws');

const { assertLoadedBy } = require('./kit/loaded.js');
const { Client, connect } = require('./kit/peers.js');

describe('express-ws', () => {
  const app = express();
  const { applyTo, getWss } = expressWs(app, undefined, {
    wsOptions: { maxPayload: 1000 }
  });
  const errors = [];
  let server;
  let url = '';

  before(async () => {
    const router = express.Router();

    applyTo(router);

    app.use((req, res, next) => {
      req.seen = `${req.method} ${req.headers['x-name'] ?? 'nobody'}`;
      next();
    });
    app.get('/plain', (req, res) => res.send('over HTTP'));
    app.ws('/echo/:name', (ws, req) => {
      ws.send(`${req.params.name}, ${req.query.q}, ${req.seen}`);
      ws.on('error', (err) => errors.push(err.code));
      ws.on('message', (data, isBinary) => {
        ws.send(data, { binary: isBinary });
      });
    });
    router.ws('/all', (ws) => {
      ws.on('message', (data) => {
        for (const client of getWss().clients) client.send(`all: ${data}`);
      });
    });
    router.ws('/leave', (ws) => ws.close(4001, 'enough'));
    app.use('/routed', router);
    app.ws('/faulty', () => {
      throw new Error('Meant to be');
    });
    app.use((err, req, res, _next) => {
      if (req.ws) req.ws.close(4500, err.message);
      else res.status(500).end();
    });

    server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `ws://127.0.0.1:${server.address().port}`;
  });

  after(() => {
    for (const client of getWss().clients) client.terminate();
    server?.close();
  });

  it('gives the handler our ws, with the request', async () => {
    const accepted = once(getWss(), 'connection');
    const client = await connect(`${url}/echo/Ann?q=1`, {
      headers: { 'x-name': 'Bob' }
    });
    const [ws] = await accepted;

    assert.ok(ws instanceof WebSocket);
    assert.strictEqual(await client.next(), 'Ann, 1, GET Bob');
    client.send('text');
    assert.strictEqual(await client.next(), 'text');
    client.send(Buffer.from([0, 255]));
    assert.deepStrictEqual(await client.next(), Buffer.from([0, 255]));
    client.close();
    await client.closed();
  });

  it('broadcasts to the clients of all routes', async () => {
    const talker = await connect(`${url}/routed/all`);
    const listener = await connect(`${url}/echo/x`);

    await listener.next();
    talker.send('hello');
    assert.strictEqual(await talker.next(), 'all: hello');
    assert.strictEqual(await listener.next(), 'all: hello');
    talker.close();
    listener.close();
    await Promise.all([talker.closed(), listener.closed()]);
  });

  it('closes from the handler, and from that of errors', async () => {
    const left = new Client(`${url}/routed/leave`);
    const faulty = new Client(`${url}/faulty`);

    assert.deepStrictEqual(
      await Promise.all([left.closed(), faulty.closed()]),
      [
        [4001, 'enough'],
        [4500, 'Meant to be']
      ]
    );
  });

  it('closes what has no route', async () => {
    assert.deepStrictEqual(await new Client(`${url}/none`).closed(), [
      1005,
      ''
    ]);
  });

  it('passes the options on', async () => {
    const client = await connect(`${url}/echo/x`);

    client.send('x'.repeat(1001));
    assert.deepStrictEqual(await client.closed(), [1009, '']);
    assert.deepStrictEqual(errors, ['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH']);
  });

  it('goes on with HTTP', async () => {
    const response = await fetch(`${url.replace('ws', 'http')}/plain`);

    assert.strictEqual(await response.text(), 'over HTTP');
  });

  it('loaded our module', () => assertLoadedBy('express-ws'));
});
