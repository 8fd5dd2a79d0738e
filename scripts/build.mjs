// Builds the addon beside package.json and, with it, native.js and native.d.ts.
// The one place that knows the flags: without --js and --dts the command line of
// napi would overwrite the hand-written index.js and index.d.ts.
//
//   node scripts/build.mjs [release | quick | dev] [more flags of `napi build`]
//
// The profile may also come from WS_NATIVE_PROFILE. `release` is what ships,
// `quick` the same without link-time optimisation, `dev` has its checks on.
// @ts-check

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { main, requireCargo, root, run } from './toolchain.mjs';

/** @type {Record<string, string[]>} */
const PROFILES = {
  release: ['--release'],
  quick: ['--profile', 'quick'],
  dev: []
};

/** Holds the profile of the addon that lies beside package.json. */
export const profileFile = path.join(root, '.cache', 'addon-profile');

/** @returns {string} The profile that is asked for when none is named */
export function defaultProfile() {
  return process.env.WS_NATIVE_PROFILE || 'release';
}

/**
 * @param {string} profile
 * @param {string[]} [more] Further flags of `napi build`
 */
export function build(profile, more = []) {
  const flags = PROFILES[profile];

  if (!flags) {
    const known = Object.keys(PROFILES).join(', ');
    throw new RangeError(`No profile '${profile}': it is one of ${known}`);
  }

  requireCargo();

  const require = createRequire(import.meta.url);
  const manifest = require.resolve('@napi-rs/cli/package.json');
  const cli = path.join(path.dirname(manifest), require(manifest).bin.napi);

  const cache = path.dirname(profileFile);

  mkdirSync(cache, { recursive: true });

  const output = mkdtempSync(path.join(cache, 'build-'));

  try {
    run(process.execPath, [
      cli,
      'build',
      '--platform',
      ...flags,
      '--js',
      'native.js',
      '--dts',
      'native.d.ts',
      '--output-dir',
      output,
      ...more
    ]);

    // A process that runs may have the old addon mapped: it must keep its bytes,
    // and one that starts must find either the old or the new one.
    for (const name of readdirSync(output)) {
      renameSync(path.join(output, name), path.join(root, name));
    }
  } finally {
    rmSync(output, { force: true, recursive: true });
  }

  writeFileSync(profileFile, `${profile}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [first, ...rest] = process.argv.slice(2);
  const named = first !== undefined && !first.startsWith('-');

  await main(() =>
    named ? build(first, rest) : build(defaultProfile(), process.argv.slice(2))
  );
}
