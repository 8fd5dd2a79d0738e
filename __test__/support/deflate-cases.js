'use strict';

// A program that feeds random connections to a module's Receiver and prints the
// events of each as a line of JSON. Its arguments are the module, a kind of
// `KINDS`, the count and the seed.

const zlib = require('node:zlib');

const { digest, frame } = require('./frames.js');
const { random } = require('./random.js');

/** How many cases run concurrently. */
const BATCH = 24;

const WORDS = ['alpha ', 'beta ', '{"id":', '12', '},', 'z'.repeat(30), 'é'];

/**
 * The random input of a connection.
 *
 * @typedef {object} Case
 * @property {object} parameters Those of the extension
 * @property {number} maxPayload
 * @property {Buffer[]} frames
 */

class Maker {
  /**
   * @param {number} seed
   */
  constructor(seed) {
    this._random = random(seed);
  }

  /**
   * @param {number} limit
   * @return {number} A number from 0 to below it
   */
  below(limit) {
    return Math.floor(this._random() * limit);
  }

  /**
   * @param {number} length
   * @return {Buffer}
   */
  noise(length) {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  /**
   * @param {number} length
   * @return {Buffer}
   */
  plain(length) {
    if (this.below(4) === 0) return this.noise(length);

    let text = '';

    while (text.length < length) text += WORDS[this.below(WORDS.length)];
    return Buffer.from(text.slice(0, length));
  }

  /**
   * @param {Buffer} plain
   * @param {Buffer} dictionary Data that it may refer to
   * @return {Buffer} The payload of a message
   */
  deflated(plain, dictionary) {
    return zlib
      .deflateRawSync(plain, {
        level: this.below(10),
        strategy: this.below(5),
        memLevel: 1 + this.below(9),
        finishFlush: zlib.constants.Z_SYNC_FLUSH,
        ...(dictionary.length > 0 && { dictionary })
      })
      .subarray(0, -4);
  }

  /**
   * @param {Buffer} payload
   * @return {Buffer} A copy with up to three errors
   */
  changed(payload) {
    let bytes = Buffer.from(payload);

    for (let left = 1 + this.below(3); left > 0; left--) {
      const at = this.below(bytes.length);
      const change = this.below(5);

      if (bytes.length === 0 || change === 0) {
        bytes = Buffer.concat([bytes, this.noise(1 + this.below(4))]);
      } else if (change === 1) bytes = bytes.subarray(0, at);
      else if (change === 2) bytes[at] = this.below(256);
      else if (change === 3) bytes[at] ^= 1 << this.below(8);
      else
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    }

    return bytes;
  }

  /**
   * @param {Buffer} payload
   * @return {Buffer[]} The frames of a message
   */
  frames(payload) {
    const kind = this.below(4) === 0 ? 'text' : 'binary';
    const count = this.below(3) === 0 ? 1 + this.below(4) : 1;
    const frames = [];
    let from = 0;

    for (let i = 1; i <= count; i++) {
      const to =
        i === count ? payload.length : from + this.below(payload.length - from);

      frames.push(
        frame(i === 1 ? kind : 'continuation', payload.subarray(from, to), {
          fin: i === count,
          rsv: i === 1 ? 4 : 0
        })
      );
      from = to;
    }

    return frames;
  }

  /** @return {Case} Noise, which zlib rejects */
  noisy() {
    return {
      parameters: {},
      maxPayload: 0,
      frames: this.frames(this.noise(60 + this.below(180)))
    };
  }

  /**
   * @param {number} maxPayload
   * @return {Case} Messages, some of them invalid
   */
  mixed(maxPayload) {
    const takeover = this.below(4) > 0;
    const frames = [];
    let dictionary = Buffer.alloc(0);

    for (let left = 1 + this.below(6); left > 0; left--) {
      const plain = this.plain(
        this.below([10, 100, 1000, 40000][this.below(4)])
      );
      let payload = this.deflated(
        plain,
        takeover ? dictionary : Buffer.alloc(0)
      );

      switch (this.below(8)) {
        case 0:
          payload = this.noise(this.below(this.below(2) ? 4 : 200));
          break;
        case 1:
          payload = this.changed(payload);
          break;
        case 2:
          // Its last block, and perhaps the byte behind it.
          payload = Buffer.concat([
            zlib.deflateRawSync(plain.subarray(0, 100)),
            Buffer.alloc(this.below(2))
          ]);
          break;
        case 3:
          payload = payload.subarray(0, -1);
          break;
        default:
          dictionary = Buffer.concat([dictionary, plain]).subarray(-32768);
      }

      frames.push(...this.frames(payload));
      if (this.below(8) === 0) frames.push(frame('text', 'plain'));
    }

    return {
      parameters: takeover ? {} : { server_no_context_takeover: [true] },
      maxPayload,
      frames
    };
  }
}

/**
 * @param {any} module `ws` or ours
 * @param {Case} each The case
 * @return {Promise<string[]>} Its events
 */
function play({ PerMessageDeflate, Receiver }, each) {
  const { maxPayload, parameters, frames } = each;
  const extension = new PerMessageDeflate({ maxPayload });

  extension.accept([structuredClone(parameters)]);

  const receiver = new Receiver({
    extensions: { [PerMessageDeflate.extensionName]: extension },
    maxPayload
  });
  const seen = [];

  return new Promise((resolve) => {
    const end = () => {
      setImmediate(() => {
        extension.cleanup();
        resolve(seen);
      });
    };

    receiver.on('message', (data, isBinary) => {
      seen.push(`${isBinary ? 'binary' : 'text'} ${digest(data)}`);
    });
    receiver.on('conclude', () => {
      seen.push('conclude');
      end();
    });
    receiver.on('error', (err) => {
      const status = Object.getOwnPropertySymbols(err).map((key) => err[key]);

      seen.push(
        `${err.name} ${err.code} ${err.errno} ${status} ${err.message}`
      );
      end();
    });

    for (const bytes of frames) receiver.write(bytes);
    receiver.write(frame('close'));
  });
}

/** @type {Record<string, (maker: Maker) => Case>} */
const KINDS = {
  noise: (maker) => maker.noisy(),
  mixed: (maker) => maker.mixed(0),
  limited: (maker) => maker.mixed([10, 100, 1000][maker.below(3)])
};

/**
 * @param {string} modulePath
 * @param {string} kind
 * @param {number} count
 * @param {number} seed
 */
async function main(modulePath, kind, count, seed) {
  const module = require(modulePath);
  const maker = new Maker(seed);

  for (let done = 0; done < count; done += BATCH) {
    const cases = Array.from({ length: BATCH }, () => KINDS[kind](maker));
    const seen = await Promise.all(cases.map((each) => play(module, each)));

    seen.forEach((lines, index) => {
      const frames = cases[index].frames.map((bytes) => bytes.toString('hex'));

      process.stdout.write(
        `${JSON.stringify({ ...cases[index], frames, seen: lines })}\n`
      );
    });
  }
}

if (require.main === module) {
  const [modulePath, kind, count, seed] = process.argv.slice(2);

  // If a message is both too long and corrupt, `ws` may fail after its report.
  if (modulePath === require.resolve('ws')) {
    process.on('uncaughtException', () => {});
  }
  main(modulePath, kind, Number(count), Number(seed));
}
