'use strict';

const fs = require('node:fs');

/** What a process needs beside the descriptors of its connections. */
const OTHERS = 200;

/**
 * How many connections a process may have: servers and load generator raise
 * their limit to the hard one, and need at least one descriptor for each.
 *
 * @param {number} wanted How many there should be
 * @return {number} As many as the limit allows
 */
function asManyAs(wanted) {
  const limits = fs.readFileSync('/proc/self/limits', 'utf8');
  const hard = /Max open files\s+\S+\s+(\d+)/.exec(limits)?.[1];

  return Math.min(
    wanted,
    hard === undefined ? Infinity : Number(hard) - OTHERS
  );
}

module.exports = { asManyAs };
