'use strict';

// http-proxy between a client and a server: the first frames arrive with the head
// of the upgrade, and close frames must pass.

const assert = require('node:assert');
const { once } = require('node:events');
const http = require('node:http');
const { after, before, describe, it } = require('node:test');
const httpProxy = require('http-proxy');
const WebSocket = require('ws');

const { assertLoadedBy } = require('./kit/loaded.js');
const { connect, listen } = require('./kit/peers.js');

describe('http-proxy', () => {
  const target = http.createServer((request, response) => {
    response.end(`${request.headers['x-forwarded-for']} wants HTTP`);
  });
  const wss = new WebSocket.Server({
    server: target,
    verifyClient: ({ req }) => req.url !== '/never'
  });
  const front = http.createServer();
  let proxy;
  let url = '';

  before(async () => {
    wss.on('connection', (ws, request) => {
      ws.send(`Hello ${request.headers['x-forwarded-for']} ${request.url}`);
      ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
    });
    proxy = httpProxy.createProxyServer({
      target: { host: '127.0.0.1', port: await listen(target) },
      ws: true,
      xfwd: true
    });
    front.on('request', (request, response) => proxy.web(request, response));
    front.on('upgrade', (request, socket, head) => {
      proxy.ws(request, socket, head);
    });
    url = `ws://127.0.0.1:${await listen(front)}`;
  });

  after(() => {
    for (const ws of wss.clients) ws.terminate();
    proxy.close();
    front.close();
    target.close();
  });

  /** @return {Promise<[import('./kit/peers.js').Client, WebSocket]>} */
  const pair = async () => {
    const accepted = once(wss, 'connection');
    const client = await connect(`${url}/path?q=1`);
    const [ws] = await accepted;

    assert.strictEqual(await client.next(), 'Hello 127.0.0.1 /path?q=1');
    return [client, ws];
  };

  it('passes messages of every size', async () => {
    const [client] = await pair();

    for (const size of [0, 1, 125, 126, 65_535, 65_536, 3_000_000]) {
      const message = Buffer.alloc(size, 'message ');

      client.send(message);
      assert.deepStrictEqual(await client.next(), message);
      client.send(message.toString());
      assert.strictEqual(await client.next(), message.toString());
    }
    client.terminate();
  });

  it('passes pings, and the closing of either end', async () => {
    const [client, ws] = await pair();
    const pong = once(client, 'pong');

    client.ping('there?');
    assert.strictEqual((await pong)[0].toString(), 'there?');
    ws.close(4001, 'enough');
    assert.deepStrictEqual(await client.closed(), [4001, 'enough']);

    const [other, end] = await pair();
    const closed = once(end, 'close');

    other.close(4002, 'bye');
    const [code, reason] = await closed;
    assert.deepStrictEqual([code, reason.toString()], [4002, 'bye']);
  });

  it('lets the one notice that the other has broken off', async () => {
    const [client, ws] = await pair();
    const gone = once(ws, 'close');

    client.terminate();
    assert.strictEqual((await gone)[0], 1006);

    const [other, end] = await pair();
    const closed = other.closed();

    end.terminate();
    assert.deepStrictEqual(await closed, [1006, '']);
  });

  it('takes frames that come with the request', async () => {
    // A client that sends frames before the answer.
    const request = http.request(url.replace('ws', 'http'), {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': Buffer.alloc(16).toString('base64')
      }
    });
    const upgraded = once(request, 'upgrade');
    const accepted = once(wss, 'connection');
    const frames = [];

    for (const text of ['early', 'bird']) {
      WebSocket.Sender.frame(Buffer.from(text), {
        fin: true,
        mask: true,
        opcode: 1,
        readOnly: false,
        rsv1: false
      }).forEach((part) => frames.push(part));
    }

    const early = Buffer.concat(frames);

    request.flushHeaders();
    const [socket] = await once(request, 'socket');
    socket.write(early);

    const [ws] = await accepted;
    const messages = [];
    ws.on('message', (data) => messages.push(data.toString()));
    while (messages.length < 2) await once(ws, 'message');
    assert.deepStrictEqual(messages, ['early', 'bird']);

    const [, upgradedSocket] = await upgraded;
    upgradedSocket.destroy();
  });

  it('passes a refusal and plain HTTP', async () => {
    const client = new WebSocket(`${url}/never`);
    const [err] = await once(client, 'error');
    const response = await fetch(url.replace('ws', 'http'));

    assert.strictEqual(err.message, 'Unexpected server response: 401');
    assert.strictEqual(await response.text(), '127.0.0.1 wants HTTP');
  });

  it('loaded our module', () => assertLoadedBy('http-proxy'));
});
