'use strict';

// The other end of a WebSocket connection, without a module: it sends the bytes
// that a test gives it and records what it gets.

const { createHash } = require('node:crypto');

const { Deflating } = require('./deflating.js');
const { closePayload, describe, frame, parse } = require('./frames.js');

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

class RawPeer {
  /**
   * @param {import('node:stream').Duplex} stream A connection before its
   *     opening handshake
   * @param {boolean} isServer Whether this end plays the server
   */
  constructor(stream, isServer) {
    this.stream = stream;
    this.isServer = isServer;
    /** One line for each frame that arrived, and "gone" at the end. */
    this.log = [];
    /** The payloads of the data frames among them. */
    this.payloads = [];
    this.head = '';
    /** permessage-deflate, once it has been negotiated. */
    this.deflating = /** @type {Deflating|undefined} */ (undefined);
    this.bytes = 0;
    this.ended = false;
    this.gone = false;
    this._open = false;
    this._pieces = [];
    this._pending = 0;
    this._wanted = 0;
    this._waiting = new Set();

    stream.on('data', (chunk) => this._take(chunk));
    stream.on('end', () => {
      this.ended = true;
      this._check();
    });
    stream.on('error', (err) => {
      this.error = err.code;
    });
    stream.on('close', () => {
      this.gone = true;
      this.log.push('gone');
      this._check();
    });
  }

