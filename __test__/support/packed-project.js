'use strict';

// Temporary projects whose `ws` is the packed module: `npm pack` of the root and
// of this machine's platform package, then `npm install` of both tarballs without
// a registry and without scripts. Needed because `require('ws')` in the
// repository is the devDependency.

const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');

const { platformName } = require('../../lib/engine/platform.js');

const root = path.join(__dirname, '..', '..');
const run = promisify(execFile);

/** `1` replaces this package by the reference module, to verify the tests. */
const useReference = process.env.WS_NATIVE_TEST_REFERENCE === '1';

/** @type {Promise<Tarballs> | undefined} */
let packed;

/**
 * @typedef {object} Tarballs
 * @property {string} directory Holds both
 * @property {string} root Tarball of the module
 * @property {string} platform Tarball of its addon for this machine
 * @property {string} platformName Name of the platform package
 */

/**
 * Packs the module once per process; the tarballs are deleted at exit.
 *
 * @return {Promise<Tarballs>}
 */
function tarballs() {
  return (packed ??= packAll());
}

/**
 * @return {Promise<Tarballs>}
 */
async function packAll() {
  const directory = temporaryDirectory('tarballs');
  const source = path.join(root, 'npm', platformName());
  const manifest = readJson(path.join(source, 'package.json'));
  const staged = path.join(directory, 'platform');

  // The platform directory is committed without its binary: stage a copy.
  fs.cpSync(source, staged, { recursive: true });
  fs.copyFileSync(
    path.join(root, manifest.main),
    path.join(staged, manifest.main)
  );

  return {
    directory,
    root: await pack(root, directory),
    platform: await pack(staged, directory),
    platformName: manifest.name
  };
}

/**
 * @param {string} source Directory of the package
 * @param {string} destination The directory of the tarball
 * @return {Promise<string>} The tarball
 */
async function pack(source, destination) {
  const { stdout } = await npm(
    ['pack', source, '--json', '--pack-destination', destination],
    destination
  );
  const [{ filename }] = JSON.parse(stdout);

  // npm 8 prints the name of a scoped package with its slash.
  return path.join(destination, filename.replace('@', '').replace('/', '-'));
}

/**
 * @param {string[]} args
 * @param {string} cwd
 * @param {object} [options]
 * @param {boolean} [options.offline=true] Whether to run without the registry
 * @return {Promise<{ stdout: string, stderr: string }>}
 */
function npm(args, cwd, { offline = true } = {}) {
  const source = offline ? '--offline' : '--prefer-offline';

  return run(
    process.platform === 'win32' ? 'npm.cmd' : 'npm',
    [...args, '--ignore-scripts', source, '--no-audit', '--no-fund'],
    { cwd, env: plainEnvironment(), maxBuffer: 64 * 1024 * 1024 }
  );
}

/**
 * The environment without the variables that `npm test` adds: with
 * npm_config_local_prefix and the like, npm would work on the repository.
 *
 * @return {NodeJS.ProcessEnv}
 */
function plainEnvironment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !/^(npm_(?!config_(?:cache|registry)$)|NODE_TEST_CONTEXT$)/i.test(name)
    )
  );
}

/**
 * @typedef {object} Project
 * @property {string} directory
 * @property {() => void} remove
 */

/**
 * Makes a project with the packed module installed.
 *
 * @param {object} [options]
 * @param {string} [options.as='ws'] The name to install it under
 * @param {string[]} [options.borrow=[]] Packages that are linked from the
 *     repository, so that no registry is needed
 * @return {Promise<Project>}
 */
async function createProject({ as = 'ws', borrow = [] } = {}) {
  const directory = temporaryDirectory('project');
  const manifest = { name: 'project', private: true, dependencies: {} };
  const links = [...borrow];

  if (useReference) {
    links.push('ws');
  } else {
    const { root: module, platform, platformName } = await tarballs();
    manifest.dependencies = {
      [as]: `file:${module}`,
      [platformName]: `file:${platform}`
    };
  }

  fs.writeFileSync(
    path.join(directory, 'package.json'),
    JSON.stringify(manifest)
  );
  if (!useReference) await npm(['install'], directory);

  for (const name of links) {
    const link = path.join(directory, 'node_modules', name);
    fs.mkdirSync(path.dirname(link), { recursive: true });
    fs.symlinkSync(path.join(root, 'node_modules', name), link, 'junction');
  }

  return {
    directory,
    remove: () => fs.rmSync(directory, { recursive: true, force: true })
  };
}

/**
 * @param {string} purpose
 * @return {string} A new directory, removed when the process exits
 */
function temporaryDirectory(purpose) {
  const directory = fs.realpathSync(
    fs.mkdtempSync(path.join(os.tmpdir(), `ws-native-${purpose}-`))
  );

  process.once('exit', () => {
    fs.rmSync(directory, { recursive: true, force: true });
  });

  return directory;
}

/**
 * @param {string} file
 * @return {any}
 */
function readJson(file) {
  return JSON.parse(fs.readFileSync(file, 'utf8'));
}

module.exports = {
  createProject,
  npm,
  plainEnvironment,
  tarballs,
  useReference
};
