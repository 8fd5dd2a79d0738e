'use strict';

// The module in odd company: a second copy of it in the process, a Proxy or a
// derived object in the place of a WebSocket, and Node.js made to throw where
// something deprecated is used.

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, it } = require('node:test');
const { promisify } = require('node:util');

const { parity, reference } = require('../support/parity.js');
const {
  plainEnvironment,
  useReference
} = require('../support/packed-project.js');

const root = path.join(__dirname, '..', '..');
const modulePath = useReference
  ? require.resolve('ws')
  : path.join(root, 'index.js');
const run = promisify(execFile);

/**
 * @return {any} The module once more, with the addon's file loaded once more
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
 * @return {any} The module and its addon from files of their own
 */
function loadElsewhere(t) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ws-native-copy-'));

  t.after(() => {
    // Windows does not remove an addon that is loaded.
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
 * Has a client of one copy talk to a server of another.
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
  const loaders = { 'loaded anew': loadAnew, 'of other files': loadElsewhere };

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

  it("one's server takes the other's class", { timeout: 20_000 }, async () => {
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
  });
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

/**
 * Uses everything of a WebSocket by way of something in its place.
 *
 * @param {any} WebSocket The module
 * @param {any} notebook
 * @param {(ws: any) => any} wrap Makes what is put in its place
 */
async function useWrapped(WebSocket, notebook, wrap) {
  const server = new WebSocket.WebSocketServer({ port: 0, host: '127.0.0.1' });

  await once(server, 'listening');
  notebook.defer(() => server.close());

  const left = new Promise((resolve) => {
    server.on('connection', (ws) => serve(wrap(ws), resolve));
  });
  const serve = (wrapped, resolve) => {
    wrapped.on('message', (data, binary) => wrapped.send(data, { binary }));
    wrapped.on('ping', (data) => wrapped.send(`pinged: ${data}`));
    wrapped.on('close', (code) => resolve([wrapped.readyState, code]));
  };

  const plain = new WebSocket(`ws://127.0.0.1:${server.address().port}`);
  const ws = wrap(plain);
  const closed = once(ws, 'close');

  notebook.note(ws instanceof WebSocket, ws.readyState, ws.binaryType);
  ws.onmessage = ({ data, type }) => notebook.note(type, data);
  ws.addEventListener('close', ({ code, reason, wasClean }) => {
    notebook.note(code, reason, wasClean);
  });
  await once(ws, 'open');
  notebook.note(ws.readyState, ws.protocol, ws.extensions, ws.isPaused);
  notebook.note(ws.onmessage === null, ws.listenerCount('message'));

  ws.send('text');
  await once(ws, 'message');
  await Promise.all([
    once(ws, 'message'),
    new Promise((resolve) => ws.send(Buffer.from('acked'), resolve))
  ]);
  ws.binaryType = 'arraybuffer';
  ws.send(Uint8Array.of(1, 2, 3));
  await once(ws, 'message');
  notebook.attempt('binaryType', () => (ws.binaryType = 'nonsense'));
  ws.ping('p');
  await once(ws, 'message');
  ws.pong('unasked');
  ws.pause();
  notebook.note('paused', ws.isPaused);
  ws.resume();
  notebook.note('resumed', ws.isPaused, ws.bufferedAmount);
  ws.close(4001, 'wrapped');
  notebook.note(ws.readyState);
  await closed;
  notebook.note(ws.readyState, 'server', await left);
  notebook.attempt('send', () => ws.send('late'));
}

const wrappers = {
  'a Proxy without traps': (ws) => new Proxy(ws, {}),
  'a Proxy that is this everywhere': (ws) =>
    new Proxy(ws, {
      get: (target, name, receiver) => Reflect.get(target, name, receiver),
      set: (target, name, value, receiver) =>
        Reflect.set(target, name, value, receiver)
    }),
  'a Proxy that binds methods': (ws) =>
    new Proxy(ws, {
      get(target, name) {
        const value = target[name];
        return typeof value === 'function' ? value.bind(target) : value;
      },
      set: (target, name, value) => Reflect.set(target, name, value)
    }),
  'a Proxy of a Proxy': (ws) => new Proxy(new Proxy(ws, {}), {})
};

for (const [title, wrap] of Object.entries(wrappers)) {
  parity(title, (WebSocket, notebook) => useWrapped(WebSocket, notebook, wrap));
}

parity('terminate() by a Proxy', async (WebSocket, notebook) => {
  const server = new WebSocket.WebSocketServer({ port: 0, host: '127.0.0.1' });

  await once(server, 'listening');
  notebook.defer(() => server.close());
  server.on('connection', (ws) => new Proxy(ws, {}).terminate());

  const ws = new WebSocket(`ws://127.0.0.1:${server.address().port}`);

  await notebook.watch(new Proxy(ws, {}));
});

parity('a stream of a Proxy', async (WebSocket, notebook) => {
  const server = new WebSocket.WebSocketServer({ port: 0, host: '127.0.0.1' });

  await once(server, 'listening');
  notebook.defer(() => server.close());
  server.on('connection', (ws) => {
    const stream = WebSocket.createWebSocketStream(new Proxy(ws, {}));

    stream.pipe(stream);
  });

  const ws = new WebSocket(`ws://127.0.0.1:${server.address().port}`);
  const stream = WebSocket.createWebSocketStream(new Proxy(ws, {}), {
    encoding: 'utf8'
  });

  stream.write('one');
  notebook.note(...(await once(stream, 'data')));
  stream.end('two');
  stream.resume();
  await once(stream, 'close');
});

parity('a Proxy around the server', async (WebSocket, notebook) => {
  const server = new Proxy(
    new WebSocket.WebSocketServer({ port: 0, host: '127.0.0.1' }),
    {}
  );

  await once(server, 'listening');
  server.on('connection', (ws) => {
    notebook.note('clients', server.clients.size);
    ws.close(1000, 'bye');
  });

  const ws = new WebSocket(`ws://127.0.0.1:${server.address().port}`);

  await notebook.watch(ws);
  await new Promise((resolve) => server.close(resolve));
  notebook.attempt('address', () => server.address());
});

const PROGRAM = `
  const WebSocket = require(process.argv[1]);
  const server = new WebSocket.Server({ port: 0, perMessageDeflate: true });

  server.on('connection', (ws) => {
    ws.on('message', (data, binary) => ws.send(data, { binary }));
  });
  server.on('listening', () => {
    const ws = new WebSocket('ws://localhost:' + server.address().port);

    ws.on('open', () => ws.send('x'.repeat(5000)));
    ws.once('message', () => {
      ws.once('message', (data) => {
        const { Sender, Receiver, PerMessageDeflate } = WebSocket;
        Sender.frame(Buffer.alloc(9), { fin: true, opcode: 1, mask: true });
        new Receiver().destroy();
        new PerMessageDeflate({}).cleanup();
        console.log(String(data));
        const stream = WebSocket.createWebSocketStream(ws);
        stream.on('close', () => server.close(() => console.log('closed')));
        stream.destroy();
      });
      ws.send(new Blob(['from a blob']));
    });
  });
`;

describe('nothing deprecated is used, and no warning given', () => {
  for (const flag of ['--throw-deprecation', '--pending-deprecation']) {
    it(flag, { timeout: 20_000 }, async () => {
      const { stdout, stderr } = await run(
        process.execPath,
        ['--throw-deprecation', flag, '--eval', PROGRAM, modulePath],
        { env: plainEnvironment() }
      );

      assert.strictEqual(stdout, 'from a blob\nclosed\n');
      assert.strictEqual(stderr, '');
    });
  }
});
