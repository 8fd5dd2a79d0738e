'use strict';

// Headless Chromium, if the machine has it.

const fs = require('node:fs');
const path = require('node:path');

const { chromium } = require('playwright-core');

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
];

/**
 * @return {string | undefined} The first one on the PATH, or CHROMIUM_PATH
 */
function findChromium() {
  const { CHROMIUM_PATH, PATH = '' } = process.env;
  if (CHROMIUM_PATH) return CHROMIUM_PATH;

  for (const directory of PATH.split(path.delimiter)) {
    for (const name of NAMES) {
      const file = path.join(directory, name);
      if (fs.existsSync(file)) return file;
    }
  }

  return undefined;
}

/**
 * @param {string} executablePath
 * @return {Promise<import('playwright-core').Browser>}
 */
function launch(executablePath) {
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

module.exports = { findChromium, launch };
