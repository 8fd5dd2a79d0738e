'use strict';

// Node.js options that make deprecated calls throw.

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { describe, it } = require('node:test');
const { promisify } = require('node:util');

const {
  plainEnvironment,
  useReference
} = require('../support/packed-project.js');

const root = path.join(__dirname, '..', '..');

const modulePath = useReference
  ? require.resolve('ws')
  : path.join(root, 'index.js');

const run = promisify(execFile);

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
