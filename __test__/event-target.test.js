'use strict';

// The event classes, and listeners as the DOM has them.

const assert = require('node:assert');
const { describe, it } = require('node:test');

const {
  CloseEvent,
  ErrorEvent,
  Event,
  MessageEvent
} = require('../lib/event-target.js');
const { parity, subject } = require('./support/parity.js');

/**
 * @param {any} WebSocket The module
 * @return {any} A WebSocket to emit events on
 */
const make = (WebSocket) => new WebSocket(null, undefined, {});

describe('The event classes', () => {
  it('have defaults', () => {
    const close = new CloseEvent('foo');
    const error = new ErrorEvent('foo');
    const message = new MessageEvent('foo');

    assert.deepStrictEqual(
      [close.type, close.target, close.code, close.reason, close.wasClean],
      ['foo', null, 0, '', false]
    );
    assert.deepStrictEqual([error.error, error.message], [null, '']);
    assert.strictEqual(message.data, null);
  });

  it('take attributes', () => {
    const close = new CloseEvent('foo', {
      code: 1000,
      reason: 'bar',
      wasClean: true
    });
    const reason = new Error('baz');

    assert.deepStrictEqual(
      [close.code, close.reason, close.wasClean],
      [1000, 'bar', true]
    );
    assert.strictEqual(new ErrorEvent('foo', { error: reason }).error, reason);
    assert.strictEqual(new ErrorEvent('foo', { message: 'x' }).message, 'x');
    assert.strictEqual(new MessageEvent('foo', { data: 5 }).data, 5);
  });

  it('have a common base, and getters that show', () => {
    for (const [EventClass, ...names] of [
      [Event, 'target', 'type'],
      [CloseEvent, 'code', 'reason', 'wasClean', 'target', 'type'],
      [ErrorEvent, 'error', 'message', 'target', 'type'],
      [MessageEvent, 'data', 'target', 'type']
    ]) {
      const event = new EventClass('foo');
      const seen = [];

      for (const name in event) seen.push(name);

      assert.ok(event instanceof Event);
      assert.deepStrictEqual(seen, names);
      for (const name of names) {
        assert.throws(() => {
          event[name] = 1;
        }, TypeError);
      }
    }
  });
});

describe('addEventListener', () => {
  const types = ['open', 'message', 'close', 'error'];

  parity('makes the events that ws makes', (WebSocket, notebook) => {
    const ws = make(WebSocket);

    for (const type of [...types, 'ping', 'upgrade', 'foo', '']) {
      ws.addEventListener(type, function listener(event, ...more) {
        const levels = [];

        for (let o = event; o !== Object.prototype; o = levels.at(-1).next) {
          const next = Object.getPrototypeOf(o);

          levels.push({
            name: o.constructor.name,
            next,
            shown: Object.entries(Object.getOwnPropertyDescriptors(o)).map(
              ([name, { enumerable, get }]) => [name, enumerable, typeof get]
            ),
            symbols: Object.getOwnPropertySymbols(o).map(String)
          });
        }

        for (const { name, shown, symbols } of levels) {
          notebook.note(name, shown, symbols);
        }

        notebook.note(this === ws, event.target === ws, more.length);
        for (const name in event) {
          if (name !== 'target') notebook.note(name, event[name]);
        }
      });
      notebook.note(type, ws.listenerCount(type));
    }

    ws.emit('open');
    ws.emit('message', Buffer.from('text'), false);
    ws.emit('message', Buffer.from('bytes'), true);
    ws.emit('message', 'played by hand');
    ws.emit('message', [Buffer.from('a')], true);
    ws.emit('error', new Error('wrong'));
    ws.emit('error', {});
    ws.emit('close', 1000, Buffer.from('reason'));
    ws._closeFrameSent = true;
    ws.emit('close', 1000, Buffer.from('reason'));
    ws._closeFrameReceived = true;
    ws.emit('close', 1000, 'reason');
  });

  parity('keeps the order of registration', (WebSocket, notebook) => {
    const ws = make(WebSocket);
    const noted = (what) => () => notebook.note(what);
    const both = noted('both');

    ws.on('open', noted('on'));
    ws.addEventListener('open', both);
    ws.onopen = both;
    ws.addEventListener('open', both);
    ws.once('open', noted('once'));
    ws.addEventListener('open', noted('added'));
    ws.addEventListener('open', noted('added once'), { once: true });
    ws.onopen = noted('replaced');
    ws.emit('open');
    ws.emit('open');
    notebook.note(ws.listenerCount('open'));
  });

  parity('calls objects on themselves', (WebSocket, notebook) => {
    const ws = make(WebSocket);
    const listener = {
      handleEvent(event, ...more) {
        notebook.note(this === listener, event.type, more.length);
      }
    };

    ws.addEventListener('open', listener);
    ws.addEventListener('open', listener);
    ws.emit('open');
    ws.removeEventListener('open', listener);
    ws.emit('open');
  });

  parity('removes a listener before its only call', (WebSocket, notebook) => {
    const ws = make(WebSocket);

    for (const once of [true, 1, false, undefined]) {
      ws.addEventListener(
        'open',
        () => notebook.note('open', once, ws.listenerCount('open')),
        { once }
      );
    }

    ws.emit('open');
    ws.emit('open');
  });

  parity('keeps the original at hand', (WebSocket, notebook) => {
    const ws = make(WebSocket);
    const listener = () => {};

    for (const type of types) {
      ws.addEventListener(type, listener);
      ws[`on${type}`] = listener;

      for (const wrapper of ws.listeners(type)) {
        notebook.note(wrapper.name, wrapper.length);
        notebook.note(
          Object.getOwnPropertySymbols(wrapper).map((symbol) => [
            String(symbol),
            wrapper[symbol] === listener || wrapper[symbol]
          ])
        );
      }
    }
  });

  parity('takes whatever it is given', (WebSocket, notebook) => {
    const ws = make(WebSocket);

    for (const listener of [null, undefined, 5, 'text', {}]) {
      notebook.attempt('add', () => ws.addEventListener('open', listener));
      notebook.note(ws.listenerCount('open'));
      notebook.attempt('remove', () =>
        ws.removeEventListener('open', listener)
      );
      notebook.note(ws.listenerCount('open'));
    }

    for (const options of [true, false, 0, 'text', {}]) {
      notebook.attempt('options', () =>
        ws.addEventListener('open', () => {}, options)
      );
    }
  });
});

