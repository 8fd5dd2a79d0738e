'use strict';

/**
 * Echo: every connection keeps some messages in flight, and the server sends
 * each back. The names say payload size, connections, messages in flight.
 *
 * @type {import('../measure').Scenario[]}
 */
module.exports = [
  {
    name: 'echo-64-1x1',
    title: 'echo 64 B, 1 connection, 1 in flight',
    program: 'echo',
    load: { mode: 'echo', connections: 1, depth: 1, size: 64 }
  },
  {
    name: 'echo-64-1x1-one-core',
    title: 'echo 64 B, 1 connection, 1 in flight, all on one core',
    program: 'echo',
    oneCore: true,
    load: { mode: 'echo', connections: 1, depth: 1, size: 64 }
  },
  {
    name: 'echo-64-64x1',
    title: 'echo 64 B, 64 connections, 1 in flight',
    program: 'echo',
    load: { mode: 'echo', connections: 64, depth: 1, size: 64 }
  },
  {
    name: 'echo-64-64x16',
    title: 'echo 64 B, 64 connections, 16 in flight',
    program: 'echo',
    load: { mode: 'echo', connections: 64, depth: 16, size: 64 }
  },
  {
    name: 'echo-text-64-64x16',
    title: 'echo 64 B text as strings, 64 connections, 16 in flight',
    program: 'echo-string',
    load: {
      mode: 'echo',
      connections: 64,
      depth: 16,
      size: 64,
      kind: 'text'
    }
  },
  {
    name: 'echo-64-1000',
    title: 'echo 64 B, 1000 connections, 1 in flight',
    program: 'echo',
    load: { mode: 'echo', connections: 1000, depth: 1, size: 64 }
  },
  {
    name: 'echo-16k-64',
    title: 'echo 16 KiB binary, 64 connections',
    program: 'echo',
    load: { mode: 'echo', connections: 64, depth: 1, size: 16 * 1024 }
  },
  {
    name: 'echo-16k-text-64',
    title: 'echo 16 KiB UTF-8 text, 64 connections',
    program: 'echo',
    load: {
      mode: 'echo',
      connections: 64,
      depth: 1,
      size: 16 * 1024,
      kind: 'unicode'
    }
  },
  {
    name: 'echo-1m-8',
    title: 'echo 1 MiB, 8 connections',
    program: 'echo',
    load: { mode: 'echo', connections: 8, depth: 1, size: 1024 * 1024 }
  },
  {
    name: 'tls-echo-64-64x16',
    title: 'echo 64 B over TLS, 64 connections, 16 in flight',
    program: 'echo',
    setup: 'tls',
    servers: ['ws', 'native'],
    load: { mode: 'echo', connections: 64, depth: 16, size: 64, tls: true }
  }
];
