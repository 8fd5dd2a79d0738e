// @ts-check
'use strict';

// The value of the Sec-WebSocket-Protocol header.

const HeaderScanner = require('./header-scanner.js');

/**
 * Parses the header.
 *
 * @param {string} header The value of the header
 * @returns {Set<string>} The subprotocols, in their order
 * @throws {SyntaxError} When the header is not well-formed, or names a
 *     subprotocol twice
 */
function parse(header) {
  const scanner = new HeaderScanner(header);
  const protocols = new Set();

  do {
    const protocol = scanner.token();
    const separator = scanner.separator(',');

    if (protocols.has(protocol)) {
      throw new SyntaxError(`The "${protocol}" subprotocol is duplicated`);
    }

    protocols.add(protocol);

    if (separator === '') return protocols;
  } while (true);
}

module.exports = { parse };
