'use strict';

// Failures after a Blob is queued: in generateMask, in objects that only look
// like a Blob, and in callbacks. None becomes an unhandled rejection.

const { scenario } = require('../support/scenario.js');
const { bytesOf, fakeBlob } = require('../support/blobs.js');
const { openDeflated } = require('../support/deflated.js');
const { turn } = require('../support/wait.js');

const CLIENT = { roles: ['client'] };

/**
 * @param {any} play The play
 * @param {string} name The name of the send
 * @return {(...args: any[]) => void} Notes it
 */
function ack(play, name) {
  return (...args) => play.note(name, ...args.map((arg) => arg ?? 'none'));
}

/**
 * @param {number} index The call that throws; 1 is the first
 * @return {(mask: Buffer) => void} A generateMask function
 */
function throwsAt(index) {
  let calls = 0;

  return (mask) => {
    if (++calls === index) throw new Error(`mask ${index}`);
    mask.fill(0);
  };
}

/**
 * @param {any} play The play
 * @param {any} ws Its WebSocket
 * @return {void} Notes its events, and bufferedAmount at the end
 */
function watch(play, ws) {
  play.watch(ws);
  ws.on('close', () => play.note('buffered', ws.bufferedAmount));
}

/** @type {Record<string, [number, (ws: any, play: any) => void]>} */
const MASKS = {
  'of the Blob': [
    1,
    (ws, play) => {
      ws.send(new Blob(['one']), ack(play, 'one'));
      ws.send('two', ack(play, 'two'));
      ws.ping('three', undefined, ack(play, 'three'));
    }
  ],
  'of the Blob, without a callback': [
    1,
    (ws) => {
      ws.send(new Blob(['one']));
      ws.send('two');
    }
  ],
  'of what waits': [
    2,
    (ws, play) => {
      ws.send(new Blob(['one']));
      ws.send('two', ack(play, 'two'));
      ws.send('three', ack(play, 'three'));
      ws.send(new Blob(['four']), ack(play, 'four'));
      ws.send('five', ack(play, 'five'));
    }
  ],
  'of the second Blob': [
    2,
    (ws, play) => {
      ws.send(new Blob(['one']));
      ws.send(new Blob(['two']), ack(play, 'two'));
      ws.send('three', ack(play, 'three'));
    }
  ],
  'of a Blob as ping': [
    1,
    (ws, play) => {
      ws.ping(new Blob(['ping']), undefined, ack(play, 'ping'));
      ws.pong(new Blob(['pong']), undefined, ack(play, 'pong'));
    }
  ],
  'of a fragment': [
    2,
    (ws, play) => {
      ws.send('one', { fin: false });
      ws.send(new Blob(['two']), { fin: false }, ack(play, 'two'));
      ws.send('three', ack(play, 'three'));
    }
  ],
  'before a close()': [
    1,
    (ws, play) => {
      ws.send(new Blob(['one']), ack(play, 'one'));
      ws.close(4000);
    }
  ],
  'of a close()': [
    2,
    (ws) => {
      ws.send(new Blob(['one']));
      ws.close(4000);
    }
  ],
  'and the callback sends': [
    1,
    (ws, play) => {
      ws.send(new Blob(['one']), (err) => {
        play.note('one', err);
        ws.send('again');
      });
      ws.send('two', ack(play, 'two'));
    }
  ],
  'and the callback terminates': [
    1,
    (ws, play) => {
      ws.send(new Blob(['one']), (err) => {
        play.note('one', err);
        ws.terminate();
      });
      ws.send('two', ack(play, 'two'));
    }
  ]
};

for (const [name, [index, send]] of Object.entries(MASKS)) {
  scenario(`no mask for the frame ${name}`, CLIENT, async (play) => {
    const { ws, peer } = await play.open({ generateMask: throwsAt(index) });

    watch(play, ws);
    send(ws, play);
    await play.over(ws, peer);
  });
}

scenario('masks that send', CLIENT, async (play) => {
  let calls = 0;
  const { ws, peer } = await play.open({
    generateMask(mask) {
      mask.fill(0);
      if (++calls !== 2) return;
      ws.send('nested');
      ws.send(new Blob(['a nested Blob']));
      ws.send('behind it');
    }
  });

  ws.send(new Blob(['one']), ack(play, 'one'));
  ws.send('two', ack(play, 'two'));
  ws.send('three', ack(play, 'three'));
  await peer.frames(6);
  ws.close();
  await play.finish(ws, peer);
});

