'use strict';

/**
 * permessage-deflate: JSON messages of a kilobyte, all of them compressed, in
 * both directions. The client offers what browsers offer, and each server
 * answers as it does where nothing but compression is asked of it: `ws` keeps
 * a context per connection and direction then, `uws` none and `uws-dedicated`
 * its largest. The client's messages refer to nothing before them, so that
 * they can be compressed before the clock runs.
 *
 * @type {import('../measure').Scenario[]}
 */
module.exports = [
  {
    name: 'deflate-echo-1k-64',
    title: 'echo 1 KiB JSON compressed, 64 connections, 1 in flight',
    program: 'echo',
    setup: 'deflate',
    servers: ['ws', 'uws', 'uws-dedicated', 'native'],
    load: { mode: 'echo', connections: 64, depth: 1, deflate: 'any' }
  },
  {
    name: 'deflate-broadcast-1000',
    title: 'broadcast 1 KiB JSON compressed to 1000: deliveries',
    program: 'broadcast-string',
    setup: 'deflate',
    servers: ['ws', 'uws', 'uws-dedicated', 'native'],
    load: { mode: 'broadcast', connections: 1000, depth: 1, deflate: 'any' }
  },
  {
    // What a connection keeps that has sent and received four messages.
    name: 'deflate-memory-takeover',
    title: 'memory per used connection, compressed, context takeover on',
    program: 'echo',
    setup: 'deflate',
    servers: ['ws', 'uws-dedicated', 'native'],
    load: { mode: 'hold', connections: 5000, exchange: 4, deflate: 'takeover' }
  },
  {
    name: 'deflate-memory-stateless',
    title: 'memory per used connection, compressed, context takeover off',
    program: 'echo',
    setup: 'stateless',
    servers: ['ws', 'uws', 'native'],
    load: { mode: 'hold', connections: 5000, exchange: 4, deflate: 'stateless' }
  }
];
