// Brings a clone to where its programs run: the packages of the lock file and an
// addon that is not older than its sources. Called by `npm start` and `npm test`
// (never by an install script: those are often switched off). Says nothing when
// there is nothing to do.
// @ts-check

import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

import platform from '../lib/engine/platform.js';
import { build, defaultProfile, profileFile } from './build.mjs';
import { main, read, requireNode, root, run } from './toolchain.mjs';

const ADDON_SOURCES = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'src'];

await main(() => {
  requireNode();

  if (packagesAreStale()) {
    console.error('ws-native: installing the packages of package-lock.json');
    npm('ci', '--no-audit', '--no-fund');
  }

  const profile = defaultProfile();
  const reason = whyBuild(profile);

  if (reason) {
    console.error(`ws-native: building the addon (${profile}), ${reason}`);
    build(profile);
  }
});

/**
 * Whether `node_modules` lacks a package of the lock file or has another version
 * of one. Dates would not tell: a checkout gives every file a new one.
 *
 * @returns {boolean}
 */
function packagesAreStale() {
  const wanted = JSON.parse(read('package-lock.json')).packages;
  let installed;

  try {
    installed = JSON.parse(read('node_modules/.package-lock.json')).packages;
  } catch {
    return true;
  }

  return Object.keys(wanted).some((name) => {
    if (name === '') return false;

    const { optional, peer, version } = wanted[name];

    if (!installed[name]) return !optional && !peer;
    return installed[name].version !== version;
  });
}

/**
 * @param {...string} args
 */
function npm(...args) {
  const own = process.env.npm_execpath;

  // Started by npm: the same npm again, whatever the PATH holds.
  if (own && /npm-cli\.[cm]?js$/.test(own)) {
    run(process.execPath, [own, ...args]);
  } else {
    run('npm', args, { shell: process.platform === 'win32' });
  }
}

/**
 * @param {string} profile The profile that is wanted
 * @returns {string} Why the addon has to be built, empty when it has not
 */
function whyBuild(profile) {
  const addon = modified(path.join(root, platform.addonFile()));

  if (addon === 0) return 'since there is none yet';
  if (addon < newest(ADDON_SOURCES.map((name) => path.join(root, name)))) {
    return 'since its sources are newer';
  }

  let built;

  try {
    built = readFileSync(profileFile, 'utf8').trim();
  } catch {
    return ''; // Put there by other means: taken as it is.
  }

  return built === profile ? '' : `since the one there is of profile ${built}`;
}

/**
 * @param {string[]} names Files and directories
 * @returns {number} When the newest of them, and of what is in them, was changed
 */
function newest(names) {
  let result = 0;

  for (const name of names) {
    result = Math.max(result, modified(name));

    if (statSync(name, { throwIfNoEntry: false })?.isDirectory()) {
      const inside = readdirSync(name).map((entry) => path.join(name, entry));
      result = Math.max(result, newest(inside));
    }
  }

  return result;
}

/**
 * @param {string} name
 * @returns {number} 0 when there is no such file
 */
function modified(name) {
  return statSync(name, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