/** @type {Record<string, () => any>} */
const READS = {
  'rejects with undefined': () => Promise.reject(undefined),
  'rejects with null': () => Promise.reject(null),
  'rejects with a text': () => Promise.reject('text'),
  'throws at once': () => {
    throw new Error('at once');
  },
  'is a thenable that gives, and nothing else': () => ({
    then(give) {
      setImmediate(give, bytesOf('late'));
    }
  }),
  'is a thenable': () => ({
    then(give) {
      setImmediate(give, bytesOf('late'));
      return this;
    },
    catch() {}
  }),
  'is a thenable that gives at once': () => ({
    then(give) {
      give(bytesOf('once'));
      return this;
    },
    catch() {}
  }),
  'is a thenable that fails': () => ({
    then() {
      return this;
    },
    catch(fail) {
      setImmediate(fail, new Error('thenable'));
    }
  })
};

for (const make of [
  () => 'text',
  () => 5,
  () => 5n,
  () => true,
  () => null,
  () => undefined,
  () => Symbol('symbol'),
  () => ({}),
  () => [1, 2, 300],
  () => ({ length: 3 }),
  () => Buffer.from('buffer'),
  () => new Uint16Array([1, 2]),
  () => new DataView(new ArrayBuffer(3)),
  () => new SharedArrayBuffer(4),
  () => new Blob(['x'])
]) {
  const type = Object.prototype.toString.call(make()).slice(8, -1);

  READS[`gives ${type} ${String(Object.keys(make() ?? {}))}`] = async () =>
    make();
}

for (const [name, read] of Object.entries(READS)) {
  scenario(`a Blob whose arrayBuffer() ${name}`, {}, async (play) => {
    // The Blob is read at once, or after another one. A thenable without catch()
    // first fails and then succeeds, which neither module handles in a queue.
    for (const first of [undefined, new Blob(['first'])]) {
      if (first !== undefined && / nothing else/.test(name)) return;

      const { ws, peer } = await play.open();
      const closed = new Promise((resolve) => ws.once('close', resolve));
      let told = 0;
      const all = new Promise((resolve) => {
        ws.on('error', resolve);
        ws.tell = () => ++told === 2 && resolve(undefined);
      });

      watch(play, ws);
      if (first !== undefined) ws.send(first);

      let isStuck = false;

      try {
        ws.send(fakeBlob(read, 7), (err) => {
          play.note('blob', err ?? 'none');
          ws.tell();
        });
      } catch (err) {
        // The message of V8 names the called function.
        play.note('threw', err.name);
        isStuck = name === 'throws at once';
      }
      ws.send('behind', (err) => {
        play.note('behind', err ?? 'none');
        ws.tell();
      });
      play.note('buffered', ws.bufferedAmount >= 13);
      if (isStuck) await turn();
      else await all;
      await turn();
      play.note('state', ws.readyState);
      ws.terminate();
      await closed;
      await peer.closed();
      play.note(
        'peer',
        peer.log.filter((line) => !/ (FIN|end)/.test(line))
      );
    }
  });
}

scenario('a Blob whose arrayBuffer() gives no promise', {}, async (play) => {
  const { ws, peer } = await play.open();

  ws.on('error', (err) => play.note('error', err.name));
  ws.send(new Blob(['first']));
  ws.send(
    fakeBlob(() => 5),
    ({ name }) => play.note('blob', name)
  );
  ws.send('behind', ({ name }) => play.note('behind', name));
  await play.over(ws, peer);
});

scenario('a Blob that lies about its size', {}, async (play) => {
  const { ws, peer } = await play.open();
  let reads = 0;
  const counting = fakeBlob(async () => bytesOf('counting'));

  Object.defineProperty(counting, 'size', { get: () => 10 ** reads++ });
  for (const size of [0, 1, 1e6, -5]) {
    ws.send(fakeBlob(async () => bytesOf(`said ${size}`), size));
    play.note('buffered', ws.bufferedAmount);
  }
  ws.send(counting);
  play.note('buffered', ws.bufferedAmount, reads);
  ws.ping(fakeBlob(async () => Buffer.alloc(125).buffer, 1));
  await peer.frames(6);
  await turn();
  play.note('buffered', ws.bufferedAmount, reads);
  ws.send(fakeBlob(async () => bytesOf('no number'), 'x'));
  play.note('buffered', ws.bufferedAmount);
  ws.close();
  await play.finish(ws, peer);
});

scenario('a Blob whose size throws', {}, async (play) => {
  const { ws, peer } = await play.open();
  const blob = fakeBlob(async () => bytesOf('never'));

  Object.defineProperty(blob, 'size', {
    get() {
      throw new Error('size');
    }
  });
  for (const send of [
    () => ws.send(blob, ack(play, 'blob')),
    () => ws.send(blob, { fin: false }, ack(play, 'fragment')),
    () => ws.ping(blob)
  ]) {
    try {
      send();
    } catch (err) {
      play.note(err);
    }
  }
  ws.send('behind', ack(play, 'behind'));
  ws.close();
  await play.finish(ws, peer);
});

