// @ts-check
'use strict';

/** Errors of sockets, as Node's own would be. */

const { getSystemErrorName } = require('util');

/**
 * @param {number} errno As the system has it
 * @param {string} syscall
 * @returns {NodeJS.ErrnoException}
 */
function systemError(errno, syscall) {
  const code = getSystemErrorName(-errno);
  const { stackTraceLimit } = Error;

  // Where in here it was made says nothing, and costs more than all the rest.
  Error.stackTraceLimit = 0;
  /** @type {NodeJS.ErrnoException} */
  const error = new Error(`${syscall} ${code}`);
  Error.stackTraceLimit = stackTraceLimit;

  error.errno = -errno;
  error.code = code;
  error.syscall = syscall;
  return error;
}

/**
 * @returns {NodeJS.ErrnoException} What Node gives to writes behind a destroy
 */
function streamDestroyed() {
  /** @type {NodeJS.ErrnoException} */
  const error = new Error('Cannot call write after a stream was destroyed');

  error.code = 'ERR_STREAM_DESTROYED';
  return error;
}

/**
 * @param {any} value What was given where a callback, or an encoding, belongs
 * @returns {TypeError} What Node says to that
 */
function unknownEncoding(value) {
  /** @type {TypeError & { code?: string }} */
  const error = new TypeError(`Unknown encoding: ${value}`);

  error.code = 'ERR_UNKNOWN_ENCODING';
  return error;
}

/**
 * That of a message whose socket went away before it had been compressed.
 *
 * @returns {Error}
 */
function compressionAborted() {
  return new Error('The socket was closed while data was being compressed');
}

module.exports = {
  compressionAborted,
  streamDestroyed,
  systemError,
  unknownEncoding
};
