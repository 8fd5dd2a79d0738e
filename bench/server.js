'use strict';

const fs = require('node:fs');
const path = require('node:path');

const { binary } = require('./binary');
const { start, within } = require('./children');

/** How long a server may take to do what it is asked, in seconds. */
const PATIENCE = 20;

/**
 * The servers that there are, the one that all are compared with first.
 * `uws-dedicated` is uws with a compressor for each connection, `bare` the
 * server that the load generator brings.
 */
const SERVERS = ['ws', 'uws', 'uws-dedicated', 'native', 'bare'];

/** Those that a scenario is measured on which names none. */
const USUAL = ['ws', 'uws', 'native', 'bare'];

/** One server in a process of its own. */
class Server {
  /**
   * @param {string} name One of SERVERS
   * @param {import('./measure').Scenario} scenario What to serve
   */
  constructor(name, scenario) {
    const [file, ...parameters] =
      name === 'bare'
        ? [binary, 'serve', scenario.program]
        : [
            process.execPath,
            path.join(__dirname, 'servers', `${name}.js`),
            scenario.program,
            scenario.setup ?? 'plain'
          ];

    this.child = start(file, parameters, {
      oneCore: scenario.oneCore,
      env: scenario.env,
      stdio: ['pipe', 'pipe', 'pipe', 'ipc']
    });
    this.name = name;
    this.pid = /** @type {number} */ (this.child.process.pid);
    this.port = 0;
  }

  /** Resolves when the server listens. */
  async listening() {
    this.port = (await this.answer('its start')).port;
    // Whatever a server prints later must not fill the pipe.
    this.child.process.stdout?.resume();
  }

  /** Collects garbage. */
  async collect() {
    if (this.name === 'bare') return;

    this.child.process.send('collect');
    await this.answer('the garbage collection');
  }

  /**
   * @return {number} Its resident memory, in bytes
   */
  residentMemory() {
    const status = fs.readFileSync(`/proc/${this.pid}/status`, 'utf8');

    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  /** Ends it, resolves when it is gone. */
  async stop() {
    await this.child.kill();
  }

  /**
   * The next message of the server.
   *
   * @param {string} what What is waited for
   * @return {Promise<any>} The message
   */
  answer(what) {
    const message = new Promise((resolve, reject) => {
      if (this.name === 'bare') {
        this.child.process.stdout?.once('data', (line) => {
          resolve(JSON.parse(line));
        });
      } else {
        this.child.process.once('message', resolve);
      }
      this.child.ended.then(({ errors }) => {
        reject(new Error(errors || 'The server ended'));
      });
    });

    return within(message, PATIENCE, `${this.name}: ${what}`);
  }
}

module.exports = { SERVERS, USUAL, Server };
