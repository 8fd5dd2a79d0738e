'use strict';

// Compiles programs in a project whose node_modules/ws is this package, and again
// with ws and @types/ws. Both must accept and reject the same lines.

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const os = require('node:os');
const path = require('node:path');
const { after, test } = require('node:test');

const root = path.join(__dirname, '../..');
const tsc = createRequire(__filename).resolve('typescript/bin/tsc');
const projects = [];

after(() => {
  for (const project of projects) {
    fs.rmSync(project, { force: true, recursive: true });
  }
});

/**
 * @param {Record<string, string>} modules The packages in node_modules, by name
 * @param {string[]} programs Files beside this one
 * @param {object} compilerOptions
 * @returns {string} The output of the compiler; empty if it found nothing
 */
function compile(modules, programs, compilerOptions) {
  const project = fs.mkdtempSync(path.join(os.tmpdir(), 'ws-native-types-'));

  projects.push(project);
  modules['@types/node'] = path.join(root, 'node_modules/@types/node');
  modules['undici-types'] = path.join(root, 'node_modules/undici-types');

  for (const [name, source] of Object.entries(modules)) {
    const target = path.join(project, 'node_modules', name);

    // Copies only what a compiler reads, because this package is the whole
    // repository.
    fs.cpSync(source, target, {
      recursive: true,
      filter: (file) =>
        name.includes('types/') ||
        name.startsWith('undici') ||
        file === source ||
        /^(index\.d\.m?ts|package\.json)$/.test(path.relative(source, file))
    });
  }

  for (const program of programs) {
    fs.copyFileSync(path.join(__dirname, program), path.join(project, program));
  }

  fs.writeFileSync(path.join(project, 'package.json'), '{"private":true}');
  fs.writeFileSync(
    path.join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        lib: ['ES2022'],
        noEmit: true,
        noImplicitOverride: true,
        skipLibCheck: false,
        strict: true,
        target: 'ES2022',
        types: ['node'],
        ...compilerOptions
      },
      files: programs
    })
  );

  const { error, stdout } = spawnSync(process.execPath, [tsc, '-p', project], {
    encoding: 'utf8'
  });

  assert.ifError(error);
  return stdout;
}

const both = ['commonjs.ts', 'everything.ts', 'module.mts', 'rejected.ts'];
const theirs = path.join(root, 'node_modules/@types/ws');
const node16 = { module: 'node16' };

test('the programs compile against our types', () => {
  assert.strictEqual(compile({ ws: root }, both, node16), '');
});

test('the programs compile against @types/ws', () => {
  assert.strictEqual(compile({ '@types/ws': theirs }, both, node16), '');
});

test('our types are taken by a bundler too', () => {
  const options = { module: 'esnext', moduleResolution: 'bundler' };

  assert.strictEqual(compile({ ws: root }, ['module.mts'], options), '');
});

test('each package of types does for the other', () => {
  const modules = { ws: root, 'types-of-ws': theirs };

  assert.strictEqual(compile(modules, ['both.ts'], node16), '');
});
