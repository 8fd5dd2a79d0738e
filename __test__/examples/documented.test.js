'use strict';

// The example programs of the documentation, in a project whose `ws` is the
// packed module. Their peers use the reference module. The programs have fixed
// ports, so only one runs at a time.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const WebSocket = require('ws');

const { createProject, useReference } = require('../support/packed-project.js');
const { Peer } = require('../support/peer.js');
const { Program } = require('../support/program.js');

const examples = path.join(__dirname, '..', '..', 'examples');
const blocks = codeBlocks();

const fragments = {
  'connection.js': blocks[0],
  'client-without-compression.js': blocks[1],
  'send-errors.js': blocks[2]
};
const programs = {
  'server.js': blocks[3],
  'express-server.js': blocks[4],
  'express-broadcast.js': blocks[5],
  'broadcast-to-others.js': blocks[6]
};

/** @return {string[]} The code blocks of the document, byte for byte */
function codeBlocks() {
  const directory = path.join(__dirname, '..', 'documents');
  const [name] = fs.readdirSync(directory);
  const text = fs.readFileSync(path.join(directory, name), 'latin1');

  return [...text.matchAll(/^```javascript\n(.*?)^```$/gms)].map(([, code]) => {
    return code;
  });
}

describe('the examples and the document', () => {
  const read = (name) => fs.readFileSync(path.join(examples, name), 'latin1');

  it('has an example for each code block', () => {
    const names = [...Object.keys(fragments), ...Object.keys(programs)];
    const files = fs
      .readdirSync(examples)
      .filter((name) => name.endsWith('.js'));

    assert.deepEqual(files.sort(), names.sort());
    assert.equal(blocks.length, names.length);
  });

  for (const [name, code] of Object.entries(programs)) {
    it(`has ${name} byte for byte`, () => assert.equal(read(name), code));
  }

  for (const [name, code] of Object.entries(fragments)) {
    it(`has the fragment of ${name} verbatim`, () => {
      assert.equal(read(name).split(code).length, 2);
    });
  }
});

