'use strict';

/**
 * Broadcast: one connection sends, the server fans each message out to all,
 * and the next is sent when everybody has it. A message here is a delivery.
 *
 * @type {import('../measure').Scenario[]}
 */
module.exports = [1000, 5000].map((connections) => ({
  name: `broadcast-${connections}`,
  title: `broadcast 128 B to ${connections}: deliveries`,
  program: 'broadcast',
  load: { mode: 'broadcast', connections, depth: 1, size: 128 }
}));
