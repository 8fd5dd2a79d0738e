// @ts-check
'use strict';

/**
 * Most connections have the same settings, and no need of an object each.
 *
 * @template {object} T
 * @param {T | undefined} former What was used last
 * @param {T} wanted What is wanted now
 * @returns {T} The former, if it says the same
 */
function usual(former, wanted) {
  if (former === undefined) return wanted;

  const names = Object.keys(wanted);

  return names.length === Object.keys(former).length &&
    names.every(
      (name) =>
        /** @type {any} */ (former)[name] === /** @type {any} */ (wanted)[name]
    )
    ? former
    : wanted;
}

module.exports = usual;
