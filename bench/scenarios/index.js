'use strict';

const broadcast = require('./broadcast');
const connections = require('./connections');
const deflate = require('./deflate');
const echo = require('./echo');

const scenarios = [...echo, ...broadcast, ...connections, ...deflate];

/**
 * The scenarios that a command line names: by whole names, or by beginnings
 * (`echo-16k` is two of them). All of them when it names none.
 *
 * @param {string[]} names The names
 * @return {import('../measure').Scenario[]} In the order of the table
 */
function select(names) {
  if (names.length === 0) return scenarios;

  const selected = new Set();

  for (const name of names) {
    const exact = scenarios.filter((scenario) => scenario.name === name);
    const found =
      exact.length > 0
        ? exact
        : scenarios.filter((scenario) => scenario.name.startsWith(name));

    if (found.length === 0) throw new Error(`No scenario is named ${name}`);

    for (const scenario of found) selected.add(scenario);
  }

  return scenarios.filter((scenario) => selected.has(scenario));
}

module.exports = { scenarios, select };