  /**
   * Plays the client's half of the opening handshake.
   *
   * @param {{ path?: string, head?: Buffer, headers?: string[], deflate?: string
   *     }} [options] `head` goes out in one write with the request; `deflate` is
   *     an offer of extensions
   * @return {Promise<void>} Settles when the answer has arrived
   */
  async request({ path = '/', head, headers = [], deflate } = {}) {
    const lines = [
      `GET ${path} HTTP/1.1`,
      'Host: localhost',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${KEY}`,
      'Sec-WebSocket-Version: 13',
      ...extensions(deflate),
      ...headers
    ];

    this.write(lines.join('\r\n') + '\r\n\r\n', head);
    await this.until(() => this._open, 'an answer to the handshake');
  }

  /**
   * Plays the server's half of the opening handshake.
   *
   * @param {{ head?: Buffer, headers?: string[], deflate?: string }} [options]
   *     `head` goes out in one write with the answer; `deflate` says which
   *     extension is accepted
   * @return {Promise<void>} Settles when the request has arrived and is answered
   */
  async answer({ head, headers = [], deflate } = {}) {
    await this.until(() => this._open, 'a handshake');
    this.negotiated(deflate);

    const [, key] = /sec-websocket-key: *(\S+)/i.exec(this.head);
    const accept = createHash('sha1')
      .update(key + GUID)
      .digest('base64');

    this.write(
      [
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Accept: ${accept}`,
        ...extensions(deflate),
        ...headers
      ].join('\r\n') + '\r\n\r\n',
      head
    );
  }

  /**
   * @param {string|number} kind Name or number of an opcode
   * @param {string|Buffer} [payload] What it carries
   * @param {object} [options] As `frame` takes them
   * @return {Buffer} A frame with the mask of this end
   */
  frame(kind, payload, options) {
    return frame(kind, payload, { masked: !this.isServer, ...options });
  }

  /**
   * @param {string|number} kind Name or number of an opcode
   * @param {string|Buffer} payload What it carries
   * @param {{ fin?: boolean }} [options] Whether it ends its message
   * @return {Buffer} A frame of a compressed message
   */
  compressed(kind, payload, options) {
    const data = /** @type {Deflating} */ (this.deflating).deflate(
      payload,
      options
    );

    return this.frame(kind, data, {
      rsv: kind === 'continuation' ? 0 : 4,
      ...options
    });
  }

  /**
   * @param {number} [code] The close code; none gives an empty frame
   * @param {string|Buffer} [reason] The reason
   * @return {Buffer} A close frame
   */
  closeFrame(code, reason) {
    return this.frame('close', code && closePayload(code, reason));
  }

  /**
   * Sends everything in one write, and so in one chunk if it is small.
   *
   * @param {...(string|Buffer|undefined)} parts Bytes
   * @return {boolean} What the stream's write returned
   */
  write(...parts) {
    return this.stream.write(
      Buffer.concat(parts.filter(Boolean).map((part) => Buffer.from(part)))
    );
  }

  /**
   * @param {() => boolean} condition Checked whenever data arrives
   * @param {string} [what] Its name, for the report of a test that hangs
   * @return {Promise<void>} Settles when it is true
   */
  until(condition, what = String(condition)) {
    return new Promise((resolve) => {
      this._waiting.add({ condition, what, resolve });
      this._check();
    });
  }

  /**
   * @param {number} count How many frames to wait for
   * @return {Promise<void>} Settles when they have arrived or the connection is
   *     gone
   */
  frames(count) {
    return this.until(() => this.gone || this.log.length >= count);
  }

  /** @return {Promise<void>} Settles when the connection is gone */
  closed() {
    return this.until(() => this.gone, 'the end of the connection');
  }

  /**
   * Answers a close frame and ends the connection cleanly.
   *
   * @return {Promise<void>} Settles when the connection is gone
   */
  async finish() {
    await this.until(
      () => this.gone || this.log.some((line) => line.startsWith('close')),
      'a close frame'
    );
    if (!this.gone && this.stream.writable) this.stream.end(this.closeFrame());
    await this.closed();
  }

  /**
   * @param {string} [header] The extensions that were accepted
   */
  negotiated(header = '') {
    if (header.startsWith('permessage-deflate')) {
      this.deflating = new Deflating(header, this.isServer);
    }
  }

  _take(chunk) {
    this.bytes += chunk.length;
    this._pieces.push(chunk);
    this._pending += chunk.length;

    // Joins only what can be a complete frame, so that 5 MiB take linear time.
    if (this._pending < this._wanted) return;

    let data = Buffer.concat(this._pieces);

    if (!this._open) {
      const end = data.indexOf('\r\n\r\n');

      if (end !== -1) {
        this.head = data.toString('latin1', 0, end);
        this._open = true;
        if (!this.isServer) {
          this.negotiated(
            /^sec-websocket-extensions: *(.*)$/im.exec(this.head)?.[1]
          );
        }
        data = data.subarray(end + 4);
      }
    }

    if (this._open) {
      let parsed;

      while ((parsed = parse(data)) !== undefined) {
        if (this.deflating) parsed.payload = this.deflating.inflate(parsed);
        this.log.push(describe(parsed, this.isServer));
        if (parsed.opcode < 8) this.payloads.push(parsed.payload);
        data = data.subarray(parsed.size);
      }
    }

    this._pieces = [data];
    this._pending = data.length;
    this._wanted = data.length * 2;
    if (this._wanted < 65536) this._wanted = 0;
    else this._wanted = Math.min(this._wanted, wholeFrame(data));
    this._check();
  }

  _check() {
    for (const entry of this._waiting) {
      if (entry.condition()) {
        this._waiting.delete(entry);
        entry.resolve();
      }
    }
  }
}

/**
 * @param {string} [deflate] Extensions
 * @return {string[]} The header's line
 */
function extensions(deflate) {
  return deflate ? [`Sec-WebSocket-Extensions: ${deflate}`] : [];
}

/**
 * @param {Buffer} data The start of a frame of at least 64 KiB
 * @return {number} Its total length
 */
function wholeFrame(data) {
  const length = data[1] & 127;
  const mask = data[1] & 128 ? 4 : 0;

  if (length === 127) return Number(data.readBigUInt64BE(2)) + 10 + mask;
  return length === 126 ? data.readUInt16BE(2) + 4 + mask : length + 2 + mask;
}

module.exports = { RawPeer };
