'use strict';

// A server with its own port and its process: file descriptors that run out,
// listeners that throw, workers that end, and the lifetime of the process.

const assert = require('node:assert');
const { execFile, spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const path = require('node:path');
const { describe, it } = require('node:test');
const { promisify } = require('node:util');

const { upgradeRequest } = require('../support/handshake.js');

const run = promisify(execFile);
const MODULES = {
  ws: require.resolve('ws'),
  ours: path.join(__dirname, '..', '..', 'index.js')
};

/**
 * Runs a program with both modules.
 *
 * @param {string} body Its source text, which can use `WebSocket`
 * @param {string} want The expected output
 */
async function prints(body, want) {
  for (const [name, file] of Object.entries(MODULES)) {
    const text = `const WebSocket = require(${JSON.stringify(file)});${body}`;
    const { stdout } = await run(process.execPath, ['-e', text], {
      timeout: 20000
    });

    assert.strictEqual(stdout.trim(), want, name);
  }
}

/**
 * @param {number} port The port of a server
 * @return {{ client: net.Socket, outcome: Promise<string> }} A client that sends
 *     a request, and what it gets
 */
function ask(port) {
  const client = net.connect(port, '127.0.0.1');

  client.write(upgradeRequest());
  return {
    client,
    outcome: new Promise((resolve) => {
      client.on('data', () => resolve('answered'));
      client.on('error', () => {});
      client.on('close', () => resolve('gone'));
    })
  };
}

describe('A process', () => {
  it('lives as long as it listens', async () => {
    await prints(
      `new WebSocket.Server({ port: 0 });
      setTimeout(() => { console.log('alive'); process.exit(); }, 200).unref();
      setTimeout(() => {}, 1);`,
      'alive'
    );
  });

  it('ends when the server is unreferenced', async () => {
    await prints(
      `const wss = new WebSocket.Server({ port: 0 }, () => {
        wss._server.unref();
      });
      process.on('exit', () => console.log('over', wss._server.listening));`,
      'over true'
    );
  });

  it('ends when it listens no more', async () => {
    await prints(
      `const wss = new WebSocket.Server({ port: 0 }, () => {
        wss.close(() => console.log('closed'));
      });`,
      'closed'
    );
  });

  it('frees the port of a worker', async () => {
    await prints(
      `const { Worker } = require('worker_threads');
      const net = require('net');
      const file = require.resolve(Object.keys(require.cache).find((name) =>
        require.cache[name].exports === WebSocket));
      const worker = new Worker(
        'const { Server } = require(' + JSON.stringify(file) + ');' +
        'const { parentPort } = require("worker_threads");' +
        'const wss = new Server({ host: "127.0.0.1", port: 0 }, () =>' +
        'parentPort.postMessage(wss.address().port));',
        { eval: true }
      );
      worker.on('message', async (port) => {
        await worker.terminate();
        net.connect(port, '127.0.0.1')
          .on('connect', () => console.log('accepted'))
          .on('error', ({ code }) => console.log(code));
      });`,
      'ECONNREFUSED'
    );
  });

  it('keeps serving after many exceptions', async () => {
    await prints(
      `const net = require('net');
      let thrown = 0;
      let throwing = true;
      const clients = [];
      const wss = new WebSocket.Server({
        host: '127.0.0.1',
        port: 0,
        verifyClient() {
          if (throwing) throw new Error('thrown');
          return true;
        }
      }, () => {
        for (let n = 0; n < 600; n++) {
          const client = net.connect(wss.address().port, '127.0.0.1');

          client.on('error', () => {});
          client.write(${JSON.stringify(upgradeRequest())});
          clients.push(client);
        }
      });
      process.on('uncaughtException', () => {
        if (++thrown < clients.length) return;
        throwing = false;

        const ws = new WebSocket('ws://127.0.0.1:' + wss.address().port);

        ws.on('open', () => {
          wss._server.getConnections((_error, count) => {
            console.log(thrown, count);
            process.exit();
          });
        });
      });`,
      '600 601'
    );
  });

  it('closes connections that it has no descriptor for', async (t) => {
    if (process.platform !== 'linux') {
      t.skip('the limit is set by a shell');
      return;
    }

    for (const [name, file] of Object.entries(MODULES)) {
      const child = spawn(
        'sh',
        [
          '-c',
          'ulimit -n 60; exec "$0" "$@"',
          process.execPath,
          '-e',
          `const { Server } = require(${JSON.stringify(file)});
          const wss = new Server({ host: '127.0.0.1', port: 0 }, () => {
            process.send(wss.address().port);
          });`
        ],
        { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }
      );

      t.after(() => child.kill());

      const [port] = await once(child, 'message');
      const clients = Array.from({ length: 80 }, () => ask(port));
      const outcomes = await Promise.all(clients.map(({ outcome }) => outcome));

      assert.ok(outcomes.includes('answered'), name);
      assert.ok(outcomes.includes('gone'), name);

      // One client leaves, and there is room for another.
      for (const { client } of clients) client.destroy();
      while ((await ask(port).outcome) !== 'answered');
      child.kill();
    }
  });
});
