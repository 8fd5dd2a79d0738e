'use strict';

// setTimeout() of ws._socket. Heartbeats depend on it. The tests compare what makes it
// fire, not how long it takes.

const { scenario } = require('../support/scenario.js');

const NATIVE = { transports: ['tcp', 'unix', 'tls'] };

/**
 * @param {any} socket A socket with an idle timer
 * @return {{ count: number, reach: (count: number) => Promise<void> }} How often
 *     it has fired; `reach` waits for a count
 */
function counter(socket) {
  const fired = {
    count: 0,
    async reach(count) {
      while (fired.count < count) {
        await new Promise((resolve) => socket.once('timeout', resolve));
      }
    }
  };

  socket.on('timeout', () => fired.count++);
  return fired;
}

// Long enough to show, even on a loaded machine, that nothing happens.
const QUIET = 120;

const pause = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

// One transport is enough for slow tests.
const TIMED = { transports: ['tcp', 'tls'] };

scenario('a heartbeat on each timeout', NATIVE, async (play) => {
  const { ws, peer } = await play.open();
  const socket = ws._socket;
  const fired = counter(socket);

  socket.setTimeout(20);
  socket.on('timeout', () => ws.ping());
  await fired.reach(4);
  socket.setTimeout(0);
  await peer.frames(4);
  play.note(peer.log.slice(0, 4));
  ws.terminate();
});

scenario(
  'it fires once, and again behind traffic only',
  NATIVE,
  async (play) => {
    const { ws, peer } = await play.open();
    const socket = ws._socket;
    const fired = counter(socket);
    const message = peer.frame('binary', Buffer.alloc(1000));

    play.watch(ws);
    socket.setTimeout(20);
    await fired.reach(1);
    await pause(QUIET);
    play.note('without traffic', fired.count);
    // The WebSocket emits nothing.
    peer.write(message.subarray(0, 500));
    await fired.reach(2);
    await pause(QUIET);
    play.note('half a frame', fired.count);
    peer.write(message.subarray(500));
    await fired.reach(3);
    await pause(QUIET);
    play.note('the other half', fired.count);
    ws.send('a');
    await fired.reach(4);
    await pause(QUIET);
    play.note('a message', fired.count);
    socket.write(Buffer.alloc(0));
    await fired.reach(5);
    await pause(QUIET);
    play.note('nothing written', fired.count);
    peer.write(peer.frame('pong', ''));
    await fired.reach(6);
    play.note('a pong', fired.count);
    socket._unrefTimer();
    await fired.reach(7);
    play.note('by hand', fired.count);
    ws.terminate();
    await pause(QUIET);
    play.note('terminated', fired.count);
  }
);

scenario('traffic of every kind puts it off', NATIVE, async (play) => {
  const { ws, peer } = await play.open();
  const socket = ws._socket;
  const fired = counter(socket);
  const bytes = peer.frame('binary', Buffer.alloc(60));
  const start = Date.now();

  socket.setTimeout(1000);
  for (let i = 0; i < 60; i++) {
    if (i % 2 === 0) peer.write(bytes.subarray(i, i + 2));
    else socket.write(bytes.subarray(i - 1, i + 1));
    await pause(20);
  }
  play.note(fired.count, Date.now() - start > 1000);
  ws.terminate();
});

scenario('it is changed by its listener', NATIVE, async (play) => {
  const { ws } = await play.open();
  const socket = ws._socket;
  const fired = counter(socket);

  socket.once('timeout', () => {
    socket.setTimeout(30);
    play.note(socket.timeout);
  });
  socket.setTimeout(20);
  play.note(socket.timeout);
  await fired.reach(2);
  socket.once('timeout', () => {
    socket.setTimeout(0);
    play.note(socket.timeout);
    ws.send('a');
  });
  ws.send('a');
  await fired.reach(3);
  ws.send('a');
  await pause(QUIET);
  play.note('stopped', fired.count, socket.timeout);
  socket.setTimeout(20);
  await fired.reach(4);
  // It can be read, but not set.
  socket.timeout = 1e6;
  ws.send('a');
  await fired.reach(5);
  play.note('again', fired.count, socket.timeout);
  ws.terminate();
});

