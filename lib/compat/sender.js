// @ts-check
'use strict';

// The class that `ws` exports for building and sending frames. The WebSockets
// of this package send through the engine; this class is for those who frame
// by hand, above all with `Sender.frame`, and write to a stream of their own.
// Its methods call each other by their names in `ws`: people replace them.

const { callAll } = require('../connection/ack-queue.js');
const closePayload = require('../connection/close-payload.js');
const {
  MAX_CONTROL_PAYLOAD,
  NOOP,
  OPCODE,
  kWebSocket
} = require('../constants.js');
const { Fifo } = require('../connection/fifo.js');
const { sizeOf, toBuffer, tooLong } = require('../connection/sender.js');
const { isBlob } = require('../validation.js');
const { frame, kByteLength } = require('./frame.js');
const { extensionName } = require('./permessage-deflate.js');

const { BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT } = OPCODE;

/** `_state`: what keeps the next frame from being written. */
const READY = 0;
const COMPRESSING = 1;
const READING_BLOB = 2;

/** `_queue` is an array, which `shift` takes long for once it is longer. */
const MAX_QUEUE = 8192;

/**
 * What the `_queue` of a sender has no room for.
 *
 * @type {WeakMap<object, Fifo<any[]>>}
 */
const overflows = new WeakMap();

/**
 * The senders whose `dequeue` is at work, further down the stack.
 *
 * @type {WeakSet<object>}
 */
const dequeuing = new WeakSet();

/**
 * @typedef {(error?: Error | null) => void} Callback
 */

/**
 * @typedef {import('./frame.js').FrameOptions} FrameOptions
 */

class Sender {
  /**
   * @param {any} socket The stream to write to
   * @param {{ [name: string]: any }} [extensions] The extensions in use
   * @param {(mask: Buffer) => void} [generateMask] Fills the masks
   */
  constructor(socket, extensions, generateMask) {
    this._extensions = extensions || {};

    if (generateMask) {
      this._generateMask = generateMask;
      this._maskBuffer = Buffer.alloc(4);
    }

    this._socket = socket;
    this._firstFragment = true;
    /** @type {boolean | undefined} */
    this._compress = false;
    this._bufferedBytes = 0;
    /** @type {any[][]} Methods with their arguments */
    this._queue = [];
    this._state = READY;
    /** @type {(error: Error) => void} */
    this.onerror = NOOP;
    /** @type {any} */ (this)[kWebSocket] = undefined;
  }

  /**
   * Builds a frame.
   *
   * @param {any} data The payload
   * @param {FrameOptions} options What the frame is like
   * @returns {any[]} The bytes of the frame in one or two pieces
   */
  static frame(data, options) {
    return frame(data, options);
  }

  /**
   * Sends a close frame.
   *
   * @param {number} [code] The close code
   * @param {string | Buffer} [data] The reason
   * @param {boolean} [mask] Mask the payload
   * @param {Callback} [cb] Called when the frame has been written
   */
  close(code, data, mask, cb) {
    const payload = closePayload(code, data);

    control(this, payload, describe(this, CLOSE, payload, mask), cb);
  }

  /**
   * Sends a ping.
   *
   * @param {any} data The payload
   * @param {boolean} [mask] Mask the payload
   * @param {Callback} [cb] Called when the frame has been written
   */
  ping(data, mask, cb) {
    sendProbe(this, PING, data, mask, cb);
  }

  /**
   * Sends a pong.
   *
   * @param {any} data The payload
   * @param {boolean} [mask] Mask the payload
   * @param {Callback} [cb] Called when the frame has been written
   */
  pong(data, mask, cb) {
    sendProbe(this, PONG, data, mask, cb);
  }

  /**
   * Sends a message, or a fragment of one.
   *
   * @param {any} data The message
   * @param {{ binary?: boolean, compress?: boolean, fin?: boolean,
   *     mask?: boolean }} options What it is like
   * @param {Callback} [cb] Called when the frame has been written
   */
  send(data, options, cb) {
    const opcode = options.binary ? BINARY : TEXT;
    const payload = toPayload(data);
    const frame = describe(this, opcode, payload, options.mask);
    const deflate = this._extensions[extensionName];

    frame.fin = options.fin;
    frame.readOnly = isUsers(data);

    if (this._firstFragment) {
      this._firstFragment = false;
      // What the first fragment is decides for the message.
      this._compress = wantsCompression(deflate, payload, options);
      frame.rsv1 = this._compress;
    } else {
      frame.opcode = CONTINUATION;
    }

    if (options.fin) this._firstFragment = true;

    const method = isBlob(payload) ? this.getBlobData : this.dispatch;

    inTurn(this, method, [payload, this._compress, frame, cb]);
  }

