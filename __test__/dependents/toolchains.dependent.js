'use strict';

// Test runners and bundlers: small projects for Jest, vitest and mocha, as ES
// modules and as CommonJS, with a test of an echo server; and a bundle of esbuild
// that excludes the addon.

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { promisify } = require('node:util');

const run = promisify(execFile);
const modules = path.join(__dirname, 'node_modules');
const workshop = path.join(__dirname, 'toolchains');
const isReference = process.env.WS_NATIVE_TEST_REFERENCE === '1';

/** The test of the small projects. */
const ECHO = `
  async function echo(WebSocket, WebSocketServer) {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await new Promise((resolve) => server.once('listening', resolve));
    server.on('connection', (ws) => {
      ws.on('message', (data, isBinary) => {
        ws.send(data, { binary: isBinary });
      });
    });

    const ws = new WebSocket('ws://127.0.0.1:' + server.address().port);
    const seen = [];
    await new Promise((resolve, reject) => {
      ws.on('error', reject);
      ws.on('open', () => {
        ws.send('text');
        ws.send(Uint8Array.of(1, 2, 3));
      });
      ws.on('message', (data, isBinary) => {
        seen.push(data.toString(isBinary ? 'hex' : 'utf8'));
        if (seen.length === 2) ws.close(1000, 'done');
      });
      ws.on('close', (code, reason) => {
        seen.push(code, reason.toString());
        server.close(resolve);
      });
    });
    return seen.join(' ');
  }
`;
const ECHOED = 'text 010203 1000 done';
const AGAIN = 'echoes once more';

const IMPORTS = {
  cjs: `const WebSocket = require('ws');
    const { WebSocketServer } = WebSocket;`,
  mjs: `import WebSocket, { WebSocketServer } from 'ws';`
};

/**
 * @param {string} imports
 * @return {string} A test of a small project
 */
function testOf(imports) {
  return `${imports}
    ${ECHO}
    for (const title of ['echoes', '${AGAIN}']) {
      it(title, async () => {
        const seen = await echo(WebSocket, WebSocketServer);
        if (seen !== '${ECHOED}') throw new Error('seen: ' + seen);
      });
    }`;
}

/**
 * @param {string} name
 * @param {Record<string, string>} files
 * @return {string} The directory of a project, inside the project that has its
 *     packages
 */
