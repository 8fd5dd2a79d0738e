'use strict';

// Checks the source text: which layer may use what, where `unsafe` is allowed,
// and what no tracked file may contain.

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const { isBuiltin } = require('node:module');
const path = require('node:path');
const { describe, it } = require('node:test');

const root = path.join(__dirname, '..');
const UNSAFE_FILE = 'src/binding/hot.rs';
const GENERATED = ['native.js', 'native.d.ts'];

/**
 * @param {string} directory
 * @param {string} extension
 * @returns {string[]} Paths from the root, at any depth
 */
function files(directory, extension) {
  return fs
    .readdirSync(path.join(root, directory), { recursive: true })
    .map((name) => `${directory}/${String(name).replaceAll(path.sep, '/')}`)
    .filter((name) => name.endsWith(extension))
    .sort();
}

/**
 * @param {string} name
 * @returns {string}
 */
function read(name) {
  return fs.readFileSync(path.join(root, name), 'utf8');
}

/**
 * @param {string} name A Rust file
 * @returns {string} Its code: no comments, and no unit tests
 */
function rustCode(name) {
  const text = read(name);

  // By convention, unit tests are the last module of a file.
  return text.split(/^#\[cfg\(test\)\]\s*mod /m)[0].replace(/\/\/.*$/gm, '');
}

/**
 * @param {string} name A JavaScript file
 * @returns {string[]} What it requires
 */
function required(name) {
  const pattern = /\brequire\(\s*(['"`])(.+?)\1\s*\)/g;

  return Array.from(read(name).matchAll(pattern), ([, , module]) => module);
}

/** The folders of `__test__`; CONTRIBUTING.md says what is in each. */
const AREAS = [
  'autobahn',
  'client',
  'closing',
  'compat',
  'deflate',
  'dependents',
  'examples',
  'messages',
  'package',
  'process',
  'server',
  'socket',
  'support',
  'types'
];

/**
 * Exceptions to the rules, by file.
 *
 * @type {Record<string, string[]>}
 */
const EXEMPT = {
  // A cache: its content changes no result.
  'src/protocol/deflate/streams.rs': ['global state']
};

describe('the layers', () => {
  const forbidden = {
    'src/protocol': [
      [/\btokio(?:_\w+)?::/, 'tokio'],
      [/\bnapi(?:_\w+)?\b/, 'napi'],
      [/\bstd::(?:net|io|fs|thread|env)\b/, 'I/O and threads'],
      [/\bstd::time\b|\b(?:Instant|SystemTime)\b/, 'the clock'],
      [/\b(?:getrandom|rand|fastrand)::/, 'chance'],
      [/\bstatic\s+mut\b|\bthread_local!/, 'global state'],
      [/\bcrate::(?:transport|binding)\b/, 'the layers above']
    ],
    'src/transport': [
      [/\bnapi(?:_\w+)?\b/, 'napi'],
      [/\bcrate::binding\b/, 'the layer above']
    ],
    'src/binding': [[/\bstd::net\b|\btokio::net\b/, 'sockets']]
  };

  for (const [directory, rules] of Object.entries(forbidden)) {
    for (const [pattern, what] of rules) {
      it(`${directory} does without ${what}`, () => {
        const guilty = files(directory, '.rs').filter(
          (name) =>
            pattern.test(rustCode(name)) && !(EXEMPT[name] ?? []).includes(what)
        );

        assert.deepStrictEqual(guilty, []);
      });
    }
  }

  it('nothing requires the addon outside of lib/engine', () => {
    const all = [...files('lib', '.js'), 'index.js'];
    const users = (pattern) =>
      all.filter((name) => required(name).some((one) => pattern.test(one)));

    assert.deepStrictEqual(users(/\/native(?:\.js)?$/), [
      'lib/engine/load-native.js'
    ]);
    for (const name of users(/load-native/)) {
      assert.match(name, /^lib\/engine\//);
    }
  });

  it('lib has at most eight files outside of its folders', () => {
    const loose = files('lib', '.js').filter((name) => !/\/.*\//.test(name));

    assert.ok(loose.length <= 8, loose.join(', '));
  });

  it('no module of lib requires itself by way of others', () => {
    const done = new Set();
    const visit = (name, trail) => {
      assert.ok(!trail.includes(name), [...trail, name].join(' -> '));
      if (done.has(name)) return;

      for (const module of required(name)) {
        if (!module.startsWith('.')) continue;

        const next = path.posix.join(path.posix.dirname(name), module);

        if (next.startsWith('lib/')) visit(next, [...trail, name]);
      }
      done.add(name);
    };

    for (const name of files('lib', '.js')) visit(name, []);
  });

  it('the package depends on nothing, and needs no install script', () => {
    const { dependencies, scripts } = JSON.parse(read('package.json'));

    assert.strictEqual(dependencies, undefined);
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) {
      assert.strictEqual(scripts[name], undefined);
    }
  });

  it('lib requires only Node.js and itself', () => {
    for (const name of files('lib', '.js')) {
      for (const module of required(name)) {
        assert.ok(isBuiltin(module) || /^\.{1,2}\//.test(module), module);
      }
    }
  });
});

describe('unsafe code', () => {
  const rust = [...files('src', '.rs'), 'build.rs'];

  it('stands in one file only', () => {
    const users = rust.filter((name) =>
      /\bunsafe\b(?!_)/.test(rustCode(name).replace(/"[^"]*"/g, ''))
    );

    assert.deepStrictEqual(users, [UNSAFE_FILE]);
  });

  it('is where the documents say', () => {
    for (const name of ['CONTRIBUTING.md', 'SECURITY.md']) {
      const named = read(name).match(/\bsrc\/[\w/]+\.rs\b/g);

      assert.deepStrictEqual(named, [UNSAFE_FILE], name);
    }
  });

  it('says at each place why it is sound', () => {
    const lines = read(UNSAFE_FILE).split('\n');

    for (const [index, line] of lines.entries()) {
      if (!/\bunsafe\s*(?:\{|impl\b)/.test(line.replace(/\/\/.*/, ''))) {
        continue;
      }

      // The comment may precede the statement that contains the block.
      const above = lines.slice(Math.max(0, index - 8), index + 1);

      assert.ok(
        above.some((text) => /\/\/ SAFETY: \S/.test(text)),
        `${UNSAFE_FILE}:${index + 1} has no SAFETY comment`
      );
    }
  });
});

describe('the tracked files', () => {
  const { status, stdout } = spawnSync('git', ['ls-files', '-z'], {
    cwd: root,
    encoding: 'utf8'
  });
  // An unpacked source archive has no list of files.
  const skip = status === 0 ? false : 'this is no git repository';
  const tracked = skip
    ? []
    : stdout
        .split('\0')
        .filter((name) => name && fs.existsSync(path.join(root, name)));

  // Copies of other projects' files, and what programs have written.
  const tests = tracked.filter(
    (name) =>
      name.startsWith('__test__/') &&
      !/^__test__\/(?:autobahn\/(?:expected|kit)|documents|fixtures)\//.test(
        name
      )
  );

  it('hold no path of the machine they were written on', { skip }, () => {
    // Built from parts, so that this file does not match itself.
    const places = ['home', 'root', 'Users', 'work'].join('|');
    const absolute = new RegExp(
      `(?:^|[^\\w.$}/)-])/(?:${places})/(?=[\\w.-])|\\.\\./shared\\b`,
      'm'
    );

    for (const name of tracked) {
      assert.doesNotMatch(read(name), absolute, name);
    }
  });

  it('name no address of a package registry', { skip }, () => {
    const lock = JSON.parse(read('package-lock.json'));

    for (const [name, { resolved }] of Object.entries(lock.packages)) {
      assert.strictEqual(resolved, undefined, name);
    }
  });

  it('hold nothing that was built', { skip }, () => {
    const built = tracked.filter(
      (name) =>
        /\.(?:node|tgz|so|dylib|dll)$/.test(name) ||
        /(?:^|\/)(?:node_modules|target)\//.test(name)
    );

    assert.deepStrictEqual(built, []);
  });

  it('are of a size one can read', { skip }, () => {
    const long = tracked
      .filter((name) => /^(?:src\/.*\.rs|lib\/.*\.js)$/.test(name))
      .filter((name) => !GENERATED.includes(name))
      .filter((name) => read(name).split('\n').length > 701);

    assert.deepStrictEqual(long, []);
  });

  it('hold no test file over 500 lines', { skip }, () => {
    const long = tests.filter((name) => read(name).split('\n').length > 501);

    assert.deepStrictEqual(long, []);
  });

  it('hold each test in the folder of its area', { skip }, () => {
    const misplaced = tests.filter(
      (name) =>
        !AREAS.includes(name.split('/')[1]) ||
        path.basename(name).startsWith('audit-')
    );

    assert.deepStrictEqual(misplaced, ['__test__/architecture.test.js']);
  });
});
