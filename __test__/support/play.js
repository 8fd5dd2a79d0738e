'use strict';

// The object that a scenario gets: it opens connections between a module, in
// either role, and a raw peer, and records what both ends see.

const { spawn } = require('node:child_process');
const path = require('node:path');

const { Log } = require('./log.js');
const transports = require('./transports.js');

/** @typedef {import('./raw-peer.js').RawPeer} RawPeer */

/** One play of a scenario: connections between the module and raw peers. */
class Play extends Log {
  /**
   * @param {string} modulePath The module that plays
   * @param {string} role Its role in the connection
   * @param {string} transport One of TRANSPORTS
   */
  constructor(modulePath, role, transport) {
    super(modulePath);
    this.role = role;
    this.transport = transport;
  }

  /**
   * Notes the events of a WebSocket.
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

    // close() of a closed server would throw.
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
   * Whether `ws` loses what is sent right before terminate(): it writes a frame
   * to a plain Duplex in two parts, and the second is still queued.
   *
   * @return {boolean}
   */
  get loses() {
    return this.transport === 'duplex';
  }

  /**
   * Waits until both ends are closed, and notes what the peer got.
   *
   * @param {any} ws One end
   * @param {RawPeer} peer The other end, which hangs up as soon as it may
   * @param {boolean} [quiet] Whether to skip what the peer got
   * @return {Promise<void>} Settles when both ends are closed
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
   * Waits for the end of a connection that the module is closing.
   *
   * @param {any} ws One end
   * @param {RawPeer} peer The other end, which answers correctly
   * @return {Promise<void>} Settles when both ends are closed
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
   * @param {RawPeer} peer A peer that ends with the play
   * @return {RawPeer} The same
   */
  track(peer) {
    this.defer(() => peer.stream.destroy());
    return peer;
  }

  /**
   * Runs a function in a child process, where the module plays its role against a
   * raw peer here.
   *
   * @param {(kit: any) => void} body Passed as source text: it sees only its
   *     argument, which play-child.js describes
   * @param {object} [options] Those of the WebSocket or its server
   * @param {string[]} [flags] Arguments for node
   * @return {Promise<{ child: import('node:child_process').ChildProcess, peer:
   *     RawPeer, exit: Promise<string>, messages: any[], connect: () =>
   *     Promise<RawPeer>, release: () => void }>} The process, and the other end
   *     of its connection; `connect` makes another one; `exit` is its end and the
   *     first error it printed; `release` ends one `block` of it
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
    const entry = path.join(__dirname, 'play-child.js');
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
}

module.exports = { Play };
