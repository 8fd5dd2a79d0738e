'use strict';

// The published package: both tarballs in an empty project, without Rust and
// without the repository, under its own name and as `ws`; and the message and the
// remedy if no platform package fits.

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { promisify } = require('node:util');

const { plainEnvironment, tarballs } = require('../support/packed-project.js');
const platform = require('../../lib/engine/platform.js');

const root = path.join(__dirname, '../..');
const run = promisify(execFile);
const directories = [];

// Prints the echoes of a text and of a binary message, with a server and a client
// of this package.
const ECHO = `
  const server = new WebSocketServer({ port: 0 }, () => {
    const client = new WebSocket('ws://127.0.0.1:' + server.address().port);
    const received = [];

    client.on('open', () => {
      client.send('text');
      client.send(Buffer.from([1, 2, 3]));
    });
    client.on('message', (data, isBinary) => {
      received.push([data.toString(isBinary ? 'hex' : 'utf8'), isBinary]);
      if (received.length === 2) client.close(1000, 'done');
    });
    client.on('close', (code, reason) => {
      console.log(JSON.stringify([...received, code, reason.toString()]));
      server.close();
    });
  });

  server.on('connection', (websocket) => {
    websocket.on('message', (data, isBinary) => {
      websocket.send(data, { binary: isBinary });
    });
  });
`;
const ECHOED = '[["text",false],["010203",true],1000,"done"]\n';

/**
 * @param {string} name The module to require
 * @returns {string}
 */
function commonJsProgram(name) {
  return `const WebSocket = require('${name}');
    const { WebSocketServer } = WebSocket;
    ${ECHO}`;
}

/**
 * @param {string} name The module to import
 * @returns {string}
 */
function moduleProgram(name) {
  return `import WebSocket, { WebSocketServer } from '${name}';\n${ECHO}`;
}

/**
 * @param {string} purpose
 * @returns {string} A new directory
 */
function temporaryDirectory(purpose) {
  const directory = fs.realpathSync(
    fs.mkdtempSync(path.join(os.tmpdir(), `ws-native-${purpose}-`))
  );

  directories.push(directory);
  return directory;
}

