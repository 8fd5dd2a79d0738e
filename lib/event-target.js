'use strict';

// @ts-check

// The part of the DOM's EventTarget that a WebSocket has besides being an
// EventEmitter: event classes, addEventListener and removeEventListener, and
// the on-attributes. A DOM listener is registered as an ordinary listener of
// the emitter, a wrapper that makes the event object, so that both kinds keep
// one common order.

const { kForOnEventAttribute, kListener } = require('./constants.js');

const kCode = Symbol('kCode');
const kData = Symbol('kData');
const kError = Symbol('kError');
const kMessage = Symbol('kMessage');
const kReason = Symbol('kReason');
const kTarget = Symbol('kTarget');
const kType = Symbol('kType');
const kWasClean = Symbol('kWasClean');

/** The base of all events. */
class Event {
  /**
   * @param {string} type The name of the event
   */
  constructor(type) {
    /** @type {any} */
    this[kTarget] = null;
    this[kType] = type;
  }

  /** @type {any} The object that the event was dispatched on */
  get target() {
    return this[kTarget];
  }

  /** @type {string} */
  get type() {
    return this[kType];
  }
}

/** The end of a connection. */
class CloseEvent extends Event {
  /**
   * @param {string} type The name of the event
   * @param {{ code?: number, reason?: string, wasClean?: boolean }} [init]
   *     Values of the attributes
   */
  constructor(type, init = {}) {
    super(type);

    this[kCode] = init.code === undefined ? 0 : init.code;
    this[kReason] = init.reason === undefined ? '' : init.reason;
    this[kWasClean] = init.wasClean === undefined ? false : init.wasClean;
  }

  /** @type {number} */
  get code() {
    return this[kCode];
  }

  /** @type {string} */
  get reason() {
    return this[kReason];
  }

  /** @type {boolean} Whether a close frame went in both directions */
  get wasClean() {
    return this[kWasClean];
  }
}

/** An error of the connection. */
class ErrorEvent extends Event {
  /**
   * @param {string} type The name of the event
   * @param {{ error?: any, message?: string }} [init] Values of the attributes
   */
  constructor(type, init = {}) {
    super(type);

    this[kError] = init.error === undefined ? null : init.error;
    this[kMessage] = init.message === undefined ? '' : init.message;
  }

  /** @type {any} */
  get error() {
    return this[kError];
  }

  /** @type {string} */
  get message() {
    return this[kMessage];
  }
}

/** A received message. */
class MessageEvent extends Event {
  /**
   * @param {string} type The name of the event
   * @param {{ data?: any }} [init] Values of the attributes
   */
  constructor(type, init = {}) {
    super(type);

    this[kData] = init.data === undefined ? null : init.data;
  }

  /** @type {any} */
  get data() {
    return this[kData];
  }
}

for (const [EventClass, names] of /** @type {[Function, string[]][]} */ ([
  [Event, ['target', 'type']],
  [CloseEvent, ['code', 'reason', 'wasClean']],
  [ErrorEvent, ['error', 'message']],
  [MessageEvent, ['data']]
])) {
  for (const name of names) {
    Object.defineProperty(EventClass.prototype, name, { enumerable: true });
  }
}

/**
 * Hands an event to a listener: a function is called on the WebSocket, an
 * object with `handleEvent` on itself.
 *
 * @param {any} listener The function or the object
 * @param {any} target The WebSocket
 * @param {Event} event The event
 */
function dispatch(listener, target, event) {
  event[kTarget] = target;

  if (typeof listener === 'object' && listener.handleEvent) {
    listener.handleEvent(event);
  } else {
    listener.call(target, event);
  }
}

/**
 * For each type that has an event object, what makes the wrapper of a
 * listener. The types that are missing here cannot be listened to.
 *
 * @type {{ [type: string]: (listener: any) => any }}
 */
