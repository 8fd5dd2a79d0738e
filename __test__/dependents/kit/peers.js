'use strict';

// Servers on a free port, and their clients.

const { once } = require('node:events');
const WebSocket = require('ws');

/**
 * @param {import('node:net').Server} server
 * @return {Promise<number>} Its port, on localhost
 */
async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

/** A client that queues messages until a test reads them. */
class Client extends WebSocket {
  #messages = [];
  #waiting = [];

  constructor(...args) {
    super(...args);
    this.on('message', (data, isBinary) => {
      const message = isBinary ? data : data.toString();
      const next = this.#waiting.shift();

      if (next) next(message);
      else this.#messages.push(message);
    });
  }

  /**
   * @return {Promise<string | Buffer>} The next message
   */
  next() {
    if (this.#messages.length) return Promise.resolve(this.#messages.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /**
   * @return {Promise<any>} The next message, parsed
   */
  async nextJson() {
    return JSON.parse(String(await this.next()));
  }

  /** @return {Promise<[number, string]>} The close code and the reason */
  async closed() {
    const [code, reason] = await once(this, 'close');
    return [code, reason.toString()];
  }
}

/**
 * @param {string} url
 * @param {...any} rest
 * @return {Promise<Client>} Open
 */
async function connect(url, ...rest) {
  const client = new Client(url, ...rest);

  await once(client, 'open');
  return client;
}

module.exports = { Client, connect, listen };
