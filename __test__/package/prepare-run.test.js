'use strict';

// What `npm start` and `npm test` do first, in a copy of the repository with
// fakes of npm and cargo: when they install, when they build, and which message
// explains a failure.

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { afterEach, beforeEach, describe, it } = require('node:test');

const platform = require('../../lib/engine/platform.js');

const root = path.join(__dirname, '../..');
const NOW = 1_700_000_000;

// Records its arguments; as cargo it also prints its version.
const STAND_IN = `#!${process.execPath}
const fs = require('node:fs');
const path = require('node:path');
const [name, ...args] = process.argv.slice(1);
const line = [path.basename(name), ...args].join(' ');

if (args[0] === '--version') console.log(process.env.CARGO_SAYS);
else fs.appendFileSync(process.env.CALLS, line + '\\n');
if (process.env.FAIL && line.includes(process.env.FAIL)) process.exit(1);
`;

// Replaces @napi-rs/cli: creates the files of a build.
const NAPI = `
const fs = require('node:fs');
const path = require('node:path');
const args = process.argv.slice(2);
const output = args[args.indexOf('--output-dir') + 1];

fs.appendFileSync(process.env.CALLS, 'napi ' + args.slice(0, 4).join(' ') + '\\n');
if (process.env.FAIL === 'napi') process.exit(1);
for (const name of ['native.js', 'native.d.ts', process.env.ADDON]) {
  fs.writeFileSync(path.join(output, name), 'new');
}
`;

const skip = process.platform === 'win32' && 'the stand-ins are scripts';

