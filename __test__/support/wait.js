'use strict';

/** @return {Promise<void>} Settles when everything that is due has run */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/**
 * @param {any} ws A WebSocket
 * @return {Promise<void>} Settles when it is closed
 */
function closed(ws) {
  return new Promise((resolve) => {
    if (ws.readyState === 3) resolve();
    else ws.once('close', () => resolve());
  });
}

module.exports = { closed, turn };