  /**
   * Reads a Blob and sends it; what is sent meanwhile waits.
   *
   * @param {any} blob The payload
   * @param {boolean | undefined} compress Compress it
   * @param {FrameOptions} options What the frame is like
   * @param {Callback} [cb] Called when it has been written
   */
  getBlobData(blob, compress, options, cb) {
    const size = /** @type {any} */ (options)[kByteLength];

    this._bufferedBytes += size;
    this._state = READING_BLOB;

    blob
      .arrayBuffer()
      .then((/** @type {ArrayBuffer} */ memory) => {
        if (this._socket.destroyed) {
          // Out of the promise, where a throwing callback would be swallowed.
          process.nextTick(
            callBack,
            this,
            new Error('The socket was closed while the blob was being read'),
            cb
          );
          return;
        }

        const data = toBuffer(memory);

        this._bufferedBytes -= size;
        this._state = READY;

        if (compress) {
          this.dispatch(data, compress, options, cb);
        } else {
          this.sendFrame(Sender.frame(data, options), cb);
          this.dequeue();
        }
      })
      .catch((/** @type {Error} */ error) => {
        process.nextTick(fail, this, error, cb);
      });
  }

  /**
   * Sends a message, or a fragment, whose turn it is.
   *
   * @param {any} data The payload
   * @param {boolean | undefined} compress Compress it
   * @param {FrameOptions} options What the frame is like
   * @param {Callback} [cb] Called when it has been written
   */
  dispatch(data, compress, options, cb) {
    if (!compress) {
      this.sendFrame(Sender.frame(data, options), cb);
      return;
    }

    const deflate = this._extensions[extensionName];
    const size = /** @type {any} */ (options)[kByteLength];

    this._bufferedBytes += size;
    this._state = COMPRESSING;

    deflate.compress(
      data,
      options.fin,
      (/** @type {Error | null} */ error, /** @type {Buffer} */ result) => {
        if (this._socket.destroyed) {
          callBack(
            this,
            new Error('The socket was closed while data was being compressed'),
            cb
          );
          return;
        }

        if (error) {
          fail(this, error, cb);
          return;
        }

        this._bufferedBytes -= size;
        this._state = READY;
        // What came out of the compressor is nobody else's.
        options.readOnly = false;
        this.sendFrame(Sender.frame(result, options), cb);
        this.dequeue();
      }
    );
  }

  /** Sends what has waited, as far as nothing new is in the way. */
  dequeue() {
    // Not in one of its own calls: so many fit on no stack.
    if (dequeuing.has(this)) return;

    dequeuing.add(this);

    try {
      while (this._state === READY && this._queue.length > 0) {
        // eslint-disable-next-line no-restricted-syntax -- short (MAX_QUEUE)
        const [method, ...args] = /** @type {any[]} */ (this._queue.shift());

        refill(this);
        this._bufferedBytes -= args[2][kByteLength];
        // eslint-disable-next-line no-restricted-syntax -- of a method of ours
        Reflect.apply(method, this, args);
      }
    } finally {
      dequeuing.delete(this);
    }
  }

  /**
   * Lets something wait.
   *
   * @param {any[]} params A method of this class and its arguments
   */
  enqueue(params) {
    this._bufferedBytes += params[3][kByteLength];

    if (this._queue.length < MAX_QUEUE && !overflows.has(this)) {
      this._queue.push(params);
      return;
    }

    const overflow = overflows.get(this) ?? new Fifo();

    overflows.set(this, overflow);
    overflow.push(params);
  }

  /**
   * Writes a frame.
   *
   * @param {any[]} list Its pieces
   * @param {Callback} [cb] Called when it has been written
   */
  sendFrame(list, cb) {
    const { sendList } = /** @type {any} */ (this);

    // That of a WebSocket, whose frames the engine queues.
    if (sendList !== undefined) {
      sendList.call(this, list, cb);
      return;
    }

    if (list.length === 1) {
      this._socket.write(list[0], cb);
      return;
    }

    this._socket.cork();
    this._socket.write(list[0]);
    this._socket.write(list[1], cb);
    this._socket.uncork();
  }
}

/**
 * Sends a ping or a pong.
 *
 * @param {Sender} sender
 * @param {number} opcode Which of them
 * @param {any} data The payload
 * @param {boolean} [mask] Mask the payload
 * @param {Callback} [cb] Called when the frame has been written
 */
