'use strict';

// Runs the cases of Autobahn|Testsuite against this module: its server on
// sockets, its server on plain Duplex streams, and its client.
//
//     node run.js [--module ws-native|ws] [--only server,duplex,client]
//                 [--cases plain|most|all] [--record]
//
// `plain` are the 301 cases without compression. `most` (the default) adds 120 of
// permessage-deflate: the smaller payloads and a fragmented one. The other 96 of
// `all` take most of the time.
//
// The verdict of each case must equal the committed one
// (expected/MODULE-CONFIG.json), must not be worse than that of `ws`, and must be
// OK in 6.4.1 to 6.4.4, where `ws` rejects invalid UTF-8 too late, and in each
// case of permessage-deflate (12 and 13). --record writes the other verdicts to
// the file instead of comparing them.
//
// The first run creates a Python environment in .venv/autobahn of the project (it
// needs python3 and PyPI). Reports go to reports/MODULE-CONFIG.
//
// Exit status: 0 as expected, 1 a verdict differs, 2 the run failed.

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');

// Time limit of a configuration in seconds. The suite would wait 1000 seconds for
// a silent peer.
const CASES = {
  plain: { pattern: '*,-12.*,-13.*', count: 301, seconds: 900 },
  most: { pattern: '*,-1[23].*.1[02-8]', count: 421, seconds: 900 },
  all: { pattern: '*', count: 517, seconds: 3600 }
};
const DEFLATE_CASE = /^1[23]\./;
const MODULES = ['ws-native', 'ws'];
const CONFIGURATIONS = ['server', 'duplex', 'client'];

const kit = path.join(__dirname, 'kit');
const root = path.dirname(path.dirname(__dirname));
const venv = process.env.AB_VENV || path.join(root, '.venv', 'autobahn');
/** @type {NodeJS.ProcessEnv} */
const env = { ...process.env, AB_VENV: venv };

/** A failure of the run itself, as opposed to a bad verdict. */
class RunError extends Error {}

/** Creates the Python environment unless it exists. */
function setUp() {
  const python = process.env.PYTHON || 'python3';

  if (spawnSync(python, ['--version']).status !== 0) {
    throw new RunError(
      `Autobahn needs Python 3.9 to 3.13, and there is no ${python}`
    );
  }

  fs.mkdirSync(path.dirname(venv), { recursive: true });

  const { status } = spawnSync('sh', [path.join(kit, 'setup.sh'), venv], {
    env,
    stdio: ['ignore', 'inherit', 'inherit']
  });

  if (status !== 0) {
    throw new RunError(
      `${venv} could not be made: see above (Debian: python3-venv is needed)`
    );
  }
}

/**
 * Starts a process whose first line of output may be "listening PORT".
 *
 * @param {string} command The program
 * @param {string[]} args Its arguments
 * @return {{ child: import('node:child_process').ChildProcess, port:
 *     Promise<number>, done: Promise<number|null>, output: () => string }} The
 *     process, its port, its exit and its output
 */
function start(command, args) {
  const child = spawn(command, args, {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe']
  });
  let output = '';
  /** @type {Promise<number|null>} */
  const done = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  /** @type {Promise<number>} */
  const port = new Promise((resolve, reject) => {
    const collect = (text) => {
      output += text;
      const match = /^listening (\d+)$/m.exec(output);
      if (match) resolve(Number(match[1]));
    };

    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    done.then((code) => {
      reject(new RunError(`${args[0]} ended with ${code}:\n${output}`));
    }, reject);
  });

  // The fuzzing client never listens; `done` awaits its end.
  port.catch(() => {});

  return { child, port, done, output: () => output };
}

/**
 * @param {string} name The module under test
 * @return {string} Its main file
 */
function resolveModule(name) {
  try {
    // A package resolves its own name, so `ws-native` is index.js of this project.
    return require.resolve(name);
  } catch (err) {
    throw new RunError(`${name} cannot be found (npm ci?): ${err.message}`);
  }
}

