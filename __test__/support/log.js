'use strict';

// What one module does in a scenario, as lines of text that can be compared.

const { inspect } = require('node:util');

const { digest } = require('./frames.js');

/**
 * @param {any} value A value that a scenario has seen
 * @return {string} One line about it
 */
function show(value) {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Buffer.isBuffer(value)) return digest(value);
  if (value instanceof ArrayBuffer) {
    return `ArrayBuffer ${digest(Buffer.from(value))}`;
  }
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (value instanceof Error) return showError(value);
  return inspect(value, { breakLength: Infinity, depth: 6 });
}

/**
 * @param {any} err An error
 * @return {string} Class, code, numbers under private keys, and message
 */
function showError(err) {
  const secrets = Object.getOwnPropertySymbols(err)
    .map((symbol) => err[symbol])
    .filter((value) => typeof value === 'number');

  return [err.name, err.code, ...secrets, JSON.stringify(err.message)]
    .filter((part) => part !== undefined)
    .join(' ');
}

/** The record of one module, and what has to be cleaned up after it. */
class Log {
  /**
   * @param {string} modulePath The module under test
   */
  constructor(modulePath) {
    this.modulePath = modulePath;
    this.WebSocket = require(modulePath);
    this.log = [];
    this._cleanups = [];
    this._ports = new Map();
  }

  /**
   * Adds a line.
   *
   * @param {...any} parts What was seen; text stands as it is
   */
  note(...parts) {
    const line = parts
      .map((part) => (typeof part === 'string' ? part : show(part)))
      .join(' ');

    this.log.push(this._hidePorts(line));
  }

  /**
   * Calls a function, and notes what it returns or throws.
   *
   * @param {string} title Put before it
   * @param {() => any} action The function
   * @return {any} What it returned
   */
  attempt(title, action) {
    try {
      const result = action();

      this.note(title, 'gives', result);

      return result;
    } catch (error) {
      this.note(title, 'throws', error);
    }
  }

  /**
   * Replaces a port in all later lines by its number in the order of appearance,
   * because ports differ from run to run.
   *
   * @param {number} port The port
   * @return {number} The port
   */
  seePort(port) {
    this._ports.set(String(port), `PORT${this._ports.size}`);

    return port;
  }

  /**
   * @param {string} text A line
   * @return {string} The line without the ports of this run
   */
  _hidePorts(text) {
    for (const [port, name] of this._ports) {
      text = text.replaceAll(port, name);
    }

    return text;
  }

  /**
   * @param {() => any} cleanup Runs after the scenario, the last one first
   */
  defer(cleanup) {
    this._cleanups.push(cleanup);
  }

  /**
   * Runs every cleanup, and throws what the first failing one threw.
   */
  async cleanUp() {
    const failures = [];

    while (this._cleanups.length > 0) {
      try {
        await this._cleanups.pop()();
      } catch (err) {
        failures.push(err);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

module.exports = { Log };
