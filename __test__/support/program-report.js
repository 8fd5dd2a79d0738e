'use strict';

// Preloaded into a program under test. Reports over the IPC channel which module
// `require('ws')` returns, and when a server listens, because several programs
// print nothing then.

const { createRequire } = require('node:module');
const net = require('node:net');
const path = require('node:path');

const requireThere = createRequire(path.resolve(process.argv[1]));
const { listen } = net.Server.prototype;

requireThere('ws');

process.send({
  module: {
    file: requireThere.resolve('ws'),
    name: requireThere('ws/package.json').name,
    addons: Object.keys(require.cache).filter((file) => file.endsWith('.node'))
  }
});

net.Server.prototype.listen = function reportingListen(...args) {
  this.once('listening', () => {
    process.send({ listening: /** @type {any} */ (this.address()).port });
  });

  return listen.apply(this, args);
};