const wrappers = {
  __proto__: /** @type {any} */ (null),

  open: (listener) =>
    /** @type {(this: any) => void} */
    function onOpen() {
      dispatch(listener, this, new Event('open'));
    },

  message: (listener) =>
    /** @type {(this: any, data: any, isBinary: boolean) => void} */
    function onMessage(data, isBinary) {
      const event = new MessageEvent('message', {
        data: isBinary ? data : data.toString()
      });

      dispatch(listener, this, event);
    },

  close: (listener) =>
    /** @type {(this: any, code: number, reason: any) => void} */
    function onClose(code, reason) {
      const event = new CloseEvent('close', {
        code,
        reason: reason.toString(),
        wasClean: this._closeFrameReceived && this._closeFrameSent
      });

      dispatch(listener, this, event);
    },

  error: (listener) =>
    /** @type {(this: any, error: any) => void} */
    function onError(error) {
      const event = new ErrorEvent('error', {
        error,
        message: error.message
      });

      dispatch(listener, this, event);
    }
};

/**
 * The registered wrapper of a DOM listener.
 *
 * @param {any} emitter The WebSocket
 * @param {string} type The name of the event
 * @param {any} listener The listener
 * @return {any} Its wrapper, if `addEventListener` has added one
 */
function findWrapper(emitter, type, listener) {
  return emitter
    .listeners(type)
    .find(
      (/** @type {any} */ wrapper) =>
        wrapper[kListener] === listener && !wrapper[kForOnEventAttribute]
    );
}

/**
 * The registered wrapper of an on-attribute's listener.
 *
 * @param {any} emitter The WebSocket
 * @param {string} type The name of the event
 * @return {any} The wrapper, if the attribute is set
 */
function findAttribute(emitter, type) {
  return emitter
    .listeners(type)
    .find((/** @type {any} */ wrapper) => wrapper[kForOnEventAttribute]);
}

/** The methods of EventTarget, to be copied onto a prototype. */
const EventTarget = {
  /**
   * Registers a listener for 'open', 'message', 'close' or 'error'; a type
   * that has no event object is ignored.
   *
   * @param {string} type The name of the event
   * @param {any} handler A function, or an object with `handleEvent`
   * @param {any} [options] `once`: remove the listener before its first call
   * @this {any}
   */
  addEventListener(type, handler, options = {}) {
    const isAttribute = options[kForOnEventAttribute] || false;

    if (!isAttribute && findWrapper(this, type, handler)) return;

    const wrap = wrappers[type];

    if (!wrap) return;

    const wrapper = wrap(handler);

    wrapper[kForOnEventAttribute] = isAttribute;
    wrapper[kListener] = handler;

    if (options.once) {
      this.once(type, wrapper);
    } else {
      this.on(type, wrapper);
    }
  },

  /**
   * Removes a listener that `addEventListener` has registered, no other.
   *
   * @param {string} type The name of the event
   * @param {any} handler What was registered
   * @this {any}
   */
  removeEventListener(type, handler) {
    const wrapper = findWrapper(this, type, handler);

    if (wrapper) this.removeListener(type, wrapper);
  }
};

/**
 * Defines the accessor of an on-attribute.
 *
 * @param {object} prototype The prototype to define it on
 * @param {string} type The name of the event
 */
function defineOnAttribute(prototype, type) {
  Object.defineProperty(prototype, `on${type}`, {
    configurable: true,
    enumerable: true,
    /** @this {any} */
    get() {
      const wrapper = findAttribute(this, type);

      return wrapper ? wrapper[kListener] : null;
    },
    /** @this {any} */
    set(handler) {
      const wrapper = findAttribute(this, type);

      if (wrapper) this.removeListener(type, wrapper);
      if (typeof handler !== 'function') return;

      this.addEventListener(type, handler, { [kForOnEventAttribute]: true });
    }
  });
}

module.exports = {
  CloseEvent,
  ErrorEvent,
  Event,
  MessageEvent,
  addEventListener: EventTarget.addEventListener,
  defineOnAttribute,
  removeEventListener: EventTarget.removeEventListener
};
