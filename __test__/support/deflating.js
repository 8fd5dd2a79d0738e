'use strict';

// permessage-deflate (RFC 7692) for the raw peer, with the zlib of Node.js.
// Earlier data is passed as the dictionary.

const zlib = require('node:zlib');

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const SYNC = { finishFlush: zlib.constants.Z_SYNC_FLUSH };

class Deflating {
  /**
   * @param {string} negotiated The extension and its parameters, as in the answer
   *     to the handshake
   * @param {boolean} isServer Whether the peer plays the server
   */
  constructor(negotiated, isServer) {
    const [own, other] = isServer ? ['server', 'client'] : ['client', 'server'];

    this._out = direction(negotiated, own);
    this._in = direction(negotiated, other);
    /** The frames of the current message so far, and their data. */
    this._frames = /** @type {Buffer[]} */ ([]);
    this._given = 0;
    this._inflating = false;
  }

  /**
   * @param {string|Buffer} plain The payload of a frame
   * @param {{ fin?: boolean }} [options] Whether it ends its message
   * @return {Buffer} The same, compressed
   */
  deflate(plain, { fin = true } = {}) {
    const data = Buffer.from(plain);
    const { dictionary, windowBits } = this._out;
    const all = zlib.deflateRawSync(data, {
      ...SYNC,
      // Node.js does not support a window of eight bits either.
      windowBits: Math.max(windowBits, 9),
      dictionary
    });

    remember(this._out, data);
    return fin ? all.subarray(0, -4) : all;
  }

  /**
   * Processes a frame that has arrived.
   *
   * @param {{ opcode: number, fin: boolean, rsv: number, payload: Buffer }}
   *     parsed The frame
   * @return {Buffer} Its payload, plain
   */
  inflate({ opcode, fin, rsv, payload }) {
    if (opcode >= 8) return payload;
    if (opcode !== 0) this._inflating = (rsv & 4) !== 0;
    if (!this._inflating) return payload;

    this._frames.push(payload);

    const { dictionary, windowBits } = this._in;
    const tail = fin ? [TAIL] : [];
    const all = zlib.inflateRawSync(Buffer.concat([...this._frames, ...tail]), {
      ...SYNC,
      windowBits,
      dictionary
    });
    const plain = all.subarray(this._given);

    this._given = all.length;
    if (fin) {
      remember(this._in, all);
      this._frames = [];
      this._given = 0;
    }
    return plain;
  }
}

/**
 * @param {string} negotiated The extension and its parameters
 * @param {string} sender The side that sends
 * @return {{ windowBits: number, takeover: boolean, dictionary: Buffer|undefined
 *     }}
 */
function direction(negotiated, sender) {
  const bits = new RegExp(`${sender}_max_window_bits="?(\\d+)`).exec(
    negotiated
  );

  return {
    windowBits: bits ? Number(bits[1]) : 15,
    takeover: !negotiated.includes(`${sender}_no_context_takeover`),
    dictionary: undefined
  };
}

/**
 * @param {ReturnType<typeof direction>} direction The direction
 * @param {Buffer} plain The bytes
 */
function remember(direction, plain) {
  if (!direction.takeover) return;

  const all = Buffer.concat([direction.dictionary ?? Buffer.alloc(0), plain]);
  const rest = all.subarray(-(2 ** direction.windowBits));

  direction.dictionary = rest.length > 0 ? rest : undefined;
}

module.exports = { Deflating };
