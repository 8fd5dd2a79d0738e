'use strict';

const { asManyAs } = require('../descriptors');

const many = asManyAs(20000);

/**
 * What connections cost that carry no messages.
 *
 * @type {import('../measure').Scenario[]}
 */
module.exports = [
  {
    // A message here is a handshake, and its latency runs from the connect to
    // the 101. Each connection is reset as soon as it is answered.
    name: 'handshake',
    title: 'handshake storm, 64 at a time',
    program: 'accept',
    load: { mode: 'storm', connections: 64 }
  },
  {
    name: 'memory-9000',
    title: 'memory per idle connection, 9000 connections',
    program: 'accept',
    load: { mode: 'hold', connections: 9000 }
  },
  {
    // Fewer where the limit of descriptors says so, which the title tells.
    name: 'memory-20000',
    title: `memory per idle connection, ${many} connections`,
    program: 'accept',
    load: { mode: 'hold', connections: many }
  }
];
