'use strict';

const { Session } = require('node:inspector/promises');

/**
 * Collects garbage as the developer tools do: V8 then also gives back what its
 * young generation has grown by (32 MiB at most). By itself it does so only some
 * seconds after a storm of connections. None of them keeps that.
 */
async function collect() {
  const session = new Session();

  session.connect();
  // Twice: finalizers of the first run free what the second can return.
  await session.post('HeapProfiler.collectGarbage');
  await new Promise(setImmediate);
  await session.post('HeapProfiler.collectGarbage');
  session.disconnect();
}

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
    if (message === 'collect') collect().then(() => send({ collected: true }));
  });

  send({ port });
}

module.exports = { announce };
