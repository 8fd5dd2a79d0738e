'use strict';

// A primary and its workers, which echo on one port. cluster.test.js starts it
// with the number of workers and the module. The primary reports the port, and
// how each worker ended, to its parent.

const cluster = require('node:cluster');

const [count, modulePath] = process.argv.slice(2);

/** Forks the workers, and reports the port when all of them listen. */
function lead() {
  let listening = 0;

  cluster.setupPrimary({ args: process.argv.slice(2), execArgv: [] });
  cluster.on('listening', (worker, { port }) => {
    if (++listening === Number(count)) process.send({ port });
  });
  cluster.on('exit', (worker, code, signal) => {
    if (!process.connected) return;
    process.send({ pid: worker.process.pid, code, signal });
  });
  process.on('disconnect', () => {
    for (const worker of Object.values(cluster.workers)) {
      worker.process.kill('SIGKILL');
    }
  });

  for (let i = 0; i < Number(count); i++) cluster.fork();
}

/** Sends the worker's id, then echoes; "retire" ends the worker. */
function serve() {
  const { WebSocketServer } = require(modulePath);
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });

  server.on('connection', (ws) => {
    ws.send(String(process.pid));
    ws.on('message', (data, isBinary) => {
      if (String(data) === 'retire') cluster.worker.disconnect();
      ws.send(data, { binary: isBinary });
    });
  });
}

if (cluster.isPrimary) lead();
else serve();
