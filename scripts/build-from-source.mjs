// Builds the addon from the sources that come with the package, where no
// prebuilt platform package fits: cargo alone, no packages of npm.
//
//   node node_modules/ws-native/scripts/build-from-source.mjs
//
// CARGO_TARGET_DIR is used and kept when it is set; else what cargo leaves
// behind is removed, since nobody looks for gigabytes in node_modules.
// @ts-check

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import platform from '../lib/engine/platform.js';
import {
  Refusal,
  main,
  requireCargo,
  requireNode,
  root
} from './toolchain.mjs';

await main(() => {
  requireNode();
  requireCargo();

  const kept = process.env.CARGO_TARGET_DIR;
  const target = kept || mkdtempSync(path.join(tmpdir(), 'ws-native-build-'));

  try {
    const library = compile(path.resolve(target));
    const addon = path.join(root, platform.addonFile());

    // A running process may have the old file mapped: it must keep its bytes.
    copyFileSync(library, `${addon}.new`);
    renameSync(`${addon}.new`, addon);
    console.error(`ws-native: built ${addon}`);
  } finally {
    if (!kept) rmSync(target, { force: true, recursive: true });
  }
});

/**
 * @param {string} target
 * @returns {string} Path of the compiled library
 */
function compile(target) {
  const { status, stdout } = spawnSync(
    'cargo',
    [
      'build',
      '--release',
      '--locked',
      '--lib',
      '--package=ws-native',
      '--message-format=json-render-diagnostics'
    ],
    {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, CARGO_TARGET_DIR: target },
      maxBuffer: Infinity,
      stdio: ['ignore', 'pipe', 'inherit']
    }
  );

  if (status !== 0) throw new Refusal('cargo failed (the reason is above).');

  for (const line of stdout.split('\n').reverse()) {
    if (!line.startsWith('{')) continue;

    const message = JSON.parse(line);

    if (message.target?.kind.includes('cdylib') && message.filenames) {
      const library = message.filenames.find((/** @type {string} */ name) =>
        /\.(so|dylib|dll)$/.test(name)
      );

      if (library) return library;
    }
  }

  throw new Refusal('cargo built no library.');
}