describe('the examples run', { concurrency: 1 }, () => {
  let project;

  before(async () => {
    project = await createProject({ borrow: ['express'] });
    for (const name of fs.readdirSync(examples)) {
      const file = path.join(examples, name);
      if (fs.statSync(file).isFile()) {
        fs.copyFileSync(file, path.join(project.directory, name));
      }
    }
    fs.mkdirSync(path.join(project.directory, 'public'));
    fs.writeFileSync(
      path.join(project.directory, 'public', 'index.html'),
      '<p>static</p>'
    );
  });

  after(() => project?.remove());

  /** Starts a program and checks which module it loaded. */
  async function start(t, name, env = {}) {
    const program = new Program(name, {
      cwd: project.directory,
      env: { ...process.env, ...env },
      report: true
    });
    t.after(() => program.stop());

    const { file, name: module, addons } = await program.report('module');
    if (useReference) {
      assert.equal(module, 'ws');
    } else {
      const home = path.join(project.directory, 'node_modules');
      assert.equal(module, 'ws-native');
      assert.equal(file, path.join(home, 'ws', 'index.js'));
      assert.equal(addons.length, 1);
      assert.ok(addons[0].startsWith(home), addons[0]);
    }

    return program;
  }

  /** Starts a server program, and returns a function that connects to it. */
  async function serve(t, name, port, env) {
    const program = await start(t, name, env);
    const listening = await program.report('listening');
    if (port) assert.equal(listening, port);

    return {
      program,
      port: listening,
      connect: async (target = '/') => {
        const peer = new Peer(`ws://127.0.0.1:${listening}${target}`);
        t.after(() => peer.socket.terminate());
        await peer.opened;
        return peer;
      }
    };
  }

  /** A server of the reference module, for the programs that are clients. */
  async function listen(t, options) {
    const server = new WebSocket.Server({ port: 0, ...options });
    t.after(() => {
      server.clients.forEach((client) => client.terminate());
      server.close();
    });
    await once(server, 'listening');
    const { port } = /** @type {import('net').AddressInfo} */ (
      server.address()
    );

    return { server, env: { PORT: String(port) } };
  }

  it('connection.js tells of connections and disconnections', async (t) => {
    const { program, port, connect } = await serve(t, 'connection.js', 0, {
      PORT: '0'
    });
    await program.line(`Listening on ${port}`);

    const first = await connect();
    await program.line('Client connected');
    const second = await connect();
    await program.line('Client connected', 2);

    first.socket.close();
    await program.line('Client disconnected');
    // Without a closing handshake it is still a disconnection.
    second.socket.terminate();
    await program.line('Client disconnected', 2);
    assert.equal(program.lines.length, 5);
    assert.deepEqual(program.errors, []);
  });

  it('client-without-compression.js offers no extension', async (t) => {
    const { server, env } = await listen(t, { perMessageDeflate: true });
    const connected = once(server, 'connection');
    const program = await start(t, 'client-without-compression.js', env);
    const [socket, request] = await connected;

    assert.equal(request.headers.host, 'www.host.com');
    assert.equal(request.url, '/path');
    assert.equal(request.headers['sec-websocket-version'], '13');
    assert.equal('sec-websocket-extensions' in request.headers, false);
    assert.equal(socket.extensions, '');

    const closed = once(socket, 'close');
    socket.send('plain');
    assert.equal((await closed)[0], 1005);
    assert.deepEqual(await program.exited, { code: 0, signal: null });
    assert.deepEqual(program.lines, [
      'open, extensions: ""',
      'received: plain',
      'closed: 1005'
    ]);
    assert.deepEqual(program.errors, []);
  });

  it('send-errors.js learns of errors in the callback', async (t) => {
    const { server, env } = await listen(t);
    const connected = once(server, 'connection');
    const received = [];
    server.on('connection', (socket) => {
      socket.on('message', (data) => received.push(String(data)));
    });
    const program = await start(t, 'send-errors.js', env);
    const [socket] = await connected;

    if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close');
    assert.deepEqual(received, ['something', 'something', 'something']);
    assert.deepEqual(await program.exited, { code: 0, signal: null });
    assert.deepEqual(program.lines, [
      'connecting',
      'thrown: WebSocket is not open: readyState 0 (CONNECTING)',
      'open',
      'ack: sent',
      'closed',
      'ack: WebSocket is not open: readyState 3 (CLOSED)'
    ]);
    assert.deepEqual(program.errors, []);
  });

  it('the try...catch of send-errors.js catches', async (t) => {
    const { env } = await listen(t);
    const comment = '/* handle error */';
    const [statement] = blocks[2].match(/^try .*\n^catch .*$/m) ?? [];
    assert.ok(statement?.includes(comment));
    fs.writeFileSync(
      path.join(project.directory, 'catch.js'),
      `const WebSocket = require('ws');
       const ws = new WebSocket('ws://127.0.0.1:' + process.env.PORT);
       ${statement.replace(comment, "console.log('caught: %s', e.message)")}
       ws.on('open', () => {
         ${statement.replace(comment, "console.log('caught: %s', e.message)")}
         ws.close();
       });`
    );

    const program = await start(t, 'catch.js', env);
    assert.deepEqual(await program.exited, { code: 0, signal: null });
    assert.deepEqual(program.lines, [
      'caught: WebSocket is not open: readyState 0 (CONNECTING)'
    ]);
    assert.deepEqual(program.errors, []);
  });

  it('server.js sends something and logs what it gets', async (t) => {
    const { program, connect } = await serve(t, 'server.js', 8080);
    const peer = await connect();

    assert.deepEqual(await peer.next(), ['something', 'text']);
    peer.socket.send('a text, ünïcode');
    await program.line('received: a text, ünïcode');
    peer.socket.send(Buffer.from('bytes'));
    await program.line('received: bytes');
    assert.equal(peer.socket.extensions, '');
    assert.deepEqual(program.errors, []);
  });

  it('express-server.js serves both protocols on one port', async (t) => {
    const { program, connect } = await serve(t, 'express-server.js', 8080);
    await program.line('Listening on 8080');

    const response = await fetch('http://127.0.0.1:8080/anything');
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { msg: 'hello' });

    const peer = await connect('/room?access_token=secret');
    assert.deepEqual(await peer.next(), ['something', 'text']);
    peer.socket.send('hello');
    await program.line('received: hello');
    assert.equal(program.exit, undefined);
  });

  it('express-broadcast.js sends to everyone', async (t) => {
    const { program, connect } = await serve(t, 'express-broadcast.js', 8081);
    await program.line('Listening on 8081');

    const response = await fetch('http://127.0.0.1:8081/');
    assert.equal(await response.text(), '<p>static</p>');

    const peers = [await connect(), await connect(), await connect()];
    peers[0].socket.send('to all');
    for (const peer of peers) {
      // It sends the Buffer it received, so the message becomes binary.
      assert.deepEqual(await peer.next(), ['to all', 'binary']);
    }

    // A client that is gone does not matter.
    peers[1].socket.close();
    await once(peers[1].socket, 'close');
    peers[2].socket.send('to the rest');
    assert.deepEqual(await peers[0].next(), ['to the rest', 'binary']);
    assert.deepEqual(await peers[2].next(), ['to the rest', 'binary']);
    assert.deepEqual(program.errors, []);
  });

  it('broadcast-to-others.js leaves the sender out', async (t) => {
    const { program, connect } = await serve(t, 'broadcast-to-others.js', 8080);
    const [first, second, third] = [
      await connect(),
      await connect(),
      await connect()
    ];

    first.socket.send('from the first');
    assert.deepEqual(await second.next(), ['from the first', 'binary']);
    assert.deepEqual(await third.next(), ['from the first', 'binary']);

    // If the first client got its own message, it would arrive before this one.
    second.socket.send('from the second');
    assert.deepEqual(await first.next(), ['from the second', 'binary']);
    assert.deepEqual(await third.next(), ['from the second', 'binary']);
    assert.deepEqual(program.errors, []);
  });
});
