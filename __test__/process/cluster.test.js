'use strict';

// Four cluster workers on one port: one is killed, one disconnects, and the
// connections of the others continue. The primary either accepts and hands the
// sockets over, or lets the workers accept.

const assert = require('node:assert');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { describe, it } = require('node:test');

const {
  plainEnvironment,
  useReference
} = require('../support/packed-project.js');

const WORKERS = 4;
const ROUNDS = 50;
const modulePath = useReference
  ? require.resolve('ws')
  : path.join(__dirname, '..', '..', 'index.js');
const WebSocket = require(modulePath);

/** A client, and the process that serves it. */
class Client {
  /**
   * @param {number} port
   */
  constructor(port) {
    this.pid = 0;
    this.ws = new WebSocket(`ws://127.0.0.1:${port}`);
    this.closed = once(this.ws, 'close');
  }

  /** @return {Promise<this>} Settles when it is served */
  async open() {
    const [pid] = await once(this.ws, 'message');

    this.pid = Number(pid);
    return this;
  }

  /**
   * Sends texts one after the other, and awaits each echo.
   *
   * @param {string[]} texts
   */
  async talk(texts) {
    for (const text of texts) {
      const answer = once(this.ws, 'message');

      this.ws.send(text);
      assert.strictEqual(String((await answer)[0]), text);
    }
  }

  /** @return {Promise<number>} The close code */
  async close() {
    this.ws.close(1000);
    return (await this.closed)[0];
  }
}

/**
 * @param {import('node:test').TestContext} t
 * @param {string} policy How connections are distributed
 * @return {Promise<{ port: number, exitOf: (pid: number) => Promise<any> }>} The
 *     workers
 */
async function start(t, policy) {
  const primary = fork(
    path.join(__dirname, 'cluster-program.js'),
    [String(WORKERS), modulePath],
    {
      env: { ...plainEnvironment(), NODE_CLUSTER_SCHED_POLICY: policy },
      execArgv: []
    }
  );
  const ended = [];
  let look = () => {};

  t.after(async () => {
    const exit = once(primary, 'exit');

    primary.disconnect();
    await exit;
  });

  primary.on('message', (message) => {
    if (message.pid) ended.push(message);
    look();
  });

  const [{ port }] = await once(primary, 'message');

  return {
    port,
    exitOf: (pid) =>
      new Promise((resolve) => {
        look = () => {
          const found = ended.find((message) => message.pid === pid);

          if (found) resolve([found.code, found.signal]);
        };
        look();
      })
  };
}

const texts = Array.from({ length: ROUNDS }, (_, i) => `text ${i}`);

for (const policy of ['rr', 'none']) {
  const skip = policy === 'none' && process.platform === 'win32';

  describe(`four workers, scheduling ${policy}`, { skip }, () => {
    /**
     * @param {number} port
     * @return {Promise<Client[]>} One per worker if the primary distributes them;
     *     else a dozen, of any worker
     */
    const connectAll = async (port) => {
      const clients = [];
      const enough = () =>
        policy === 'rr'
          ? new Set(clients.map(({ pid }) => pid)).size === WORKERS
          : clients.length === 12;

      while (!enough()) clients.push(await new Client(port).open());
      return clients;
    };

    it('go on when one is killed', { timeout: 20_000 }, async (t) => {
      const { port, exitOf } = await start(t, policy);
      const clients = await connectAll(port);

      await Promise.all(clients.map((client) => client.talk(texts)));

      const { pid } = clients[0];
      const lost = clients.filter((client) => client.pid === pid);
      const kept = clients.filter((client) => client.pid !== pid);
      const talking = Promise.all(kept.map((client) => client.talk(texts)));

      process.kill(pid, 'SIGKILL');
      for (const { closed } of lost) {
        assert.strictEqual((await closed)[0], 1006);
      }
      assert.deepStrictEqual(await exitOf(pid), [null, 'SIGKILL']);
      await talking;

      const late = await new Client(port).open();

      assert.notStrictEqual(late.pid, pid);
      await late.talk(texts);
      for (const client of [...kept, late]) {
        assert.strictEqual(await client.close(), 1000);
      }
    });

    it('let one retire with its clients', { timeout: 20_000 }, async (t) => {
      const { port, exitOf } = await start(t, policy);
      const clients = await connectAll(port);
      const { pid } = clients[0];
      const leaving = clients.filter((client) => client.pid === pid);

      await clients[0].talk(['retire']);
      await Promise.all(clients.map((client) => client.talk(texts)));

      for (const client of leaving) {
        assert.strictEqual(await client.close(), 1000);
      }
      assert.deepStrictEqual(await exitOf(pid), [0, null]);

      const others = clients.filter((client) => client.pid !== pid);

      for (const client of others) {
        await client.talk(texts);
        assert.strictEqual(await client.close(), 1000);
      }
    });
  });
}