function project(name, files) {
  const directory = path.join(workshop, name);

  fs.mkdirSync(directory, { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    fs.writeFileSync(path.join(directory, file), text);
  }

  return directory;
}

/**
 * @param {string} directory
 * @param {string[]} args Of Node.js
 * @return {Promise<string>} The output
 */
async function node(directory, args) {
  const env = { ...process.env, NO_COLOR: '1', CI: '1' };

  try {
    const { stdout, stderr } = await run(process.execPath, args, {
      cwd: directory,
      env
    });

    return stdout + stderr;
  } catch (err) {
    throw new Error(`${err.stdout}\n${err.stderr}`, { cause: err });
  }
}

/**
 * @param {string} dependency
 * @param {string} file
 * @return {string} A program of a package
 */
function program(dependency, file) {
  return path.join(modules, dependency, file);
}

describe('toolchains', () => {
  before(() => fs.rmSync(workshop, { recursive: true, force: true }));
  after(() => fs.rmSync(workshop, { recursive: true, force: true }));

  it('the module is ours', () => {
    const { name } = require(path.join(modules, 'ws', 'package.json'));

    assert.strictEqual(name, isReference ? 'ws' : 'ws-native');
  });

  it('Jest, CommonJS, several files in one process', async () => {
    // Each file has its own module registry, and so its own engine.
    const files = Object.fromEntries(
      ['a', 'b', 'c'].map((name) => [`${name}.test.js`, testOf(IMPORTS.cjs)])
    );
    const directory = project('jest-cjs', {
      ...files,
      'package.json': '{ "private": true }',
      'jest.config.js': 'module.exports = { testEnvironment: "node" };'
    });
    const printed = await node(directory, [
      program('jest', 'bin/jest.js'),
      '--runInBand',
      '--no-cache'
    ]);

    assert.match(printed, /Tests: +6 passed, 6 total/);
    assert.doesNotMatch(printed, /did not exit/);
  });

  // Jest counts resources without `hasRef` as open handles: the engine's resource
  // and its wake-up. Neither keeps the process alive.
  it('Jest sees no open handles', { skip: !isReference }, async () => {
    const directory = project('jest-handles', {
      'a.test.js': testOf(IMPORTS.cjs),
      'package.json': '{ "private": true }',
      'jest.config.js': 'module.exports = { testEnvironment: "node" };'
    });
    const printed = await node(directory, [
      program('jest', 'bin/jest.js'),
      '--no-cache',
      '--detectOpenHandles'
    ]);

    assert.match(printed, /Tests: +2 passed, 2 total/);
    assert.doesNotMatch(printed, /open handle/);
  });

  it('Jest, CommonJS, in its workers', async () => {
    const files = Object.fromEntries(
      ['a', 'b', 'c'].map((name) => [`${name}.test.js`, testOf(IMPORTS.cjs)])
    );
    const directory = project('jest-workers', {
      ...files,
      'package.json': '{ "private": true }',
      'jest.config.js': `module.exports = {
        testEnvironment: 'node', maxWorkers: 2, workerThreads: true
      };`
    });
    const printed = await node(directory, [
      program('jest', 'bin/jest.js'),
      '--no-cache'
    ]);

    assert.match(printed, /Tests: +6 passed, 6 total/);
    assert.doesNotMatch(printed, /did not exit|failed to exit/);
  });

  it('Jest, ES module', async () => {
    const directory = project('jest-esm', {
      'a.test.mjs': testOf(IMPORTS.mjs),
      'package.json': '{ "private": true, "type": "module" }',
      'jest.config.mjs': `export default {
        testEnvironment: 'node', transform: {}, testMatch: ['**/*.test.mjs']
      };`
    });
    const printed = await node(directory, [
      '--experimental-vm-modules',
      program('jest', 'bin/jest.js'),
      '--runInBand',
      '--no-cache'
    ]);

    assert.match(printed, /Tests: +2 passed, 2 total/);
    assert.doesNotMatch(printed, /did not exit/);
  });

  for (const pool of ['threads', 'forks', 'vmThreads']) {
    it(`vitest, pool ${pool}`, async () => {
      const directory = project(`vitest-${pool}`, {
        'a.test.mjs': testOf(IMPORTS.mjs),
        'b.test.mjs': testOf(
          `import { createRequire } from 'node:module';
           const WebSocket = createRequire(import.meta.url)('ws');
           const { WebSocketServer } = WebSocket;`
        ),
        'package.json': '{ "private": true, "type": "module" }',
        'vitest.config.mjs': `export default {
          test: { globals: true, pool: '${pool}', maxWorkers: 2 }
        };`
      });
      const printed = await node(directory, [
        program('vitest', 'vitest.mjs'),
        'run',
        '--reporter=default'
      ]);

      assert.match(printed, /Tests +4 passed \(4\)/);
      assert.doesNotMatch(printed, /hanging|close timed out/i);
    });
  }

  for (const kind of ['cjs', 'mjs']) {
    it(`mocha, ${kind}`, async () => {
      const directory = project(`mocha-${kind}`, {
        [`echo.${kind}`]: testOf(IMPORTS[kind]),
        'package.json': '{ "private": true }'
      });
      // Without --exit, mocha ends when nothing keeps the process alive.
      const printed = await node(directory, [
        program('mocha', 'bin/mocha.js'),
        `echo.${kind}`
      ]);

      assert.match(printed, /2 passing/);
    });
  }

  for (const [kind, format] of Object.entries({ cjs: 'cjs', mjs: 'esm' })) {
    it(`esbuild, ${format}, the addon external`, async () => {
      const directory = project(`esbuild-${kind}`, {
        [`main.${kind}`]: `${IMPORTS[kind]}
          ${ECHO}
          echo(WebSocket, WebSocketServer).then((seen) => console.log(seen));`,
        'package.json': '{ "private": true }'
      });
      const out = path.join(directory, 'out', `bundle.${kind}`);

      await require('esbuild').build({
        absWorkingDir: directory,
        // The bundle of an ES module needs a `require`.
        banner:
          format === 'esm'
            ? {
                js: `import { createRequire } from 'node:module';
                  const require = createRequire(import.meta.url);`
              }
            : {},
        bundle: true,
        entryPoints: [`main.${kind}`],
        external: ['*.node', 'ws-native-*'],
        format,
        logLevel: 'silent',
        outfile: out,
        platform: 'node'
      });

      const bundle = fs.readFileSync(out, 'utf8');

      assert.doesNotMatch(bundle, /(?:require\(|from )["']ws["']/);
      assert.strictEqual(await node(directory, [out]), `${ECHOED}\n`);
    });
  }
});
