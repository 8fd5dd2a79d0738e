'use strict';

// Plays one scenario with `ws` and with this package, and compares what was
// seen. A scenario is a function of the module and of a notebook; what it
// notes, and what it returns, must be the same both times. With PARITY_SHOW in
// the environment, what `ws` does is printed.

const assert = require('node:assert');
const test = require('node:test');
const { inspect } = require('node:util');

const reference = require('ws');
const subject = require('../../index.js');

/** How long a scenario may take before it counts as hanging. */
const TIME_LIMIT = 20000;

/** What is seen while a scenario plays. */
class Notebook {
  constructor() {
    this.lines = [];
    this._cleanups = [];
    this._ports = new Map();
  }

  /**
   * Writes a line.
   *
   * @param {...any} parts What was seen
   */
  note(...parts) {
    this.lines.push(this.hidePorts(parts.map(show).join(' ')));
  }

  /**
   * Has a port, which differs from play to play, written as its number in the
   * order of appearance.
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
   * @return {string} The line without the ports of this play
   */
  hidePorts(text) {
    for (const [port, name] of this._ports) {
      text = text.replaceAll(port, name);
    }

    return text;
  }

  /**
   * Writes down what becomes of a WebSocket.
   *
   * @param {any} ws The WebSocket
   * @param {string} [prefix] Put before each line
   * @return {Promise<void>} It is closed
   */
  watch(ws, prefix = '') {
    const note = (event, ...parts) => this.note(prefix + event, ...parts);

    ws.on('upgrade', (response) => {
      note('upgrade', response.statusCode, 'state', ws.readyState);
    });
    ws.on('open', () => {
      note('open', ws.readyState, ws.protocol, ws._req === null);
    });
    ws.on('message', (data, isBinary) => note('message', data, isBinary));
    ws.on('error', (error) => {
      note('error', error, 'state', ws.readyState, ws._socket === null);
    });

    return new Promise((resolve) => {
      ws.on('close', (code, reason) => {
        note('close', code, reason, 'state', ws.readyState, ws._redirects);
        resolve();
      });
    });
  }

  /**
   * Does something, and writes down what it gives or throws.
   *
   * @param {string} title Put before it
   * @param {() => any} action What to do
   * @return {any} What it gave
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
   * @param {() => any} cleanup To be done after the play, the last one first
   */
  defer(cleanup) {
    this._cleanups.push(cleanup);
  }

  /** Does what was deferred. */
  async clean() {
    for (const cleanup of this._cleanups.reverse()) await cleanup();
  }
}

/**
 * @param {any} value Something seen
 * @return {string} The same in text
 */
function show(value) {
  if (typeof value === 'string') return value;
  if (value instanceof Error) {
    return [value.name, value.code, JSON.stringify(value.message)]
      .filter((part) => part !== undefined)
      .join(' ');
  }

  return inspect(value, { breakLength: Infinity, depth: 6 });
}

/**
 * Tests that a scenario goes the same way with both modules.
 *
 * @param {string} name The name of the test
 * @param {(WebSocket: any, notebook: Notebook) => any} scenario The scenario;
 *     what it returns is compared too
 */
function parity(name, scenario) {
  test(name, { timeout: TIME_LIMIT }, async () => {
    const seen = [];

    for (const WebSocket of [reference, subject]) {
      const notebook = new Notebook();

      try {
        const result = await scenario(WebSocket, notebook);

        seen.push({ lines: notebook.lines, result });
      } finally {
        await notebook.clean();
      }
    }

    if (process.env.PARITY_SHOW) console.log(name, inspect(seen[0]));

    assert.deepStrictEqual(seen[1], seen[0]);
  });
}

module.exports = { parity, reference, subject };
