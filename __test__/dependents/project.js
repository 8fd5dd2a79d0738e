'use strict';

/**
 * The project that the conversations run in: the packages of packages.json from
 * the registry, and in the place of every `ws` that they ask for the packed
 * module. It is kept in .cache/dependents of the repository under a name made
 * of all that goes into it.
 */

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const { npm, tarballs, useReference } = require('../support/packed-project.js');
const packages = require('./packages.json');

const root = path.join(__dirname, '..', '..');
const cache = path.join(root, '.cache', 'dependents');
const reference = require('../../package.json').devDependencies.ws;

/**
 * Installs the project unless that has been done.
 *
 * @return {Promise<string>} Its directory
 */
async function installedProject() {
  const ours = useReference ? undefined : await tarballs();
  const ws = ours ? `file:${ours.root}` : reference;
  const manifest = {
    name: 'dependents',
    private: true,
    dependencies: { ...packages, ws },
    overrides: { ws }
  };

  if (ours) {
    manifest.dependencies[ours.platformName] = `file:${ours.platform}`;
  }

  const directory = path.join(cache, nameOf(ours));
  if (fs.existsSync(directory)) return directory;

  // Under the final name there is only what has been installed to the end.
  const unfinished = `${directory}-${process.pid}`;

  fs.mkdirSync(unfinished, { recursive: true });
  fs.writeFileSync(
    path.join(unfinished, 'package.json'),
    JSON.stringify(manifest, null, 2)
  );

  try {
    await npm(['install', '--no-package-lock'], unfinished, { offline: false });
    removeOthers();
    fs.renameSync(unfinished, directory);
  } finally {
    fs.rmSync(unfinished, { recursive: true, force: true });
  }

  return directory;
}

/**
 * @param {import('../support/packed-project.js').Tarballs | undefined} ours
 * @return {string} A name for the project that has these in it
 */
function nameOf(ours) {
  const hash = createHash('sha256').update(JSON.stringify(packages));

  hash.update(process.version);
  if (ours) {
    hash.update(fs.readFileSync(ours.root));
    hash.update(fs.readFileSync(ours.platform));
  } else {
    hash.update(reference);
  }

  return `${useReference ? 'ws' : 'ours'}-${hash.digest('hex').slice(0, 16)}`;
}

/**
 * Each build of the addon makes a project of its own: drops those before it.
 */
function removeOthers() {
  const kind = useReference ? 'ws' : 'ours';

  for (const name of fs.readdirSync(cache)) {
    if (new RegExp(`^${kind}-[0-9a-f]+$`).test(name)) {
      fs.rmSync(path.join(cache, name), { recursive: true, force: true });
    }
  }
}

module.exports = { installedProject };