/**
 * Runs the cases in one configuration.
 *
 * @param {string} name The module under test
 * @param {string} configuration One of CONFIGURATIONS
 * @param {string} pattern Which cases
 * @return {Promise<{ output: string, verdicts: Record<string, string> }>} The
 *     output of the suite; case id -> behavior/behaviorClose
 */
async function run(name, configuration, pattern) {
  const modulePath = resolveModule(name);
  const reports = path.join(__dirname, 'reports', `${name}-${configuration}`);
  const fuzzer = (script, port) =>
    start('sh', [path.join(kit, script), String(port), reports, pattern]);
  const peer = (...args) => start(process.execPath, args);
  const started = [];
  let suite;

  fs.rmSync(reports, { recursive: true, force: true });

  try {
    if (configuration === 'client') {
      suite = fuzzer('run-client.sh', 0);
      started.push(suite);
      const port = await suite.port;
      const client = peer(
        path.join(kit, 'client-runner.js'),
        String(port),
        modulePath,
        name,
        'deflate'
      );
      started.push(client);
      const code = await client.done;
      if (code !== 0) {
        throw new RunError(`the client ended with ${code}: ${client.output()}`);
      }
      await suite.done;
    } else {
      const server =
        configuration === 'server'
          ? peer(path.join(kit, 'echo-server.js'), '0', 'deflate', modulePath)
          : peer(path.join(__dirname, 'duplex-server.js'), '0', modulePath);
      started.push(server);
      suite = fuzzer('run.sh', await server.port);
      started.push(suite);
      await suite.done;
      if (server.child.exitCode !== null || server.child.signalCode !== null) {
        throw new RunError(`the server went away: ${server.output()}`);
      }
    }
  } finally {
    for (const { child } of started) child.kill();
    await Promise.allSettled(started.map(({ done }) => done));
  }

  const index = path.join(reports, 'index.json');

  if (!fs.existsSync(index)) {
    throw new RunError(`the suite wrote no report: ${suite.output()}`);
  }

  /** @type {Record<string, string>} */
  const verdicts = {};

  for (const cases of Object.values(JSON.parse(fs.readFileSync(index)))) {
    for (const [id, result] of Object.entries(cases)) {
      verdicts[id] = `${result.behavior}/${result.behaviorClose}`;
    }
  }

  const output = suite
    .output()
    .replace(/^(?=.)/gm, '  ')
    .trimEnd();

  return { output, verdicts };
}

/**
 * @param {string} name The module
 * @param {string} configuration One of CONFIGURATIONS
 * @return {string} The file with its verdicts
 */
function expectedFile(name, configuration) {
  return path.join(__dirname, 'expected', `${name}-${configuration}.json`);
}

/**
 * @param {string} name The module
 * @param {string} configuration One of CONFIGURATIONS
 * @return {Record<string, string>} Its committed verdicts
 */
function readExpected(name, configuration) {
  const file = expectedFile(name, configuration);

  if (!fs.existsSync(file)) {
    throw new RunError(`${file} is missing: run with --record first`);
  }

  return JSON.parse(fs.readFileSync(file, 'utf8'));
}

/**
 * @param {string|undefined} verdict behavior/behaviorClose
 * @return {number[]} The rank of each half: more is better
 */
function ranks(verdict) {
  const order = ['UNIMPLEMENTED', 'NON-STRICT', 'INFORMATIONAL', 'OK'];

  return (verdict || '')
    .split('/')
    .map((part) => (part === 'INFORMATIONAL' ? 3 : order.indexOf(part)));
}

/**
 * Checks the verdicts of one configuration.
 *
 * @param {string} name The module
 * @param {string} configuration One of CONFIGURATIONS
 * @param {Record<string, string>} everything The verdicts of the run
 * @param {number} wanted The number of cases
 * @param {boolean} recording Whether to ignore the committed verdicts
 * @return {string[]} One line per problem
 */
