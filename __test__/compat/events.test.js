'use strict';

// Event, CloseEvent, ErrorEvent and MessageEvent.

const assert = require('node:assert');
const { describe, it } = require('node:test');

const {
  CloseEvent,
  ErrorEvent,
  Event,
  MessageEvent
} = require('../../lib/event-target.js');
const { scenario } = require('../support/scenario.js');

const one = { transports: ['tcp', 'duplex'] };

/**
 * @param {any} event An event
 * @return {object} All that it says
 */
function fields(event) {
  const { type, data, code, reason, wasClean, message, error } = event;

  return {
    class: event.constructor.name,
    type,
    data: Buffer.isBuffer(data) ? `Buffer ${data}` : data,
    code,
    reason,
    wasClean,
    message,
    error: error?.message
  };
}

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

scenario('events and what they carry', one, async (play) => {
  const { ws, peer } = await play.open();

  for (const type of ['message', 'error', 'close']) {
    ws.addEventListener(type, function (event) {
      play.note(fields(event), this === ws, event.target === ws);
    });
  }
  peer.write(peer.frame('text', 'text'), peer.frame('binary', 'binary'));
  peer.write(peer.frame(3));
  await play.over(ws, peer);
});

scenario('the data of a message event', one, async (play) => {
  const { ws, peer } = await play.open();
  const types = ['arraybuffer', 'fragments', 'blob', 'nodebuffer'];

  ws.onmessage = ({ data }) => {
    play.note(Object.prototype.toString.call(data), Buffer.isBuffer(data));
    ws.binaryType = types.shift() ?? ws.binaryType;
  };
  peer.write(
    ...['a', 'b', 'c', 'd', 'e'].map((text) => peer.frame('binary', text)),
    peer.frame('text', 'f'),
    peer.closeFrame(1000)
  );
  await play.over(ws, peer);
});

scenario('an emit by hand', one, async (play) => {
  const { ws, peer } = await play.open();

  ws.on('message', (...args) => play.note(args));
  ws.onmessage = (event) => play.note(fields(event));
  ws.onclose = (event) => play.note(fields(event));
  ws.onerror = (event) => play.note(fields(event));
  ws.onopen = (event) => play.note(fields(event));
  ws.emit('message', Buffer.from('made up'), false);
  ws.emit('message', Buffer.from('made up'), true);
  ws.emit('open');
  ws.emit('error', new Error('made up'));
  ws.emit('close', 4000, Buffer.from('made up'));
  play.note(ws.readyState);
  ws.close();
  await play.finish(ws, peer);
});
