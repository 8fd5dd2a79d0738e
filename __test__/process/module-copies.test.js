'use strict';

// A second copy of the module in one process.

const assert = require('node:assert');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, it } = require('node:test');

const reference = require('ws');

const { useReference } = require('../support/packed-project.js');

const root = path.join(__dirname, '..', '..');

const modulePath = useReference
  ? require.resolve('ws')
  : path.join(root, 'index.js');

/**
 * @return {any} A second copy of the module, which loads the addon's file again
 */
function loadAnew() {
  const kept = { ...require.cache };

  for (const name of Object.keys(require.cache)) delete require.cache[name];
  try {
    return require(modulePath);
  } finally {
    for (const name of Object.keys(require.cache)) delete require.cache[name];
    Object.assign(require.cache, kept);
  }
}

/**
 * @param {import('node:test').TestContext} t
 * @return {any} A second copy of the module and its addon, from copied files
 */
function loadElsewhere(t) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ws-native-copy-'));

  t.after(() => {
    // Windows does not delete a loaded addon.
    try {
      fs.rmSync(directory, { recursive: true, force: true });
    } catch (err) {
      if (process.platform !== 'win32') throw err;
    }
  });

  const source = path.dirname(modulePath);

  for (const name of fs.readdirSync(source)) {
    if (!/^(?:lib|package\.json|.*\.(?:js|node))$/.test(name)) continue;
    fs.cpSync(path.join(source, name), path.join(directory, name), {
      recursive: true
    });
  }

  return require(path.join(directory, path.basename(modulePath)));
}

/**
 * Lets a client of one copy talk to a server of another.
 *
 * @param {any} Server The copy that serves
 * @param {any} Client The copy that connects
 */
async function converse(Server, Client) {
  const server = new Server.WebSocketServer({ port: 0, host: '127.0.0.1' });

  await once(server, 'listening');
  server.on('connection', (ws) => {
    assert.ok(ws instanceof Server);
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
  });

  const ws = new Client(`ws://127.0.0.1:${server.address().port}`);

  await once(ws, 'open');
  for (const size of [1, 200, 70_000, 1_000_000]) {
    const answer = once(ws, 'message');
    const sent = Buffer.alloc(size, size % 251);

    ws.send(sent);
    const [data, isBinary] = await answer;
    assert.ok(sent.equals(data));
    assert.strictEqual(isBinary, true);
  }

  const ponged = once(ws, 'pong');
  const closed = once(ws, 'close');

  ws.ping('anybody?');
  assert.strictEqual(String((await ponged)[0]), 'anybody?');
  ws.close(4000, 'enough');
  const [code, reason] = await closed;
  assert.deepStrictEqual([code, String(reason)], [4000, 'enough']);
  server.close();
  await once(server, 'close');
}

describe('two copies in one process', () => {
  const first = require(modulePath);
  const loaders = { 'loaded again': loadAnew, 'of other files': loadElsewhere };

  for (const [title, load] of Object.entries(loaders)) {
    it(title, { timeout: 20_000 }, async (t) => {
      const second = load(t);

      assert.notStrictEqual(second, first);
      await Promise.all([
        converse(first, second),
        converse(second, first),
        converse(first, first),
        converse(second, second)
      ]);
    });
  }

  it('many, one after the other', { timeout: 20_000 }, async () => {
    for (let i = 0; i < 5; i++) await converse(loadAnew(), first);
    await converse(first, first);
  });

  it(
    'a server with the class of the other copy',
    { timeout: 20_000 },
    async () => {
      const second = loadAnew();
      const server = new first.WebSocketServer({
        port: 0,
        host: '127.0.0.1',
        WebSocket: second.WebSocket
      });

      await once(server, 'listening');
      server.on('connection', (ws) => {
        assert.ok(ws instanceof second);
        ws.on('message', (data) => ws.send(data));
      });

      const ws = new first(`ws://127.0.0.1:${server.address().port}`);

      await once(ws, 'open');
      ws.send('across');
      assert.strictEqual(String((await once(ws, 'message'))[0]), 'across');
      ws.close();
      await once(ws, 'close');
      server.close();
    }
  );
});

/**
 * Counts the turns of the event loop until each end of a connection sees what
 * the other one does.
 *
 * @param {any} Server The copy that serves
 * @param {any} Client The copy that connects
 * @return {Promise<string[]>} What they see
 */
async function countTurns(Server, Client) {
  const server = new Server.WebSocketServer({ port: 0, host: '127.0.0.1' });
  const seen = [];

  await once(server, 'listening');
  server.on('connection', (ws) => ws.on('message', (data) => ws.send(data)));

  for (let i = 0; i < 20; i++) {
    const client = new Client(`ws://127.0.0.1:${server.address().port}`);
    const [served] = await once(server, 'connection');

    if (client.readyState !== Client.OPEN) await once(client, 'open');
    await new Promise((resolve) => setTimeout(resolve, 2));

    let turns = 0;
    let goesOn = true;
    const turn = () => {
      turns++;
      if (goesOn) setImmediate(turn);
    };
    const ends = Object.entries({ client, served });
    const closed = ends.map(([, ws]) => once(ws, 'close'));

    for (const [end, ws] of ends) {
      for (const event of ['message', 'close']) {
        ws.on(event, () => seen.push(`${end} ${event} ${turns}`));
      }
    }
    client.on('message', () => client.close());
    client.send('to and fro');
    setImmediate(turn);
    await Promise.all(closed);
    goesOn = false;
  }

  server.close();
  await once(server, 'close');
  return seen;
}

describe('both ends in two copies', () => {
  const first = require(modulePath);
  const loaders = { 'loaded anew': loadAnew, 'of other files': loadElsewhere };
  const skip =
    process.platform !== 'linux' && 'the event loop reads on Linux alone';

  for (const [title, load] of Object.entries(loaders)) {
    it(`see things as with ws, ${title}`, { skip }, async (t) => {
      const second = load(t);
      const expected = await countTurns(reference, reference);

      assert.deepStrictEqual(await countTurns(first, second), expected);
      assert.deepStrictEqual(await countTurns(second, first), expected);
    });
  }
});
