// The JavaScript tests on other versions of Node.js, whose binaries come from the
// npm registry. Each is fetched once, into `.cache/node`.
//
//   npm run test:node -- 22 24 26              every test on each of these
//   npm run test:node -- 20.19.0 -- closing    the files whose path has this word
//
// A version is a range of npm's: `22` is its newest release. With WS_NATIVE_NODE_FRESH=1
// a range is resolved again.
// @ts-check

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync
} from 'node:fs';
import path from 'node:path';

import { main, Refusal, root, run } from './toolchain.mjs';

const cache = path.join(root, '.cache', 'node');
const isWindows = process.platform === 'win32';

await main(() => {
  const [versions, filters] = split(process.argv.slice(2));

  if (versions.length === 0) {
    throw new Refusal(
      'name the versions: `npm run test:node -- 20.19.0 22 24 26`.'
    );
  }

  const failed = versions.filter((version) => !passes(version, filters));

  if (failed.length > 0) {
    throw new Refusal(`tests failed on Node.js ${failed.join(', ')}.`);
  }
});

/**
 * @param {string[]} args
 * @returns {[string[], string[]]} What stands before and behind `--`
 */
function split(args) {
  const at = args.indexOf('--');

  return at < 0 ? [args, []] : [args.slice(0, at), args.slice(at + 1)];
}

/**
 * Runs the tests on one version.
 *
 * @param {string} version
 * @param {string[]} filters Words of the files' paths; all files without any
 * @returns {boolean} Whether they passed
 */
function passes(version, filters) {
  const node = fetchNode(version);
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });

  console.log(`\nNode.js ${stdout.trim()}`);

  const begin = Date.now();
  // Tests start `node` and `npm` by their names as well.
  const PATH = [path.dirname(node), process.env.PATH].join(path.delimiter);
  const { status } = spawnSync(
    node,
    [path.join(root, 'scripts', 'test-javascript.mjs'), ...filters],
    { cwd: root, env: { ...process.env, PATH }, stdio: 'inherit' }
  );
  const seconds = Math.round((Date.now() - begin) / 1000);

  console.log(`Node.js ${stdout.trim()}: ${seconds} s, status ${status}`);
  return status === 0;
}

/**
 * @param {string} version
 * @returns {string} The path of its binary, which is fetched if need be
 */
function fetchNode(version) {
  if (!/^\d+(\.\d+){0,2}$/.test(version)) {
    throw new Refusal(`\`${version}\` is no version of Node.js.`);
  }

  const folder = path.join(cache, version);
  const node = path.join(folder, 'bin', isWindows ? 'node.exe' : 'node');

  if (existsSync(node) && process.env.WS_NATIVE_NODE_FRESH !== '1') return node;

  const platform = isWindows ? 'win' : process.platform;
  const spec = `node-${platform}-${process.arch}@${version}`;

  console.error(`ws-native: fetching ${spec}`);
  mkdirSync(cache, { recursive: true });

  const fetched = mkdtempSync(path.join(cache, 'fetch-'));

  try {
    run('npm', ['pack', '--silent', '--pack-destination', fetched, spec], {
      shell: isWindows
    });

    const tarball = readdirSync(fetched).find((name) => name.endsWith('.tgz'));

    if (!tarball) throw new Refusal(`npm left no tarball of ${spec}.`);
    run('tar', ['-xzf', tarball], { cwd: fetched });
    rmSync(folder, { force: true, recursive: true });
    // As a whole: a run that was cut off leaves no half of one.
    renameSync(path.join(fetched, 'package'), folder);
  } finally {
    rmSync(fetched, { force: true, recursive: true });
  }

  return node;
}
