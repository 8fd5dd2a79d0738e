'use strict';

/**
 * Scenarios that are played with `ws` and with the module under test, on every
 * kind of stream and in both roles, and must be seen to go the same way.
 *
 * PARITY_MODULE names another module under test (`ws` shows whether a scenario
 * is stable); PARITY_ONLY is a pattern for the variants, such as "server tcp";
 * PARITY_SHOW prints what `ws` does.
 */

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const path = require('node:path');
const test = require('node:test');

const support = path.join(path.dirname(__dirname), 'support');
const { RawPeer } = require(path.join(support, 'raw-peer.js'));
const { digest, frame } = require(path.join(support, 'frames.js'));
const transports = require(path.join(support, 'transports.js'));

const ROLES = ['server', 'client'];
const { TRANSPORTS } = transports;
// How long a scenario may take before it counts as hanging.
const TIME_LIMIT = 20000;

const reference = require.resolve('ws');
const subject = require.resolve(process.env.PARITY_MODULE || 'ws-native');
const only = new RegExp(process.env.PARITY_ONLY || '');

/**
 * @param {any} value What an event gave
 * @return {string} One line about it
 */
function show(value) {
  if (Buffer.isBuffer(value)) return digest(value);
  if (value instanceof ArrayBuffer) {
    return `ArrayBuffer ${digest(Buffer.from(value))}`;
  }
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (value instanceof Error) return showError(value);
  return JSON.stringify(value) ?? String(value);
}

/**
 * @param {any} err An error
 * @return {string} Class, message, code and what its private keys hold
 */
function showError(err) {
  const secrets = Object.getOwnPropertySymbols(err)
    .map((symbol) => err[symbol])
    .filter((value) => typeof value === 'number');

  return [err.name, err.code, ...secrets, JSON.stringify(err.message)]
    .filter((part) => part !== undefined)
    .join(' ');
}

/** One play of a scenario: its log, and what has to be cleaned up after it. */
class Play {
  /**
   * @param {string} modulePath The module that plays
   * @param {string} role Its role in the connection
   * @param {string} transport One of TRANSPORTS
   */
  constructor(modulePath, role, transport) {
    this.modulePath = modulePath;
    this.role = role;
    this.transport = transport;
    this.WebSocket = require(modulePath);
    this.log = [];
    this._cleanups = [];
  }

  /**
   * @param {...any} parts Something seen
   */
  note(...parts) {
    this.log.push(
      parts
        .map((part) => (typeof part === 'string' ? part : show(part)))
        .join(' ')
    );
  }

  /**
   * @param {() => void} cleanup Run after the play, the last one first
   */
  defer(cleanup) {
    this._cleanups.push(cleanup);
  }

  /**
   * Writes down the events of a WebSocket.
   *
   * @param {any} ws The object
   * @param {string} [prefix] Put before each line
   * @return {any} The same object
   */
  watch(ws, prefix = '') {
    const note = (...parts) => this.note(prefix + parts[0], ...parts.slice(1));

    ws.on('message', (data, isBinary) =>
      note(isBinary ? 'binary' : 'text', data)
    );
    ws.on('ping', (data) => note('ping', data));
    ws.on('pong', (data) => note('pong', data));
    ws.on('error', (err) => note('error', err, `state ${ws.readyState}`));
    ws.on('close', (code, reason) =>
      note('close', code, reason, `state ${ws.readyState}`)
    );

    return ws;
  }

  /**
   * Opens a connection between the module, in the role of this play, and a raw
   * peer.
   *
   * @param {object} [options] Those of the WebSocket or its server
   * @param {{ allowHalfOpen?: boolean, head?: (peer: any) => Buffer,
   *     onOpen?: (ws: any) => void, deflate?: string }} [how] `head` gives
   *     bytes to be sent in one write with the peer's half of the handshake;
   *     `onOpen` is called where a program would add its listeners; `deflate`
   *     is what the peer offers or answers
   * @return {Promise<{ ws: any, peer: any, request?: any, stream?: any,
   *     wss?: any, server?: any }>} Both ends, and on a server what is there
   */
  open(options, how = {}) {
    return this.role === 'server'
      ? this._openServer(options, how)
      : this._openClient(options, how);
  }