function sendProbe(sender, opcode, data, mask, cb) {
  const payload = toPayload(data);

  if (sizeOf(payload) > MAX_CONTROL_PAYLOAD) throw tooLong();

  const options = describe(sender, opcode, payload, mask);

  options.readOnly = isUsers(data);
  control(sender, payload, options, cb);
}

/**
 * Sends a control frame in its turn.
 *
 * @param {Sender} sender
 * @param {any} payload The payload
 * @param {FrameOptions} options What the frame is like
 * @param {Callback} [cb] Called when the frame has been written
 */
function control(sender, payload, options, cb) {
  if (isBlob(payload)) {
    inTurn(sender, sender.getBlobData, [payload, false, options, cb]);
  } else if (sender._state === READY) {
    sender.sendFrame(Sender.frame(payload, options), cb);
  } else {
    sender.enqueue([sender.dispatch, payload, false, options, cb]);
  }
}

/**
 * @param {Sender} sender
 * @param {(...args: any[]) => void} method A method of it
 * @param {any[]} args Its arguments
 */
function inTurn(sender, method, args) {
  // eslint-disable-next-line no-restricted-syntax -- of a method of ours
  if (sender._state === READY) Reflect.apply(method, sender, args);
  else sender.enqueue([method, ...args]);
}

/**
 * @param {Sender} sender
 * @param {number} opcode The opcode
 * @param {any} payload The payload
 * @param {boolean} [mask] Mask the payload
 * @returns {FrameOptions} A whole frame that may be changed
 */
function describe(sender, opcode, payload, mask) {
  const options = {
    fin: true,
    generateMask: sender._generateMask,
    mask,
    maskBuffer: sender._maskBuffer,
    opcode,
    readOnly: false,
    rsv1: false,
    [kByteLength]: sizeOf(payload)
  };

  return options;
}

/**
 * @param {any} deflate The extension, if there is one
 * @param {any} payload The first fragment
 * @param {{ compress?: boolean }} options What the message is to be like
 * @returns {boolean | undefined} Whether the message is compressed
 */
function wantsCompression(deflate, payload, { compress }) {
  return compress && (!deflate || isTooShort(deflate, payload))
    ? false
    : compress;
}

/**
 * @param {any} deflate The extension
 * @param {any} payload The payload
 * @returns {boolean} Whether it is not worth compressing: what went before
 *     cannot help, and nothing that comes can be helped by it
 */
function isTooShort(deflate, payload) {
  const isForgetful =
    deflate.params[
      deflate._isServer
        ? 'server_no_context_takeover'
        : 'client_no_context_takeover'
    ];

  return isForgetful && sizeOf(payload) < deflate._threshold;
}

/**
 * @param {Sender} sender One of whose `_queue` an entry was taken
 */
function refill(sender) {
  const overflow = overflows.get(sender);

  if (overflow === undefined || sender._queue.length > 0) return;

  for (const params of overflow.take(MAX_QUEUE)) sender._queue.push(params);

  if (overflow.length === 0) overflows.delete(sender);
}

/**
 * Tells all who wait that nothing will be sent.
 *
 * @param {Sender} sender
 * @param {Error} error Why
 * @param {Callback} [cb] That of what was under way
 * @param {() => void} [last] Called behind all of them
 */
function callBack(sender, error, cb, last) {
  const { entries, taken } = overflows.get(sender) ?? new Fifo();
  const due = [
    cb,
    ...[...sender._queue, ...entries.slice(taken)].map(
      (params) => params[params.length - 1]
    ),
    last
  ].filter((callback) => typeof callback === 'function');

  // One that throws keeps nobody else from hearing of it.
  callAll(/** @type {Callback[]} */ (due), error);
}

/**
 * Tells all who wait, and whoever owns the sender.
 *
 * @param {Sender} sender
 * @param {Error} error What went wrong
 * @param {Callback} [cb] That of what was under way
 */
function fail(sender, error, cb) {
  callBack(sender, error, cb, () => sender.onerror(error));
}

/**
 * @param {any} data What somebody sends
 * @returns {any} A text, a Blob or a Buffer
 */
function toPayload(data) {
  return typeof data === 'string' || isBlob(data) ? data : toBuffer(data);
}

/**
 * @param {any} data What somebody sends
 * @returns {boolean} Whether its payload shows the sender's own memory
 */
function isUsers(data) {
  return ArrayBuffer.isView(data) || data instanceof ArrayBuffer;
}

module.exports = Sender;
