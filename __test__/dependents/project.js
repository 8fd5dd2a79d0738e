'use strict';

// The project that the conversations run in: the packages of packages.json from
// the registry, and the packed module in place of every `ws`. It is cached in
// .cache/dependents of the repository; its name is a hash of its input.

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const { npm, tarballs, useReference } = require('../support/packed-project.js');
const packages = require('./packages.json');

const root = path.join(__dirname, '..', '..');
const cache = path.join(root, '.cache', 'dependents');
const reference = require('../../package.json').devDependencies.ws;

/**
 * Installs the project unless it is cached.
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

  // Only a complete installation gets the final name.
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
 * @return {string} The name of the project with these packages
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

/** Each build of the addon needs its own project: deletes the older ones. */
function removeOthers() {
  const kind = useReference ? 'ws' : 'ours';

  for (const name of fs.readdirSync(cache)) {
    if (new RegExp(`^${kind}-[0-9a-f]+$`).test(name)) {
      fs.rmSync(path.join(cache, name), { recursive: true, force: true });
    }
  }
}

module.exports = { installedProject };