function judge(name, configuration, everything, wanted, recording) {
  const problems = [];
  const count = Object.keys(everything).length;
  /** @type {Record<string, string>} */
  const verdicts = {};

  if (count !== wanted) {
    problems.push(`${count} cases were run, not ${wanted}`);
  }

  for (const [id, verdict] of Object.entries(everything)) {
    if (!DEFLATE_CASE.test(id)) verdicts[id] = verdict;
    else if (verdict !== 'OK/OK') problems.push(`${id}: ${verdict}`);
  }

  if (!recording) {
    const expected = readExpected(name, configuration);

    for (const id of new Set([
      ...Object.keys(expected),
      ...Object.keys(verdicts)
    ])) {
      if (verdicts[id] !== expected[id]) {
        problems.push(`${id}: ${verdicts[id]}, expected ${expected[id]}`);
      }
    }
  }

  if (name !== 'ws') {
    const bar = readExpected('ws', configuration);

    for (const id of Object.keys(bar)) {
      const got = ranks(verdicts[id]);

      if (ranks(bar[id]).some((rank, i) => !(got[i] >= rank))) {
        problems.push(`${id}: ${verdicts[id]}, worse than ${bar[id]} of ws`);
      }
    }

    for (const id of ['6.4.1', '6.4.2', '6.4.3', '6.4.4']) {
      if (verdicts[id] !== 'OK/OK') {
        problems.push(
          `${id}: ${verdicts[id]}, but bad UTF-8 must fail at once`
        );
      }
    }
  }

  return problems;
}

/**
 * @param {string} name The module
 * @param {string} configuration One of CONFIGURATIONS
 * @param {Record<string, string>} verdicts The verdicts to expect from now on
 */
function record(name, configuration, verdicts) {
  const collator = new Intl.Collator('en', { numeric: true });
  const sorted = Object.fromEntries(
    Object.entries(verdicts)
      .filter(([id]) => !DEFLATE_CASE.test(id))
      .sort(([a], [b]) => collator.compare(a, b))
  );

  fs.mkdirSync(path.join(__dirname, 'expected'), { recursive: true });
  fs.writeFileSync(
    expectedFile(name, configuration),
    JSON.stringify(sorted, null, 2) + '\n'
  );
}

/**
 * @return {Promise<number>} The exit status
 */
async function main() {
  const { values } = parseArgs({
    options: {
      module: { type: 'string', default: 'ws-native' },
      only: { type: 'string', default: CONFIGURATIONS.join(',') },
      cases: { type: 'string', default: 'most' },
      record: { type: 'boolean', default: false }
    }
  });
  const configurations = values.only.split(',');

  if (
    !MODULES.includes(values.module) ||
    configurations.some((name) => !CONFIGURATIONS.includes(name)) ||
    !Object.hasOwn(CASES, values.cases)
  ) {
    throw new RunError(
      `--module is one of ${MODULES}; --only takes some of ${CONFIGURATIONS}; ` +
        `--cases is one of ${Object.keys(CASES)}`
    );
  }

  setUp();

  const { pattern, count, seconds } = CASES[values.cases];
  let passed = 0;

  env.AB_TIMEOUT = String(seconds);
  // Concurrently, because the suite is one Python thread that mostly waits.
  const runs = configurations.map((configuration) => {
    const result = run(values.module, configuration, pattern);

    result.catch(() => {});
    return { configuration, result };
  });

  for (const { configuration, result } of runs) {
    const { output, verdicts } = await result;

    console.log(`Autobahn, ${values.module}, ${configuration}:`);
    console.log(output);

    const problems = judge(
      values.module,
      configuration,
      verdicts,
      count,
      values.record
    );

    if (values.record) record(values.module, configuration, verdicts);
    if (problems.length === 0) passed++;

    console.log(
      problems.length === 0
        ? `  ${values.record ? 'recorded' : 'as expected'}`
        : problems.map((problem) => `  WRONG ${problem}`).join('\n')
    );
  }

  const failed = configurations.length - passed;

  console.log(`Autobahn: ${passed} passed, ${failed} failed`);

  return failed === 0 ? 0 : 1;
}

main().then(
  (status) => {
    process.exitCode = status;
  },
  (err) => {
    console.error(
      err instanceof RunError ? `Autobahn: ${err.message}` : err.stack
    );
    process.exitCode = 2;
  }
);
