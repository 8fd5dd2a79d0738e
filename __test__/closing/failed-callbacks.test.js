'use strict';

// The errors that callbacks of send() get when the socket is destroyed before its
// queue is empty.

const { scenario } = require('../support/scenario.js');

const MEBIBYTE = Buffer.alloc(1 << 20, 7);

const ENDS = {
  'destroy()': (ws) => ws._socket.destroy(),
  'destroy() with an error': (ws) =>
    ws._socket.destroy(new Error('on purpose')),
  'terminate()': (ws) => ws.terminate(),
  'a protocol error, and destroy()': (ws) => {
    ws._socket.emit('error', new Error('on purpose'));
  }
};

/**
 * @param {any} play The play
 * @param {any} ws A WebSocket
 * @return {{ ack: (name: string) => (err?: Error) => void, closed: Promise<void>,
 *     note: (...parts: any[]) => void }} `note` skips a line that equals the one
 *     before; `ack` makes a callback that notes an error. (Node.js 20 reports
 *     success for a canceled write.)
 */
function listen(play, ws) {
  let last;
  const note = (...parts) => {
    play.note(...parts);
    if (play.log.at(-1) === last) play.log.pop();
    last = play.log.at(-1);
  };

  ws.on('error', (err) => note('error', err));
  ws.on('close', (code) => note('close', code, ws.bufferedAmount > 0));
  ws._socket.on('error', (err) => note('socket error', err));
  ws._socket.on('close', (...args) => note('socket close', args));

  return {
    ack: (name) => (err) => {
      if (err) note(name, err, String(err.syscall), String(err.errno));
    },
    closed: new Promise((resolve) => ws.once('close', resolve)),
    note
  };
}

/**
 * @param {any} ws A WebSocket whose peer does not read
 * @return {Promise<void>} Settles when its queue no longer shrinks
 */
async function stuck(ws) {
  let before;

  while (ws.bufferedAmount !== before) {
    before = ws.bufferedAmount;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

for (const [title, end] of Object.entries(ENDS)) {
  scenario(`${title} with a full queue`, {}, async (play) => {
    const { ws, peer } = await play.open();
    const { ack, closed, note } = listen(play, ws);

    peer.stream.pause();
    for (let i = 0; i < 32; i++) ws.send(MEBIBYTE, ack('binary'));
    ws.send('text', ack('text'));
    ws._socket.write('raw', ack('raw'));
    const last = new Promise((resolve) => ws.ping('', undefined, resolve));

    await stuck(ws);
    end(ws);
    note('destroyed', ws._socket.destroyed, ws.bufferedAmount > 0);
    ws.send('late', ack('late'));
    process.nextTick(() => note('a tick later'));
    setImmediate(() => note('a turn later'));
    await Promise.all([closed, last]);
    note(await last);
    await new Promise(setImmediate);
    note(ws._socket.errored);
  });
}

scenario(
  'destroy() while everything is held back',
  { transports: ['tcp', 'unix'] },
  async (play) => {
    const { ws } = await play.open();
    const { ack, closed, note } = listen(play, ws);

    ws._socket.cork();
    ws.send('a', ack('first'));
    ws.send('b', ack('second'));
    ws._socket.destroy();
    process.nextTick(() => note('a tick later'));
    await closed;
  }
);
