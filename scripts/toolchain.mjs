// What the scripts beside this file need to know of the tools they call.
// Node's own modules only: they run before anything is installed.
// @ts-check

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's own directory, in a clone and in `node_modules` alike. */
export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** A reason to stop that a person can act on: told as a sentence, no stack. */
export class Refusal extends Error {}

/**
 * Runs the body of a script, and tells a refusal as what it is.
 *
 * @param {() => void | Promise<void>} body
 */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;

    console.error(`ws-native: ${error.message}`);
    process.exitCode = 1;
  }
}

/**
 * Runs a program with our standard streams and refuses when it fails. What it
 * prints goes to standard error, so that nothing precedes the first line of the
 * program a person asked for.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 */
export function run(program, args, options) {
  const { error, status } = spawnSync(program, args, {
    cwd: root,
    stdio: ['inherit', 2, 'inherit'],
    ...options
  });

  if (error) throw new Refusal(`${program} did not start: ${error.message}`);
  if (status !== 0) {
    const line = [program, ...args].join(' ');
    throw new Refusal(`\`${line}\` failed (the reason is above).`);
  }
}

/** Refuses a Node.js older than `engines` of package.json asks for. */
export function requireNode() {
  const { engines } = JSON.parse(read('package.json'));
  const wanted = engines.node.replace(/[^\d.]/g, '');

  if (isOlder(process.versions.node, wanted)) {
    throw new Refusal(
      `Node.js ${wanted} or newer is needed, this is ${process.versions.node}.`
    );
  }
}

/** Refuses when cargo is missing, or older than Cargo.toml asks for. */
export function requireCargo() {
  const wanted = /^rust-version = "([\d.]+)"/m.exec(read('Cargo.toml'))?.[1];
  const { error, stdout } = spawnSync('cargo', ['--version'], {
    cwd: root,
    encoding: 'utf8'
  });
  const found = /^cargo (\d+\.\d+\.\d+)/.exec(stdout ?? '')?.[1];

  if (error || !found) {
    throw new Refusal(
      `the engine is written in Rust and has to be compiled, but no cargo was \
found on the PATH. Install Rust ${wanted} or newer (rustup is the usual way) \
and run the same command again.`
    );
  }

  if (wanted && isOlder(found, wanted)) {
    throw new Refusal(
      `Rust ${wanted} or newer is needed to compile the engine, this is \
${found}. \`rustup update\` brings a new one.`
    );
  }
}

/**
 * @param {string} name A file of the package
 * @returns {string}
 */
export function read(name) {
  return readFileSync(path.join(root, name), 'utf8');
}

/**
 * @param {string} version
 * @param {string} wanted
 * @returns {boolean}
 */
function isOlder(version, wanted) {
  const have = version.split('.').map(Number);
  const want = wanted.split('.').map(Number);

  for (const [index, part] of want.entries()) {
    const own = have[index] ?? 0;
    if (own !== part) return own < part;
  }

  return false;
}
