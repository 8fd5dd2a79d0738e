'use strict';

// The exported Receiver with permessage-deflate: the frames of RFC 7692.

const assert = require('node:assert');
const { once } = require('node:events');
const test = require('node:test');

const subject = require('ws-native');
const reference = require('ws');

/** Frames of a server in hexadecimal, one per write. */
const FRAMES = [
  'c107f248cdc9c90700',
  '8900',
  'c105f200110000',
  '4103f248cd',
  '8a0161',
  '8004c9c90700',
  '820378797a',
  '880203e8'
];

/**
 * @param {any} module `ws` or ours
 * @param {string[]} frames The input
 * @return {Promise<string[]>} Its events
 */
async function play({ PerMessageDeflate, Receiver }, frames) {
  const extension = new PerMessageDeflate({ maxPayload: 1000 });

  extension.accept([{}]);

  const receiver = new Receiver({
    extensions: { [PerMessageDeflate.extensionName]: extension },
    maxPayload: 1000
  });
  const seen = [];

  for (const event of ['message', 'ping', 'pong', 'conclude']) {
    receiver.on(event, (...args) => seen.push(`${event} ${args.join(' ')}`));
  }

  const over = Promise.race([
    once(receiver, 'finish'),
    new Promise((resolve) => {
      receiver.on('error', (err) => {
        seen.push(`${err.name} ${err.code} ${err.errno} ${err.message}`);
        resolve(undefined);
      });
    })
  ]);

  for (const frame of frames) receiver.write(Buffer.from(frame, 'hex'));
  await over;

  return seen;
}

for (const [name, frames] of Object.entries({
  'good ones': FRAMES,
  'a reference to nothing': [FRAMES[2]],
  'no deflate stream': ['c102ffff']
})) {
  test(`a Receiver by hand inflates: ${name}`, async () => {
    const want = await play(reference, frames);

    assert.ok(want.length > 0);
    assert.deepStrictEqual(await play(subject, frames), want);
  });
}

test('a Receiver by hand reports nothing within a write', async () => {
  for (const module of [reference, subject]) {
    const extension = new module.PerMessageDeflate();

    extension.accept([{}]);

    const receiver = new module.Receiver({
      extensions: { 'permessage-deflate': extension }
    });

    assert.ok(receiver.write(Buffer.from('c107f248cdc9c90700', 'hex')));

    const [data] = await once(receiver, 'message');

    assert.strictEqual(String(data), 'Hello');
  }
});
