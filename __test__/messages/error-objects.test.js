// @ts-check
'use strict';

const assert = require('node:assert');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { describe, it } = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');
const { PerMessageDeflate, Receiver } = /** @type {any} */ (require('ws'));

const {
  PROTOCOL_ERRORS,
  kStatusCode,
  protocolError
} = require('../../lib/errors.js');

const TABLE = join(__dirname, '..', '..', 'tests', 'vectors', 'receiving.txt');

/**
 * @typedef {object} Vector
 * @property {string} line The line of the table
 * @property {Record<string, number | boolean>} options The receiver's options
 * @property {Buffer[][]} cuts The bytes, split in each way that is tested
 * @property {any[][]} events The expected events
 */

/**
 * @param {string} hex Bytes; `xx*n` repeats a byte n times
 * @returns {Buffer}
 */
function bytes(hex) {
  const plain = hex.replace(/(..)\*(\d+)/g, (_, byte, count) =>
    byte.repeat(Number(count))
  );

  return Buffer.from(plain.replace(/\s/g, ''), 'hex');
}

/**
 * @param {string} text One event of the table
 * @returns {any[]}
 */
function parseEvent(text) {
  const [kind, ...rest] = text.split(/\s+/);

  switch (kind) {
    case 'error':
      return [kind, describeError(protocolError(+rest[0], +(rest[2] ?? 0)))];
    case 'close':
      return [kind, Number(rest[0]), bytes(rest.slice(1).join(''))];
    case 'ping':
    case 'pong':
      return [kind, bytes(rest.join(''))];
    default: {
      const [hex, lengths] = rest.join(' ').split('(');
      const data = bytes(hex);
      const whole = data.length > 0 ? [data.length] : [];

      if (kind === 'text') return [kind, data];
      return [
        kind,
        data,
        lengths === undefined
          ? whole
          : (lengths.match(/\d+/g) ?? []).map(Number)
      ];
    }
  }
}

/**
 * @param {any} error
 * @returns {object} Everything visible in it except the stack
 */
function describeError(error) {
  const status = Object.getOwnPropertySymbols(error);

  assert.strictEqual(status.length, 1, error);
  return {
    type: error.constructor,
    name: error.name,
    message: error.message,
    code: error.code,
    keys: Object.keys(error),
    symbol: status[0].toString(),
    status: error[status[0]]
  };
}

/**
 * @param {Buffer} whole
 * @returns {Buffer[][]} The whole, its single bytes, and every split in two
 */
function everyCut(whole) {
  if (whole.length > 400) return [[whole]];

  const cuts = [[whole], Array.from(whole, (byte) => Buffer.from([byte]))];

  for (let i = 1; i < whole.length; i++) {
    cuts.push([whole.subarray(0, i), whole.subarray(i)]);
  }
  return cuts;
}

/**
 * @returns {Vector[]}
 */
function readTable() {
  return readFileSync(TABLE, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [head, tail] = line.split(' : ');
      const [hex, events] = tail.split('->');
      const [role, ...options] = head.split(' ');
      const chunks = hex.split('/').map(bytes);

      return {
        line,
        options: {
          isServer: role === 'server',
          ...Object.fromEntries(
            options.map((option) => {
              const [key, value] = option.split('=');
              return [key, Number(value)];
            })
          )
        },
        cuts: chunks.length > 1 ? [chunks] : everyCut(chunks[0]),
        events: events
          .split(',')
          .map((event) => event.trim())
          .filter((event) => event !== '')
          .map(parseEvent)
      };
    });
}

/**
 * @param {Buffer[]} chunks
 * @param {Record<string, number | boolean>} options
 * @returns {Promise<any[][]>} The events of `ws`
 */
async function received(chunks, { deflate, ...options }) {
  /** @type {any[][]} */
  const events = [];
  const extension = new PerMessageDeflate({ maxPayload: options.maxPayload });

  extension.accept([deflate ? {} : { server_no_context_takeover: [true] }]);

  /** @type {any} */
  const receiver = new /** @type {any} */ (Receiver)({
    allowSynchronousEvents: true,
    binaryType: 'fragments',
    extensions:
      deflate === undefined ? {} : { 'permessage-deflate': extension },
    ...options
  });

  receiver.on('message', (/** @type {any} */ data, /** @type {boolean} */ b) =>
    events.push(
      b
        ? [
            'binary',
            Buffer.concat(data),
            data.map((/** @type {Buffer} */ piece) => piece.length)
          ]
        : ['text', data]
    )
  );
  receiver.on('ping', (/** @type {Buffer} */ data) =>
    events.push(['ping', data])
  );
  receiver.on('pong', (/** @type {Buffer} */ data) =>
    events.push(['pong', data])
  );
  receiver.on(
    'conclude',
    (/** @type {number} */ code, /** @type {Buffer} */ reason) =>
      events.push(['close', code, reason])
  );
  receiver.on('error', (/** @type {Error} */ error) =>
    events.push(['error', describeError(error)])
  );

  const ended = new Promise((resolve) => {
    receiver.once('error', resolve);
    receiver.once('finish', resolve);
  });

  for (const chunk of chunks) {
    // A receiver that has concluded or failed gets no more data.
    if (!receiver.writable) break;
    // It unmasks in place, so each run needs its own copy.
    const written = new Promise((resolve) => {
      receiver.write(Buffer.from(chunk), resolve);
      ended.then(resolve);
    });

    // Inflating takes time.
    if (deflate !== undefined) await written;
  }
  // A stream emits its error on a later tick.
  await turn();
  receiver.removeAllListeners();
  return events;
}

describe('The errors of the protocol', () => {
  const table = readTable();

  it('are those of ws, event for event', async () => {
    for (const { line, options, cuts, events } of table) {
      for (const chunks of cuts) {
        assert.deepStrictEqual(await received(chunks, options), events, line);
      }
    }
  });

  it('each have a vector that provokes them', () => {
    const lines = table.map(({ line }) => line);

    PROTOCOL_ERRORS.forEach(({ code }, index) => {
      const name = `error ${index} ${code.replace('WS_ERR_', '')}`;

      assert.ok(
        lines.some((line) => line.includes(name)),
        name
      );
    });
  });

  it('carry the close code under a private key', () => {
    const error = /** @type {any} */ (protocolError(2, 5));

    assert.strictEqual(error[kStatusCode], 1002);
    assert.ok(error instanceof RangeError);
    assert.strictEqual(
      error.message,
      'Invalid WebSocket frame: invalid opcode 5'
    );
  });

  it('are new objects each time', () => {
    assert.notStrictEqual(protocolError(8), protocolError(8));
  });
});