describe('removeEventListener', () => {
  parity('removes what was added with it', (WebSocket, notebook) => {
    const ws = make(WebSocket);
    const listener = () => {};
    const remove = () => {
      ws.removeEventListener('open', listener);
      notebook.note(ws.listenerCount('open'));
    };

    ws.on('open', listener);
    ws.once('open', listener);
    ws.onopen = listener;
    remove();
    ws.addEventListener('open', listener);
    notebook.note(ws.listenerCount('open'));
    remove();
    ws.addEventListener('open', listener, { once: true });
    notebook.note(ws.listenerCount('open'));
    remove();
    ws.removeEventListener('foo', listener);
    notebook.note(ws.onopen === listener);
  });
});

describe('The on-attributes', () => {
  parity('read back functions only', (WebSocket, notebook) => {
    const ws = make(WebSocket);

    for (const type of ['open', 'message', 'close', 'error']) {
      const name = `on${type}`;

      notebook.note(ws[name]);

      for (const value of [() => {}, 5, () => {}, {}, null, undefined]) {
        ws[name] = value;
        notebook.note(ws[name] === value, ws[name], ws.listenerCount(type));
      }
    }
  });

  parity('are accessors of the prototype', (WebSocket, notebook) => {
    for (const type of ['open', 'message', 'close', 'error', 'ping']) {
      const descriptor = Object.getOwnPropertyDescriptor(
        WebSocket.prototype,
        `on${type}`
      );

      notebook.note(
        descriptor && {
          ...descriptor,
          get: typeof descriptor.get,
          set: typeof descriptor.set
        }
      );
    }
  });

  parity('do not show other listeners', (WebSocket, notebook) => {
    const ws = make(WebSocket);

    ws.on('open', () => {});
    ws.addEventListener('open', () => {});
    notebook.note(ws.onopen);
    ws.onopen = () => {};
    notebook.note(ws.listenerCount('open'));
    ws.onopen = null;
    notebook.note(ws.listenerCount('open'));
  });

  it('register through addEventListener', () => {
    const ws = make(subject);
    const calls = [];

    ws.addEventListener = (...args) => calls.push(args);
    ws.onopen = () => {};
    assert.strictEqual(calls.length, 1);
    assert.strictEqual(calls[0][0], 'open');
  });
});
