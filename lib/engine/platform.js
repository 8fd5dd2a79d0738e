'use strict';

// The name of this machine's kind as the platform packages carry it, which is
// also in the file name of the addon. Only asked for when something is missing
// or is being built: looking for the C library is slow.

/**
 * @returns {boolean} Whether this Linux has musl for a C library
 */
function isMusl() {
  const { report } = process;

  // Or it would look up the names of all open connections.
  /** @type {any} */ (report).excludeNetwork = true;

  const { header } = /** @type {any} */ (report.getReport());

  return !header.glibcVersionRuntime;
}

/**
 * @returns {string} For instance 'linux-x64-gnu'
 */
function platformName() {
  const name = `${process.platform}-${process.arch}`;

  if (process.platform === 'linux') {
    // On ARMv7 the ABI has a name of its own.
    const suffix = process.arch === 'arm' ? 'eabihf' : '';

    return `${name}-${isMusl() ? 'musl' : 'gnu'}${suffix}`;
  }

  return process.platform === 'win32' ? `${name}-msvc` : name;
}

/**
 * @returns {string} The file name of this platform's addon
 */
function addonFile() {
  return `ws-native.${platformName()}.node`;
}

module.exports = { addonFile, platformName };
