'use strict';

/**
 * Data that says something else of its length than is true. `ws` believes some of it, and
 * sends what is no frame, or memory that is not the data's.
 */

const { digest, scenario } = require('../support/scenario.js');

const LIES = {
  'a short length': { length: 5 },
  'a long length': { length: 1000 },
  'a length that is none': { length: NaN },
  'a negative length': { length: -1 },
  'a length of text': { length: '5' },
  'a short byteLength': { byteLength: 5 },
  'a long byteLength': { byteLength: 120 },
  'other memory': { buffer: new ArrayBuffer(300), byteOffset: 3 },
  everything: { length: 5, byteLength: 5, byteOffset: 1, offset: 1 }
};

/** How a Buffer comes by properties of its own. */
const WAYS = {
  'own properties'(bytes, lies) {
    for (const [name, value] of Object.entries(lies)) {
      Object.defineProperty(bytes, name, { value });
    }
    return bytes;
  },

  'getters of its class'(bytes, lies) {
    const prototype = Object.create(Buffer.prototype);

    for (const [name, value] of Object.entries(lies)) {
      Object.defineProperty(prototype, name, { get: () => value });
    }
    return Object.setPrototypeOf(bytes, prototype);
  },

  'getters that tell the truth once'(bytes, lies) {
    for (const [name, value] of Object.entries(lies)) {
      const answers = [bytes[name]];

      Object.defineProperty(bytes, name, {
        get: () => (answers.length > 0 ? answers.pop() : value)
      });
    }
    return bytes;
  }
};

const PAYLOAD = digest(Buffer.alloc(100, 7));

for (const [lie, lies] of Object.entries(LIES)) {
  for (const [way, make] of Object.entries(WAYS)) {
    scenario(
      `a Buffer with ${lie}, by ${way}`,
      {
        transports: ['tcp', 'duplex'],
        better: true,
        log: [
          'ping',
          'pong',
          'long ping RangeError',
          'long pong RangeError',
          `peer ping ${PAYLOAD}`,
          `peer pong ${PAYLOAD}`,
          `peer binary ${PAYLOAD}`,
          'peer binary "blob"',
          `peer binary ${PAYLOAD}`,
          `peer ping ${PAYLOAD}`,
          'peer text "end"'
        ]
      },
      async (play) => {
        const { ws, peer } = await play.open();
        const attempt = (name, length, method = name) => {
          try {
            ws[method](make(Buffer.alloc(length, 7), lies));
            play.note(name);
          } catch (error) {
            play.note(name, error.name);
          }
        };

        attempt('ping', 100);
        attempt('pong', 100);
        attempt('long ping', 200, 'ping');
        attempt('long pong', 200, 'pong');
        ws.send(make(Buffer.alloc(100, 7), lies));
        // What waits for it is kept as a copy.
        ws.send(new Blob(['blob']));
        ws.send(make(Buffer.alloc(100, 7), lies));
        ws.ping(make(Buffer.alloc(100, 7), lies));
        await new Promise((resolve) => ws.send('end', resolve));
        await peer.frames(7);
        for (const line of peer.log) play.note('peer', line);
        ws.terminate();
      }
    );
  }
}

for (const byteLength of [5, 120, 1000]) {
  scenario(
    `the reason of a close frame, with a byteLength of ${byteLength}`,
    {
      transports: ['tcp', 'duplex'],
      better: true,
      log: ['RangeError', `peer close 1000 ${digest(Buffer.alloc(100, 65))}`]
    },
    async (play) => {
      const reason = (length) =>
        Object.defineProperty(new Uint8Array(length).fill(65), 'byteLength', {
          value: byteLength
        });
      const first = await play.open();

      try {
        first.ws.close(1000, reason(200));
      } catch (error) {
        play.note(error.name);
      }
      first.ws.terminate();

      const { ws, peer } = await play.open();

      ws.close(1000, reason(100));
      await peer.frames(1);
      play.note('peer', peer.log[0]);
      ws.terminate();
    }
  );
}

scenario(
  'a Blob that has more than it says',
  {
    transports: ['tcp', 'duplex'],
    better: true,
    log: ['RangeError true', 'error RangeError']
  },
  async (play) => {
    const { ws } = await play.open();
    const blob = Object.defineProperty(new Blob(['x'.repeat(200)]), 'size', {
      value: 5
    });
    const failed = new Promise((resolve) => ws.once('error', resolve));

    ws.ping(blob, undefined, (error) =>
      play.note(error.name, ws.bufferedAmount >= 0)
    );
    play.note('error', (await failed).name);
    ws.terminate();
  }
);