scenario('a Blob that is never read', {}, async (play) => {
  for (const end of ['terminate', 'destroy', 'close']) {
    const { ws, peer } = await play.open({ closeTimeout: 50 });
    const closed = new Promise((resolve) => ws.once('close', resolve));

    play.note(end);
    ws._closeTimeout = 50;
    watch(play, ws);
    ws.send('before');
    ws.send(
      fakeBlob(() => new Promise(() => {})),
      ack(play, 'blob')
    );
    ws.send('behind', ack(play, 'behind'));
    await peer.frames(1);
    if (end === 'destroy') ws._socket.destroy();
    else ws[end]();
    ws.ping('too late', undefined, ack(play, 'ping'));
    await closed;
    await turn();
    await peer.closed();
    play.note('peer', peer.log[0]);
  }
});

scenario('callbacks that are none, behind a Blob', {}, async (play) => {
  for (const callbacks of [
    [5, undefined],
    [undefined, 5],
    ['', null]
  ]) {
    const { ws, peer } = await play.open();

    watch(play, ws);
    ws.send(new Blob(['one']), {}, callbacks[0]);
    ws.send('two', {}, callbacks[1]);
    ws.send('three', (err) => {
      play.note('three', err ?? 'none');
      if (!err) ws.terminate();
    });
    await play.over(ws, peer, true);
    play.note(
      'peer',
      peer.log.filter((line) => /text|binary/.test(line))
    );
  }
});

/** Replacements of compress() that misbehave. */
const COMPRESS = {
  throws() {
    throw new Error('compress');
  },
  'gives nothing'(data, fin, callback) {
    callback(null, undefined);
  }
};

for (const [name, compress] of Object.entries(COMPRESS)) {
  scenario(`behind a Blob a compress() that ${name}`, {}, async (play) => {
    const { ws, peer } = await openDeflated(play, { threshold: 0 });

    ws._extensions['permessage-deflate'].compress = compress;
    ws.on('error', (err) => play.note('error', err.name));
    ws.send(new Blob(['plain']), { compress: false });
    ws.send('two', ({ name }) => play.note('two', name));
    ws.send('three', { compress: false }, (err) => play.note(err.name));
    await play.over(ws, peer);
  });
}

/**
 * Declares a scenario in which a callback throws and the others are still called.
 * `ws` does not call them, and leaves the connection open.
 *
 * @param {string} title What it shows
 * @param {string[]} roles The roles
 * @param {string[]} log The expected log
 * @param {(kit: any) => void} body The program of the child process
 */
function tolerant(title, roles, log, body) {
  const options = {
    better: true,
    log,
    port: false,
    roles,
    transports: ['tcp']
  };

  scenario(title, options, async (play) => {
    const { exit, messages, peer } = await play.child(body);

    peer.write(peer.frame('text', 'go'));
    await peer.closed();
    play.note(await exit);
    play.log.push(...messages);
  });
}

tolerant(
  'callbacks that throw when a Blob cannot be read',
  ['server', 'client'],
  ['exit 0', 'a no', 'uncaught a', 'b no', 'uncaught b', 'c no', 'error no'],
  ({ open, tell }) => {
    process.on('uncaughtException', ({ message }) =>
      tell(`uncaught ${message}`)
    );
    open((ws) => {
      const fail = (name) => (err) => {
        tell(`${name} ${err.message}`);
        if (name !== 'c') throw new Error(name);
      };
      const blob = new Blob(['x']);

      blob.arrayBuffer = () => Promise.reject(new Error('no'));
      ws.on('error', ({ message }) => {
        tell(`error ${message}`);
        setImmediate(() => process.exit());
      });
      ws.on('message', () => {
        ws.send(blob, fail('a'));
        ws.send('behind', fail('b'));
        ws.send('last', fail('c'));
      });
    });
  }
);

tolerant(
  'callbacks that throw when the socket was closed before',
  ['server', 'client'],
  ['exit 0', 'a closed', 'uncaught a', 'b closed'],
  ({ open, tell }) => {
    process.on('uncaughtException', ({ message }) =>
      tell(`uncaught ${message}`)
    );
    open((ws) => {
      const blob = new Blob(['x']);
      let give;

      blob.arrayBuffer = () =>
        new Promise((resolve) => {
          give = resolve;
        });
      ws.on('message', () => {
        ws.send(blob, (err) => {
          tell(`a ${/closed/.exec(err.message)[0]}`);
          throw new Error('a');
        });
        ws.send('behind', (err) => {
          tell(`b ${/closed/.exec(err.message)[0]}`);
          setImmediate(() => process.exit());
        });
        ws.on('close', () => give(new ArrayBuffer(1)));
        ws.terminate();
      });
    });
  }
);
