'use strict';

/**
 * Tells the driver that the server listens, and does from then on what the
 * driver asks. The server ends with its driver, however that ends.
 *
 * @param {number} port The port
 */
function announce(port) {
  const send = /** @type {(message: object) => void} */ (
    process.send?.bind(process)
  );

  process.on('disconnect', () => process.exit());
  process.on('message', (message) => {
    if (message !== 'collect') return;

    // Twice: finalizers of the first run free what the second can return.
    global.gc?.();
    setImmediate(() => {
      global.gc?.();
      send({ collected: true });
    });
  });

  send({ port });
}

module.exports = { announce };