/** @returns {NodeJS.ProcessEnv} Only Node.js and npm are on the PATH */
function rustlessEnvironment() {
  const directory = temporaryDirectory('path');
  const npm = (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((place) => path.join(place, 'npm'))
    .find((name) => fs.existsSync(name));

  assert.ok(npm, 'there is no npm on the PATH');
  fs.symlinkSync(process.execPath, path.join(directory, 'node'));
  fs.symlinkSync(fs.realpathSync(npm), path.join(directory, 'npm'));

  const env = { ...plainEnvironment(), PATH: directory };

  delete env.NODE_PATH;
  return env;
}

/**
 * Makes a project and runs `npm install` with the arguments.
 *
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} Its directory
 */
async function install(args, env) {
  const directory = temporaryDirectory('consumer');

  fs.writeFileSync(path.join(directory, 'package.json'), '{"private":true}');
  // Needs no registry: the tarballs are all there is to install.
  await run('npm', ['install', '--offline', '--no-audit', ...args], {
    cwd: directory,
    env
  });

  return directory;
}

/**
 * @param {string} directory
 * @param {string} name File to write the program to
 * @param {string} program
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} Its output
 */
async function execute(directory, name, program, env) {
  fs.writeFileSync(path.join(directory, name), program);

  const { stdout } = await run('node', [name], {
    cwd: directory,
    env,
    timeout: 60_000
  });

  return stdout;
}

const skip =
  process.platform === 'win32' && 'the PATH is made of symbolic links';

describe('the packed module', { skip }, () => {
  /** @type {Awaited<ReturnType<typeof tarballs>>} */
  let packed;
  /** @type {NodeJS.ProcessEnv} */
  let env;

  before(async () => {
    packed = await tarballs();
    env = rustlessEnvironment();
    await assert.rejects(run('cargo', ['--version'], { env }), {
      code: 'ENOENT'
    });
  });

  after(() => {
    for (const directory of directories) {
      fs.rmSync(directory, { force: true, recursive: true });
    }
  });

  for (const scripts of ['--no-ignore-scripts', '--ignore-scripts']) {
    it(`works under its own name (${scripts})`, async () => {
      const project = await install(
        [scripts, packed.root, packed.platform],
        env
      );

      assert.strictEqual(
        await execute(project, 'a.js', commonJsProgram('ws-native'), env),
        ECHOED
      );
      assert.strictEqual(
        await execute(project, 'b.mjs', moduleProgram('ws-native'), env),
        ECHOED
      );
    });
  }

  it('is what `ws` means when it is installed as that', async () => {
    const project = await install([`ws@${packed.root}`, packed.platform], env);
    const identity = `
      const { name } = require('ws/package.json');
      require('ws');
      const addons = Object.keys(require.cache).filter((file) =>
        file.endsWith('.node')
      );
      console.log(JSON.stringify([name, require.resolve('ws'), addons]));
    `;

    const [name, entry, addons] = JSON.parse(
      await execute(project, 'who.js', identity, env)
    );
    const modules = path.join(project, 'node_modules');

    assert.strictEqual(name, 'ws-native');
    assert.strictEqual(entry, path.join(modules, 'ws/index.js'));
    assert.deepStrictEqual(addons, [
      path.join(modules, packed.platformName, platform.addonFile())
    ]);
    assert.strictEqual(
      await execute(project, 'a.js', commonJsProgram('ws'), env),
      ECHOED
    );
    assert.strictEqual(
      await execute(project, 'b.mjs', moduleProgram('ws'), env),
      ECHOED
    );
  });

  it('holds the sources, and neither a binary nor a test', async () => {
    const { stdout } = await run('tar', ['-tzf', packed.root]);
    const files = stdout.trim().split('\n');

    for (const name of [
      'Cargo.lock',
      'Cargo.toml',
      'LICENSE',
      'README.md',
      'build.rs',
      'index.d.mts',
      'index.d.ts',
      'index.js',
      'lib/engine/engine.js',
      'native.js',
      'scripts/build-from-source.mjs',
      'src/lib.rs',
      'wrapper.mjs'
    ]) {
      assert.ok(files.includes(`package/${name}`), name);
    }
    assert.deepStrictEqual(
      files.filter((name) => /\.node$|__test__|node_modules/.test(name)),
      []
    );
  });

  describe('without a platform package', () => {
    let project = '';
    let script = '';

    before(async () => {
      project = await install([`ws@${packed.root}`], env);
      script = path.join(
        project,
        'node_modules/ws/scripts/build-from-source.mjs'
      );
    });

    it('says so at the first require, and what to do', async () => {
      const program = `
        try {
          require('ws');
        } catch ({ code, message }) {
          console.log(JSON.stringify({ code, message }));
        }
      `;
      const { code, message } = JSON.parse(
        await execute(project, 'a.js', program, env)
      );

      assert.strictEqual(code, 'WS_NATIVE_NOT_FOUND');
      assert.ok(message.includes(platform.platformName()), message);
      assert.ok(message.includes(`node "${script}"`), message);
      assert.match(message, /needs Rust.*cargo/s);
      assert.strictEqual(message.match(/node "/g).length, 1);
    });

    it('says so to an ES module too', async () => {
      await assert.rejects(
        execute(project, 'a.mjs', moduleProgram('ws'), env),
        (error) => /no compiled engine/.test(error.stderr)
      );
    });

    it('names a platform package that cannot be loaded', async () => {
      const addon = path.join(project, 'node_modules/ws', platform.addonFile());

      fs.writeFileSync(addon, 'no library');
      try {
        await assert.rejects(
          execute(project, 'a.js', commonJsProgram('ws'), env),
          (error) =>
            /no compiled engine/.test(error.stderr) &&
            error.stderr.includes(addon)
        );
      } finally {
        fs.rmSync(addon);
      }
    });

    it('tells that the command needs cargo where there is none', async () => {
      await assert.rejects(
        run('node', [script], { cwd: project, env }),
        (error) => error.code === 1 && /no cargo was found/.test(error.stderr)
      );
    });

    it('works after that command', { timeout: 900_000 }, async () => {
      // An optimized build would take minutes and prove nothing more. A permanent
      // directory saves the next run from compiling the crates.
      const withRust = {
        ...plainEnvironment(),
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16',
        CARGO_PROFILE_RELEASE_LTO: 'off',
        CARGO_PROFILE_RELEASE_OPT_LEVEL: '0',
        CARGO_TARGET_DIR: path.join(
          process.env.CARGO_TARGET_DIR ?? path.join(root, 'target'),
          'from-source'
        )
      };

      await run('node', [script], { cwd: project, env: withRust });
      assert.strictEqual(
        await execute(project, 'a.js', commonJsProgram('ws'), env),
        ECHOED
      );
    });
  });
});
