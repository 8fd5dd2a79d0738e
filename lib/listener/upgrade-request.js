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

/** Node's constructor is running, and assigns the placeholder. */
let constructing = false;

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
      return this._readableState[kVisitor].socket;
    },
    set(value) {
      if (constructing) return;
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

/**
 * An object for Node's constructor, which has the properties that this assigns, in
 * their order; so an accessor is in its place from the beginning. To put it there
 * later would cost more.
 *
 * @this {any}
 */
function Frame() {
  this._events = undefined;
  this._readableState = undefined;
  this._maxListeners = undefined;
  Object.defineProperty(this, 'socket', LAZY_SOCKET);
  this.httpVersionMajor = null;
  this.httpVersionMinor = null;
  this.httpVersion = null;
  this.complete = false;
  this.rawHeaders = undefined;
  this.rawTrailers = undefined;
  this.joinDuplicateHeaders = false;
  this.aborted = false;
  this.upgrade = null;
  this.url = '';
  this.method = null;
  this.statusCode = null;
  this.statusMessage = null;
  Object.defineProperty(this, 'client', LAZY_CLIENT);
}

const { IncomingMessage } = http;

Frame.prototype = IncomingMessage.prototype;

/**
 * @param {import('./pending-upgrade.js').Visitor} visitor
 * @param {string[]} parts The target, then names and values of the headers
 * @returns {http.IncomingMessage}
 */
function makeRequest(visitor, parts) {
  const request = new /** @type {any} */ (Frame)();

  constructing = true;
  try {
    IncomingMessage.call(request, placeholder);
  } finally {
    constructing = false;
  }

  // Not among its own keys, which are Node's.
  request._readableState[kVisitor] = visitor;
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
  return request;
}

/**
 * @returns {boolean} Whether this Node.js makes its requests as it is assumed
 *   here
 */
function isSupported() {
  const seen = Symbol('seen');
  const visitor = /** @type {any} */ ({ socket: seen });

  try {
    const request = /** @type {any} */ (makeRequest(visitor, ['/', 'A', 'b']));
    const real = /** @type {any} */ (new IncomingMessage(placeholder));

    real.parser = null;

    const keys = Reflect.ownKeys(request);

    return (
      Reflect.ownKeys(real).every((key, i) => keys[i] === key) &&
      request.socket === seen &&
      request.client === seen &&
      request.headers.a === 'b'
    );
  } catch {
    return false;
  }
}

module.exports = { isSupported, makeRequest };
