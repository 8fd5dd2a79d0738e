'use strict';

// The object that a scenario gets when it makes its own connections.

const { Log } = require('./log.js');

/** A log that can follow a client from its handshake to its end. */
class Notebook extends Log {
  /**
   * Notes what becomes of a WebSocket.
   *
   * @param {any} ws The WebSocket
   * @param {string} [prefix] Put before each line
   * @return {Promise<void>} Settles when it is closed
   */
  watch(ws, prefix = '') {
    const note = (event, ...parts) => this.note(prefix + event, ...parts);

    ws.on('upgrade', (response) => {
      note('upgrade', response.statusCode, 'state', ws.readyState);
    });
    ws.on('open', () => {
      note('open', ws.readyState, ws.protocol, ws._req === null);
    });
    ws.on('message', (data, isBinary) => note('message', data, isBinary));
    ws.on('error', (error) => {
      note('error', error, 'state', ws.readyState, ws._socket === null);
    });

    return new Promise((resolve) => {
      ws.on('close', (code, reason) => {
        note('close', code, reason, 'state', ws.readyState, ws._redirects);
        resolve();
      });
    });
  }
}

module.exports = { Notebook };
