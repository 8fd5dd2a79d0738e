'use strict';

/**
 * @param {any} notebook The notebook
 * @param {Duplex} duplex The stream whose events are noted
 * @return {Promise<void>} Settles when it is closed
 */
function watchStream(notebook, duplex) {
  for (const event of ['end', 'finish', 'drain', 'error', 'close']) {
    duplex.on(event, (...args) => {
      notebook.note(`stream ${event}`, ...args, duplex.destroyed);
    });
  }

  return new Promise((resolve) => {
    duplex.on('close', resolve);
  });
}

module.exports = { watchStream };