  async _openServer(options, { allowHalfOpen, head, onOpen, deflate }) {
    /** @type {any} */
    const end = {};
    const connected = new Promise((resolve) => {
      end.resolve = resolve;
    });
    const { address, server, wss } = await transports.serve(
      this.WebSocket,
      this.transport,
      options,
      (ws, request, stream) => {
        this.defer(() => ws.terminate());
        ws.on('error', () => {});
        onOpen?.(ws);
        end.resolve({ ws, request, stream });
      }
    );

    // One that is closed would say so again.
    this.defer(() => server._state === 2 || server.close());

    const peer = this.track(
      transports.rawConnect(this.transport, address, { allowHalfOpen })
    );

    await peer.request({ head: head?.(peer), deflate });
    return { ...(await connected), peer, server, wss };
  }

  async _openClient(options, { allowHalfOpen, head, onOpen, deflate }) {
    const { address, server, accept } = await transports.rawServe(
      this.transport,
      { allowHalfOpen }
    );

    this.defer(() => server.close());

    const ws = transports.connect(
      this.WebSocket,
      this.transport,
      address,
      options
    );
    const opened = new Promise((resolve) => {
      ws.on('open', () => {
        onOpen?.(ws);
        resolve();
      });
    });

    this.defer(() => ws.terminate());
    ws.on('error', () => {});

    const peer = this.track(await accept());

    peer.negotiated(deflate);
    await peer.answer({ head: head?.(peer), deflate });
    await opened;
    return { ws, peer };
  }

  /**
   * Whether `ws` loses what is sent right before terminate(): it gives a plain
   * Duplex the frame in two writes, and the second is still queued there.
   *
   * @return {boolean}
   */
  get loses() {
    return this.transport === 'duplex';
  }

  /**
   * Waits until a connection is over at both ends, and notes what the peer got.
   *
   * @param {any} ws One end
   * @param {RawPeer} peer The other, which hangs up as soon as it may
   * @param {boolean} [quiet] Whether what the peer got is not to be noted
   * @return {Promise<void>} Both ends have seen the end
   */
  async over(ws, peer, quiet = false) {
    const closed =
      ws.readyState === 3
        ? undefined
        : new Promise((resolve) => {
            ws.once('close', resolve);
          });

    await peer.until(
      () => peer.ended || peer.gone || / close/.test(` ${peer.log.at(-1)}`),
      'a close frame or the end'
    );
    if (!peer.gone) peer.stream.end();
    await Promise.all([closed, peer.closed()]);
    if (quiet) return;
    for (const line of peer.log) this.note('peer', line);
  }

  /**
   * Waits for the end of a connection that the module has begun to close.
   *
   * @param {any} ws One end
   * @param {RawPeer} peer The other, which answers as it should
   * @return {Promise<void>} Both ends have seen the end
   */
  async finish(ws, peer) {
    await peer.finish();
    if (ws.readyState !== 3) {
      await new Promise((resolve) => {
        ws.once('close', resolve);
      });
    }
    for (const line of peer.log) this.note('peer', line);
  }

  /**
   * @param {RawPeer} peer To be ended with the play
   * @return {RawPeer} The same
   */
  track(peer) {
    this.defer(() => peer.stream.destroy());
    return peer;
  }

  /**
   * Runs a function in a process of its own, where the module plays its role
   * against a raw peer here.
   *
   * @param {(kit: any) => void} body Made into source text: it sees nothing but
   *     its argument, which child.js describes
   * @param {object} [options] Those of the WebSocket or its server
   * @param {string[]} [flags] Arguments for node
   * @return {Promise<{ child: import('node:child_process').ChildProcess,
   *     peer: RawPeer, exit: Promise<string>, messages: any[],
   *     connect: () => Promise<RawPeer>, release: () => void }>} The process,
   *     and the other end of its connection; `connect` makes another one;
   *     `exit` is its end and the first error it printed; `release` ends one
   *     `block` of it
   */
  async child(body, options = {}, flags = []) {
    const raw =
      this.role === 'client'
        ? await transports.rawServe(this.transport)
        : undefined;
    const setup = {
      modulePath: this.modulePath,
      role: this.role,
      transport: this.transport,
      address: raw?.address,
      options
    };
    const entry = path.join(__dirname, 'child.js');
    const child = spawn(
      process.execPath,
      [
        ...flags,
        '-e',
        `(${body})(require(${JSON.stringify(entry)}).kit(${JSON.stringify(setup)}))`
      ],
      { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] }
    );
    const messages = [];
    let stderr = '';

