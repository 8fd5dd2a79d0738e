'use strict';

/**
 * The demo of `npm start`: Express serves the page, this repository's own
 * module serves the WebSockets, both on one port (PORT, 3000 by default).
 */

const http = require('node:http');
const path = require('node:path');

const express = require('express');

const { serveChat } = require('./chat.js');

const home = path.join(__dirname, '..', '..');
const module_ = require('../../package.json');

/** How long closing handshakes may take when the demo is ended. */
const GRACE = 1000;

const SECURITY_HEADERS = {
  'Content-Security-Policy':
    "default-src 'self'; base-uri 'none'; form-action 'self'; " +
    "frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff'
};

function main() {
  const port = readPort(process.env.PORT ?? '3000');
  const app = express();

  app.disable('x-powered-by');
  app.use((request, response, next) => {
    response.set(SECURITY_HEADERS);
    next();
  });
  app.use(express.static(path.join(__dirname, 'public')));

  const server = http.createServer(app);
  const chat = serveChat(server, {
    name: module_.name,
    version: module_.version
  });

  // Errors of the HTTP server come here too.
  chat.wss.on('error', (error) => fail(sentence(error, port)));

  chat.wss.on('listening', () => {
    const address = /** @type {import('node:net').AddressInfo} */ (
      server.address()
    );
    console.log(servedBy());
    console.log(`http://localhost:${address.port}/`);
  });

  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      chat.close();
      server.close();
      server.closeIdleConnections();
      setTimeout(() => process.exit(), GRACE).unref();
    });
  }

  server.listen(port);
}

/**
 * @return {string} Which module serves, down to the addon that Node loaded
 */
function servedBy() {
  const relative = (file) => path.relative(home, file);
  const entry = relative(require.resolve('../..'));
  const addon = Object.keys(require.cache).find((file) => {
    return path.basename(file).startsWith(module_.name + '.');
  });
  const engine = addon ? `, Rust engine ${relative(addon)}` : '';

  return (
    `WebSockets are served by ${module_.name} ${module_.version}, ` +
    `this repository's own module (${entry}${engine})`
  );
}

/**
 * @param {string} text
 * @return {number}
 */
function readPort(text) {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65535) return port;

  return fail(`PORT must be a number from 0 to 65535, but it is "${text}".`);
}

/**
 * @param {NodeJS.ErrnoException} error
 * @param {number} port
 * @return {string}
 */
function sentence(error, port) {
  const advice = 'Choose another one, for example: PORT=3001 npm start';

  if (error.code === 'EADDRINUSE') {
    return `Port ${port} is taken by another program. ${advice}`;
  }
  if (error.code === 'EACCES') {
    return `Port ${port} is not open to this user. ${advice}`;
  }
  return `The server failed: ${error.message}`;
}

/**
 * @param {string} message
 * @return {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}

main();
