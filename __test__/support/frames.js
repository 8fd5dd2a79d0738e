'use strict';

// Builds and parses frames of RFC 6455 without the module under test, so that
// both modules meet the same peer.

const { createHash } = require('node:crypto');

const OPCODES = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10
};
const NAMES = Object.fromEntries(
  Object.entries(OPCODES).map(([name, opcode]) => [opcode, name])
);
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/**
 * @param {Buffer} data The payload, left as it is
 * @param {Buffer} mask Four bytes
 * @return {Buffer} A masked copy
 */
function applyMask(data, mask) {
  const out = Buffer.allocUnsafe(data.length);

  for (let i = 0; i < data.length; i++) out[i] = data[i] ^ mask[i & 3];

  return out;
}

/**
 * @param {string|number} kind A name of OPCODES, or the number itself
 * @param {string|Buffer} [payload] What it carries
 * @param {{ fin?: boolean, rsv?: number, masked?: boolean, length?: number }}
 *     [options] `rsv` holds the three bits as 4, 2 and 1; `length` replaces the
 *     true one in the header
 * @return {Buffer} The frame
 */
function frame(kind, payload = '', options = {}) {
  const { fin = true, rsv = 0, masked = false } = options;
  const data = Buffer.from(payload);
  const length = options.length ?? data.length;
  const opcode = typeof kind === 'number' ? kind : OPCODES[kind];
  let head;

  if (length < 126) {
    head = Buffer.from([0, length]);
  } else if (length < 65536) {
    head = Buffer.from([0, 126, length >> 8, length & 255]);
  } else {
    head = Buffer.alloc(10);
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }

  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;

  if (!masked) return Buffer.concat([head, data]);

  head[1] |= 0x80;
  return Buffer.concat([head, MASK, applyMask(data, MASK)]);
}

/**
 * @param {number} code A close code
 * @param {string|Buffer} [reason] Its reason
 * @return {Buffer} The payload of a close frame
 */
function closePayload(code, reason = '') {
  const head = Buffer.alloc(2);

  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

/**
 * @param {Buffer} data Any bytes
 * @return {string} The bytes themselves if short and printable, else their digest
 */
function digest(data) {
  const text = data.toString('latin1');

  if (data.length <= 40 && /^[ -~]*$/.test(text)) return JSON.stringify(text);
  if (data.length <= 40) return data.toString('hex');

  const hash = createHash('sha1').update(data).digest('hex');
  return `${data.length} bytes ${hash.slice(0, 8)}`;
}

/**
 * Takes one frame off the front of some bytes.
 *
 * @param {Buffer} data Bytes from the wire
 * @return {{ opcode: number, fin: boolean, rsv: number, masked: boolean, payload:
 *     Buffer, size: number }|undefined} Undefined if it is not complete yet
 */
function parse(data) {
  if (data.length < 2) return undefined;

  let length = data[1] & 127;
  let offset = 2;

  if (length === 126) {
    if (data.length < 4) return undefined;
    length = data.readUInt16BE(2);
    offset = 4;
  } else if (length === 127) {
    if (data.length < 10) return undefined;
    length = Number(data.readBigUInt64BE(2));
    offset = 10;
  }

  const masked = (data[1] & 128) !== 0;
  const start = masked ? offset + 4 : offset;

  if (data.length < start + length) return undefined;

  const body = data.subarray(start, start + length);

  return {
    opcode: data[0] & 15,
    fin: data[0] >= 128,
    rsv: (data[0] >> 4) & 7,
    masked,
    payload: masked ? applyMask(body, data.subarray(offset, start)) : body,
    size: start + length
  };
}

/**
 * @param {NonNullable<ReturnType<typeof parse>>} parsed A frame
 * @param {boolean} masked Whether it had to be masked
 * @return {string} One line about it
 */
function describe(parsed, masked) {
  const { opcode, payload } = parsed;
  let line = NAMES[opcode] ?? `opcode ${opcode}`;

  if (!parsed.fin) line += ' (more)';
  if (parsed.rsv !== 0) line += ` (rsv ${parsed.rsv})`;
  if (parsed.masked !== masked) line += masked ? ' (bare)' : ' (masked)';

  if (opcode === OPCODES.close && payload.length >= 2) {
    const reason = digest(payload.subarray(2));
    return `${line} ${payload.readUInt16BE(0)} ${reason}`;
  }

  return `${line} ${digest(payload)}`;
}

module.exports = { closePayload, describe, digest, frame, parse };
