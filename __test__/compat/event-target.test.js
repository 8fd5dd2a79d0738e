'use strict';

// addEventListener(), removeEventListener(), and the attributes onopen, onmessage, onerror
// and onclose.

const assert = require('node:assert');
const { describe, it } = require('node:test');

const { ours, parity, scenario } = require('../support/scenario.js');

/**
 * @param {any} WebSocket The module
 * @return {any} A WebSocket to emit events on
 */
const make = (WebSocket) => new WebSocket(null, undefined, {});

const one = { transports: ['tcp', 'duplex'] };

const ATTRIBUTES = ['onopen', 'onmessage', 'onerror', 'onclose'];

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

  parity('keeps the original listener accessible', (WebSocket, notebook) => {
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

  parity('accepts any value', (WebSocket, notebook) => {
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
    const ws = make(ours);
    const calls = [];

    ws.addEventListener = (...args) => calls.push(args);
    ws.onopen = () => {};
    assert.strictEqual(calls.length, 1);
    assert.strictEqual(calls[0][0], 'open');
  });
});

scenario('the on-attributes', one, async (play) => {
  const { ws, peer } = await play.open();
  const note = (name) => () => play.note(name);

  for (const name of ATTRIBUTES) {
    const { get, set, enumerable, configurable } =
      Object.getOwnPropertyDescriptor(play.WebSocket.prototype, name);

    play.note(name, !!get, !!set, enumerable, configurable, ws[name]);
    for (const value of [null, undefined, 1, 'x', {}, { handleEvent() {} }]) {
      ws[name] = value;
      play.note(name, ws[name]);
    }
  }

  const first = note('first');
  ws.on('message', note('on'));
  play.note('not shown', ws.onmessage);
  ws.onmessage = first;
  play.note(ws.onmessage === first, ws.listenerCount('message'));
  ws.addEventListener('message', first);
  play.note('added', ws.listenerCount('message'));
  ws.onmessage = note('second');
  play.note('replaced', ws.listenerCount('message'));
  peer.write(peer.frame('text', 'x'), peer.frame('ping', ''));
  await peer.frames(1);
  ws.onmessage = null;
  play.note('removed', ws.onmessage, ws.listenerCount('message'));
  peer.write(peer.frame('text', 'x'), peer.closeFrame(1000));
  await play.over(ws, peer);
});

scenario('adding and removing listeners', one, async (play) => {
  const { ws, peer } = await play.open();
  const note = (name) => () => play.note(name);
  const plain = note('plain');
  const once = note('once');
  const emitter = note('emitter');
  const handler = {
    handleEvent(event) {
      play.note('handler', this === handler, event.type);
    }
  };

  ws.addEventListener('message', plain);
  ws.addEventListener('message', plain);
  ws.addEventListener('message', once, { once: true });
  ws.addEventListener('message', handler);
  ws.addEventListener('ping', plain);
  ws.addEventListener('nonsense', plain);
  ws.on('message', emitter);
  play.note(ws.listenerCount('message'), ws.listenerCount('ping'));
  ws.removeEventListener('message', emitter);
  ws.removeEventListener('message', note('another'));
  play.note(ws.listenerCount('message'));
  peer.write(
    peer.frame('text', 'x'),
    peer.frame('text', 'x'),
    peer.frame('ping', '')
  );
  await peer.frames(1);
  ws.removeEventListener('message', plain);
  ws.removeEventListener('message', handler);
  play.note(ws.listenerCount('message'));
  peer.write(peer.frame('text', 'x'), peer.closeFrame(1000));
  await play.over(ws, peer);
});

scenario('a once listener can be removed', one, async (play) => {
  const { ws, peer } = await play.open();
  const listener = () => play.note('called');

  ws.addEventListener('message', listener, { once: true });
  play.note(ws.listenerCount('message'));
  ws.removeEventListener('message', listener);
  play.note(ws.listenerCount('message'));
  peer.write(peer.frame('text', 'x'), peer.closeFrame(1000));
  await play.over(ws, peer);
});

scenario('wrapped listeners in listeners()', one, async (play) => {
  const { ws, peer } = await play.open();
  const listener = () => {};

  ws.addEventListener('message', listener);
  const [wrapper] = ws.listeners('message');
  const symbols = Object.getOwnPropertySymbols(wrapper);
  play.note(
    wrapper === listener,
    symbols.some((s) => wrapper[s] === listener)
  );
  play.note(typeof wrapper, wrapper.length);
  ws.close();
  await play.finish(ws, peer);
});

scenario('a listener that throws from an attribute', one, async (play) => {
  const { ws, peer } = await play.open();

  play.watch(ws);
  ws.onmessage = () => {
    throw new Error('from a listener');
  };
  try {
    ws.emit('message', Buffer.from('x'), false);
  } catch (err) {
    play.note(err);
  }
  ws.onmessage = null;
  ws.close();
  await play.finish(ws, peer);
});
