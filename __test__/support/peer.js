'use strict';

const { once } = require('node:events');
const WebSocket = require('ws');

/** A client of the reference module that returns its messages one by one. */
class Peer {
  #messages = [];
  #waiting = [];

  /**
   * @param {string} address
   * @param {object} [options] Options of the WebSocket
   */
  constructor(address, options) {
    this.socket = new WebSocket(address, options);
    this.opened = once(this.socket, 'open');
    this.socket.on('message', (data, isBinary) => {
      const message = [String(data), isBinary ? 'binary' : 'text'];
      const waiting = this.#waiting.shift();
      if (waiting) waiting.resolve(message);
      else this.#messages.push(message);
    });
    this.socket.on('close', (code) => {
      for (const { reject } of this.#waiting.splice(0)) {
        reject(new Error(`Closed with ${code} while a message was awaited`));
      }
    });
  }

  /**
   * @return {Promise<string[]>} The next message and whether it is text
   */
  next() {
    const message = this.#messages.shift();
    if (message) return Promise.resolve(message);

    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }
}

module.exports = { Peer };
