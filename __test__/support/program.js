'use strict';

// Programs as child processes: their output line by line, and what
// program-report.js reports over the IPC channel.

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const readline = require('node:readline');

const reporter = path.join(__dirname, 'program-report.js');

/** After this time a program counts as stuck. */
const PATIENCE = 20000;

class Program {
  #waiting = new Set();

  /**
   * @param {string} file
   * @param {object} [options]
   * @param {string} [options.cwd]
   * @param {NodeJS.ProcessEnv} [options.env]
   * @param {boolean} [options.report=false] Whether to preload the reporter
   */
  constructor(file, { cwd, env = process.env, report = false } = {}) {
    const preload = report ? ['--require', reporter] : [];

    /** @type {string[]} Lines of the standard output */
    this.lines = [];
    /** @type {string[]} Lines of the standard error output */
    this.errors = [];
    /** @type {any[]} The messages of the reporter */
    this.reports = [];
    this.child = spawn(process.execPath, [...preload, file], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc']
    });
    this.exited = once(this.child, 'close').then(([code, signal]) => {
      this.exit = { code, signal };
      this.#look();
      return this.exit;
    });
    /** @type {{ code: number | null, signal: string | null } | undefined} */
    this.exit = undefined;

    this.#collect(this.child.stdout, this.lines);
    this.#collect(this.child.stderr, this.errors);
    this.child.on('message', (report) => {
      this.reports.push(report);
      this.#look();
    });
  }

  /**
   * Waits until the standard output has that many matching lines.
   *
   * @param {string | RegExp} wanted A whole line or a pattern
   * @param {number} [count=1]
   * @return {Promise<string>} The last of them
   */
  async line(wanted, count = 1) {
    const fits = (line) =>
      typeof wanted === 'string' ? line === wanted : wanted.test(line);

    return this.#until(`line ${wanted}`, () => {
      return this.lines.filter(fits)[count - 1];
    });
  }

  /**
   * Waits for a message of the reporter.
   *
   * @param {string} name
   * @return {Promise<any>}
   */
  report(name) {
    return this.#until(`report ${name}`, () => {
      return this.reports.find((report) => name in report)?.[name];
    });
  }

  /**
   * Ends the program, unless it has exited.
   *
   * @param {NodeJS.Signals} [signal='SIGKILL']
   * @return {Promise<{ code: number | null, signal: string | null }>}
   */
  stop(signal = 'SIGKILL') {
    if (this.exit === undefined) this.child.kill(signal);
    return this.exited;
  }

  #collect(stream, lines) {
    readline.createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      this.#look();
    });
  }

  #until(what, find) {
    return new Promise((resolve, reject) => {
      const fail = (reason) => {
        const told = [...this.lines, ...this.errors].join('\n');
        settle(reject, new Error(`No ${what}: ${reason}. Output:\n${told}`));
      };
      const patience = setTimeout(fail, PATIENCE, 'it takes too long');
      const settle = (how, value) => {
        clearTimeout(patience);
        this.#waiting.delete(look);
        how(value);
      };
      const look = () => {
        const found = find();
        if (found !== undefined) settle(resolve, found);
        else if (this.exit) fail(`ended with ${JSON.stringify(this.exit)}`);
      };

      this.#waiting.add(look);
      look();
    });
  }

  #look() {
    for (const look of this.#waiting) look();
  }
}

module.exports = { Program };