    child.stdout.resume();
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    this.defer(() => child.kill('SIGKILL'));
    if (raw) this.defer(() => raw.server.close());

    const listening = new Promise((resolve) => {
      child.on('message', (/** @type {any} */ message) => {
        if (message.address !== undefined) resolve(message.address);
        else messages.push(message);
      });
    });
    const exit = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        const error = /^\S*Error\b.*$/m.exec(stderr);
        resolve(`exit ${signal ?? code}${error ? ` ${error[0]}` : ''}`);
      });
    });
    const died = exit.then((how) => {
      throw new Error(`the child did not connect: ${how}\n${stderr}`);
    });

    died.catch(() => {});

    const connect = async () => {
      if (raw) {
        const peer = this.track(await Promise.race([raw.accept(), died]));
        await peer.answer();
        return peer;
      }

      const address = await Promise.race([listening, died]);
      const peer = this.track(transports.rawConnect(this.transport, address));
      await peer.request();
      return peer;
    };

    const release = () => {
      child.stdin.write('.');
    };

    return { child, connect, exit, messages, peer: await connect(), release };
  }

  /** Ends everything that the play has started. */
  cleanUp() {
    for (const cleanup of this._cleanups.reverse()) {
      try {
        cleanup();
      } catch {
        // What cannot be ended has ended.
      }
    }
  }
}

/**
 * @param {(play: Play) => Promise<any>} run The scenario
 * @param {Play} play Its play
 * @return {Promise<string[]>} Its log
 */
async function perform(run, play) {
  let timer;
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => {
      const log = play.log.join('\n  ');
      reject(new Error(`${play.modulePath} hangs; so far:\n  ${log}`));
    }, TIME_LIMIT);
  });

  try {
    await Promise.race([run(play), late]);
  } finally {
    clearTimeout(timer);
    play.cleanUp();
  }

  return play.log;
}

/**
 * @param {string} role
 * @param {{ transports?: string[], port?: boolean }} options Those of a scenario
 * @return {string[]} Its transports; a server over TCP is also one with a port of its
 *     own, whose connections are made elsewhere
 */
function variantsOf(role, { transports = TRANSPORTS, port = true }) {
  return role === 'server' && port && transports.includes('tcp')
    ? [...transports, 'port']
    : transports;
}

/**
 * Declares a scenario.
 *
 * @param {string} title What it shows
 * @param {{ roles?: string[], transports?: string[], port?: boolean,
 *     log?: string[], better?: boolean }} options The variants; `port` is false
 *     if it needs an HTTP server of somebody else's; `log` is what must be seen,
 *     where it is worth saying; `better` if `ws` falls short of it
 * @param {(play: Play) => Promise<any>} run Plays it and notes what it sees
 */
function scenario(title, options, run) {
  test(title, async (t) => {
    for (const role of options.roles ?? ROLES) {
      for (const transport of variantsOf(role, options)) {
        const name = `${role} ${transport}`;

        if (!only.test(name)) continue;

        await t.test(name, async () => {
          const show = (log) => {
            if (process.env.PARITY_SHOW) console.log(`${title}, ${name}`, log);
            return log;
          };
          const play = (module) =>
            perform(run, new Play(module, role, transport));

          if (options.better) {
            if (subject === reference) return;
            assert.deepStrictEqual(show(await play(subject)), options.log);
            return;
          }

          const want = show(await play(reference));

          assert.notDeepStrictEqual(want, [], 'the scenario saw nothing');
          if (options.log) assert.deepStrictEqual(want, options.log);
          assert.deepStrictEqual(await play(subject), want);
        });
      }
    }
  });
}

module.exports = {
  Play,
  ROLES,
  RawPeer,
  TRANSPORTS,
  digest,
  frame,
  scenario,
  subject
};
