// @ts-check
'use strict';

/**
 * A request for an upgrade that the engine has read. It is an
 * `http.IncomingMessage` in the state in which Node's 'upgrade' event hands one
 * out, but for its socket: there is one from the moment somebody asks for it.
 */

const http = require('http');
const { getDefaultHighWaterMark } = require('stream');

const kVisitor = Symbol('visitor');

/** Stands for the socket while Node's constructor runs. */
const placeholder = /** @type {any} */ ({
  readableHighWaterMark: getDefaultHighWaterMark?.(false) ?? 16 * 1024
});

/**
 * Properties of Node's that hold the socket. One pair of functions serves all
 * requests.
 *
 * @param {string} name
 * @returns {PropertyDescriptor & ThisType<any>}
 */
function lazily(name) {
  return {
    configurable: true,
    enumerable: true,
    get() {
      return this[kVisitor].socket;
    },
    set(value) {
      Object.defineProperty(this, name, {
        configurable: true,
        enumerable: true,
        value,
        writable: true
      });
    }
  };
}

const LAZY_SOCKET = lazily('socket');
const LAZY_CLIENT = lazily('client');

class UpgradeRequest extends http.IncomingMessage {
  /**
   * @param {import('./visitor.js').Visitor} visitor
   * @param {string[]} parts The target, then names and values of the headers
   */
  constructor(visitor, parts) {
    super(placeholder);

    const request = /** @type {any} */ (this);

    request[kVisitor] = visitor;
    request.httpVersionMajor = 1;
    request.httpVersionMinor = 1;
    request.httpVersion = '1.1';
    // eslint-disable-next-line no-restricted-syntax -- of a request's head, once
    request.url = /** @type {string} */ (parts.shift());
    request.upgrade = true;
    request.method = 'GET';
    request.joinDuplicateHeaders = null;
    request.parser = null;
    request._addHeaderLines(parts, parts.length);
    request.complete = true;
    request.push(null);
  }
}

Object.defineProperties(UpgradeRequest.prototype, {
  // Who asks for the class is told Node's.
  constructor: {
    configurable: true,
    value: http.IncomingMessage,
    writable: true
  },
  // What Node's constructor assigns becomes a property of the request's own,
  // as it is with Node.
  socket: {
    configurable: true,
    set() {
      Object.defineProperty(this, 'socket', LAZY_SOCKET);
    }
  },
  client: {
    configurable: true,
    set() {
      Object.defineProperty(this, 'client', LAZY_CLIENT);
    }
  }
});

/**
 * @returns {boolean} Whether this Node.js makes its requests as it is assumed
 *   here
 */
function isSupported() {
  const seen = Symbol('seen');
  const visitor = /** @type {any} */ ({ socket: seen });

  try {
    const request = /** @type {any} */ (
      new UpgradeRequest(visitor, ['/', 'A', 'b'])
    );

    return (
      Object.hasOwn(request, 'socket') &&
      request.socket === seen &&
      request.headers.a === 'b'
    );
  } catch {
    return false;
  }
}

module.exports = { UpgradeRequest, isSupported };