scenario('setTimeout() and its arguments', NATIVE, async (play) => {
  const { ws } = await play.open();
  const socket = ws._socket;
  const fired = counter(socket);
  const callback = () => play.note('called back');
  const attempt = (...args) => {
    try {
      play.note(String(args[0]), socket.setTimeout(...args) === socket);
    } catch (error) {
      play.note(String(args[0]), error);
    }
    play.note(String(socket.timeout), socket.listenerCount('timeout'));
  };

  attempt(20, callback);
  await fired.reach(1);
  ws.send('a');
  await fired.reach(2);
  play.note(socket.listenerCount('timeout'));
  attempt(1e6, callback);
  attempt(0, callback);
  attempt(0.1);
  await fired.reach(3);
  // An invalid argument leaves the timer unchanged.
  attempt(1e6);
  for (const wrong of [-1, NaN, Infinity, '20', null, undefined, 20n, {}]) {
    attempt(wrong, callback);
  }
  attempt(0, 'callback');
  attempt(20, 'callback');
  await fired.reach(4);
  play.note('fired', fired.count);
  ws.terminate();
  await new Promise((resolve) => ws.once('close', resolve));
  attempt(20, callback);
  await pause(QUIET);
  play.note('closed', fired.count);
});

scenario('replaced global timers are not used', NATIVE, async (play) => {
  const { ws } = await play.open();
  const socket = ws._socket;
  const fired = counter(socket);
  const names = ['setTimeout', 'clearTimeout', 'setInterval', 'setImmediate'];
  const kept = names.map((name) => globalThis[name]);
  const forged = [];

  for (const name of names) globalThis[name] = () => forged.push(name);
  try {
    socket.setTimeout(20);
    await fired.reach(1);
    ws.ping();
    await fired.reach(2);
    socket.setTimeout(0);
  } finally {
    names.forEach((name, i) => {
      globalThis[name] = kept[i];
    });
  }
  play.note(fired.count, forged);
  ws.terminate();
});

scenario('the socket is given back to Node', NATIVE, async (play) => {
  for (const expired of [false, true]) {
    const { ws, peer } = await play.open();
    const socket = ws._socket;
    const fired = counter(socket);

    if (expired) {
      socket.setTimeout(20);
      await fired.reach(1);
    } else {
      socket.setTimeout(QUIET);
      ws.send('a');
      await peer.frames(1);
    }
    socket.on('data', () => {});
    play.note(socket.timeout);
    if (!expired) await fired.reach(1);
    await pause(2 * QUIET);
    play.note('given back', fired.count);
    peer.write(peer.frame('text', 'b'));
    await fired.reach(2);
    play.note('read', fired.count);
    ws.send('c');
    await fired.reach(3);
    play.note('written', fired.count);
    socket.setTimeout(0);
    ws.send('d');
    await pause(QUIET);
    play.note('stopped', fired.count);
    ws.terminate();
  }
});

scenario('a peer that reads nothing', NATIVE, async (play) => {
  const { ws, peer } = await play.open();
  const socket = ws._socket;
  const fired = counter(socket);

  peer.stream.pause();
  for (let i = 0; i < 32; i++) ws.send(Buffer.alloc(1 << 20));
  socket.setTimeout(50);
  await fired.reach(1);
  // They are queued behind data that the kernel does not accept.
  ws.ping();
  await pause(QUIET);
  play.note('stuck', fired.count);
  peer.stream.resume();
  await fired.reach(2);
  play.note('read');
  ws.terminate();
});

scenario('it keeps no process alive', NATIVE, async (play) => {
  const { exit, messages } = await play.child(({ open, tell }) => {
    open((ws, server) => {
      ws._socket.setTimeout(1e6);
      ws._socket.unref();
      server?.close();
      tell('unreferenced');
    });
  });

  play.note(await exit, messages);
});

scenario('setTimeout() sees the traffic', TIMED, async (play) => {
  const { ws, peer } = await play.open();
  const socket = ws._socket;

  play.watch(ws);
  socket.setTimeout(60, () => {
    play.note('timeout', ws.readyState);
    ws.terminate();
  });
  play.note(socket.timeout);
  // Traffic in either direction, in steps shorter than the limit, for longer than
  // the limit.
  const start = Date.now();
  let late = false;
  let last = start;
  let i = 0;
  while (Date.now() - start < 150 && ws.readyState === 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    // A stalled machine is not the timer's fault.
    if (Date.now() - last > 30) late = true;
    last = Date.now();
    if (ws.readyState !== 1) break;
    if (i++ % 2 === 0) {
      peer.write(peer.frame('ping', ''));
      await peer.frames(i);
    } else {
      ws.ping();
      await peer.frames(i);
    }
  }
  const inTime = late || Date.now() - start >= 150;
  await play.over(ws, peer, true);
  play.log = play.log.filter((line) => !/^(ping|pong) /.test(line));
  play.note('in time', inTime);
});