describe('scripts/prepare-run.mjs', { skip }, () => {
  let copy = '';
  let calls = '';

  const at = (name) => path.join(copy, name);
  const write = (name, text, mode) => {
    fs.mkdirSync(path.dirname(at(name)), { recursive: true });
    fs.writeFileSync(at(name), text, { mode });
  };
  const edit = (name, change) => {
    const value = JSON.parse(fs.readFileSync(at(name), 'utf8'));

    change(value);
    write(name, JSON.stringify(value));
  };

  beforeEach(() => {
    copy = fs.mkdtempSync(path.join(os.tmpdir(), 'ws-native-prepare-'));
    calls = at('calls.txt');

    for (const name of ['scripts', 'lib/engine/platform.js', 'package.json']) {
      fs.cpSync(path.join(root, name), at(name), { recursive: true });
    }

    const packages = { 'node_modules/a': { version: '1.0.0' } };

    write('calls.txt', '');
    write('Cargo.toml', '[package]\nrust-version = "1.88"\n');
    write('Cargo.lock', '');
    write('build.rs', '');
    write('src/deep/er.rs', '');
    write('package-lock.json', JSON.stringify({ packages }));
    write('node_modules/.package-lock.json', JSON.stringify({ packages }));
    write(
      'node_modules/@napi-rs/cli/package.json',
      '{"bin":{"napi":"./cli.js"}}'
    );
    write('node_modules/@napi-rs/cli/cli.js', NAPI);
    write(platform.addonFile(), 'old');
    write('bin/cargo', STAND_IN, 0o755);
    write('bin/npm', STAND_IN, 0o755);

    for (const name of fs.readdirSync(copy, { recursive: true })) {
      fs.utimesSync(at(name), NOW, NOW);
    }
  });

  afterEach(() => fs.rmSync(copy, { force: true, recursive: true }));

  /**
   * @param {NodeJS.ProcessEnv} [variables]
   * @returns {{ calls: string, status: number, stderr: string }}
   */
  function prepare(variables) {
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      [at('scripts/prepare-run.mjs')],
      {
        encoding: 'utf8',
        env: {
          ADDON: platform.addonFile(),
          CALLS: calls,
          CARGO_SAYS: 'cargo 1.88.0 (abc 2025-06-01)',
          PATH: at('bin'),
          ...variables
        }
      }
    );

    assert.strictEqual(stdout, '');
    return { calls: fs.readFileSync(calls, 'utf8'), status, stderr };
  }

  /**
   * @param {string} name
   * @param {number} seconds Its age; negative if it is newer than the rest
   */
  function age(name, seconds) {
    fs.utimesSync(at(name), NOW - seconds, NOW - seconds);
  }

  it('does nothing where nothing is missing, and says nothing', () => {
    assert.deepStrictEqual(prepare(), { calls: '', status: 0, stderr: '' });
  });

  it('installs where there are no packages', () => {
    fs.rmSync(at('node_modules/.package-lock.json'));

    const { calls, status, stderr } = prepare();

    assert.strictEqual(status, 0);
    assert.strictEqual(calls, 'npm ci --no-audit --no-fund\n');
    assert.match(stderr, /installing the packages/);
  });

  it('installs where a package is of another version or lacks', () => {
    edit('package-lock.json', ({ packages }) => {
      packages['node_modules/a'].version = '1.0.1';
    });
    assert.match(prepare().calls, /^npm ci /);

    edit('package-lock.json', ({ packages }) => {
      packages['node_modules/a'].version = '1.0.0';
      packages['node_modules/b'] = { version: '2.0.0' };
    });
    write('calls.txt', '');
    assert.match(prepare().calls, /^npm ci /);
  });

  it('minds no optional package that did not fit, and no date', () => {
    edit('package-lock.json', ({ packages }) => {
      packages[''] = { version: '8.23.0' };
      packages['node_modules/b'] = { optional: true, version: '2.0.0' };
    });
    age('package-lock.json', -10);
    assert.strictEqual(prepare().calls, '');
  });

  it('uses the npm that started it', () => {
    fs.rmSync(at('node_modules/.package-lock.json'));
    write('other/npm-cli.js', STAND_IN);

    const { calls } = prepare({ npm_execpath: at('other/npm-cli.js') });

    assert.strictEqual(calls, 'npm-cli.js ci --no-audit --no-fund\n');
  });

  it('tells when the packages cannot be installed', () => {
    fs.rmSync(at('node_modules/.package-lock.json'));

    const { status, stderr } = prepare({ FAIL: 'ci' });

    assert.strictEqual(status, 1);
    assert.match(stderr, /`npm ci .*` failed/);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });

  it('builds the release where there is no addon', () => {
    fs.rmSync(at(platform.addonFile()));

    const { calls, status, stderr } = prepare();

    assert.strictEqual(status, 0);
    assert.strictEqual(calls, 'napi build --platform --release --js\n');
    assert.match(stderr, /building the addon \(release\)/);
    assert.strictEqual(fs.readFileSync(at('native.js'), 'utf8'), 'new');
    assert.deepStrictEqual(fs.readdirSync(at('.cache')), ['addon-profile']);

    // And not a second time.
    write('calls.txt', '');
    assert.strictEqual(prepare().calls, '');
  });

  for (const name of [
    'Cargo.toml',
    'Cargo.lock',
    'build.rs',
    'src/deep/er.rs'
  ]) {
    it(`builds where ${name} is newer than the addon`, () => {
      age(name, -1);
      assert.match(prepare().calls, /^napi build /);
    });
  }

  it('builds where a source was removed', () => {
    fs.rmSync(at('src/deep/er.rs'));
    assert.match(prepare().calls, /^napi build /);
  });

  it('builds what WS_NATIVE_PROFILE names, and the release after it', () => {
    fs.rmSync(at(platform.addonFile()));
    assert.match(
      prepare({ WS_NATIVE_PROFILE: 'quick' }).calls,
      /^napi build --platform --profile quick$/m
    );

    write('calls.txt', '');
    assert.strictEqual(prepare({ WS_NATIVE_PROFILE: 'quick' }).calls, '');
    assert.match(prepare().calls, /^napi build --platform --release/);
  });

  it('leaves the old addon where a build fails', () => {
    age('build.rs', -1);

    const { status, stderr } = prepare({ FAIL: 'napi' });

    assert.strictEqual(status, 1);
    assert.match(stderr, /failed \(the reason is above\)/);
    assert.strictEqual(
      fs.readFileSync(at(platform.addonFile()), 'utf8'),
      'old'
    );
    assert.deepStrictEqual(fs.readdirSync(at('.cache')), []);
  });

  it('says in a sentence that Rust is missing', () => {
    fs.rmSync(at(platform.addonFile()));
    fs.rmSync(at('bin/cargo'));

    const { status, stderr } = prepare();

    assert.strictEqual(status, 1);
    assert.match(stderr, /no cargo was found on the PATH\. Install Rust 1\.88/);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });

  it('says in a sentence that Rust is too old', () => {
    fs.rmSync(at(platform.addonFile()));

    const { calls, status, stderr } = prepare({
      CARGO_SAYS: 'cargo 1.87.3 (abc 2025-05-01)'
    });

    assert.strictEqual(status, 1);
    assert.strictEqual(calls, '');
    assert.match(stderr, /Rust 1\.88 or newer is needed .* this is 1\.87\.3/);
  });

  it('says in a sentence that Node.js is too old', () => {
    edit('package.json', (manifest) => {
      manifest.engines.node = '>=99';
    });

    const { calls, status, stderr } = prepare();

    assert.strictEqual(status, 1);
    assert.strictEqual(calls, '');
    assert.strictEqual(
      stderr,
      `ws-native: Node.js 99 or newer is needed, this is ${process.versions.node}.\n`
    );
  });
});
