// @ts-check
'use strict';

// Checks of single values that come from a peer or from the user.

// RFC 7230 3.2.6: what a token, such as a subprotocol, may consist of.
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * Tells whether a text is a token of HTTP.
 *
 * @param {any} value The text
 * @returns {boolean}
 */
function isToken(value) {
  return typeof value === 'string' && TOKEN.test(value);
}

/**
 * Tells whether a close code may appear on the wire (RFC 6455 7.4): those in
 * use of the protocol's own range, and the ranges for others.
 *
 * @param {any} code The close code
 * @returns {boolean}
 */
function isValidStatusCode(code) {
  return (
    (code >= 1000 &&
      code <= 1014 &&
      code !== 1004 &&
      code !== 1005 &&
      code !== 1006) ||
    (code >= 3000 && code <= 4999)
  );
}

/**
 * Tells whether a value is a Blob, Node's or one of a library.
 *
 * @param {any} value The value
 * @returns {boolean}
 */
function isBlob(value) {
  return (
    typeof value === 'object' &&
    typeof value.arrayBuffer === 'function' &&
    typeof value.type === 'string' &&
    typeof value.stream === 'function' &&
    /^(Blob|File)$/.test(value[Symbol.toStringTag])
  );
}

module.exports = { isBlob, isToken, isValidStatusCode };
