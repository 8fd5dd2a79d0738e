// @ts-check
'use strict';

// The value of the Sec-WebSocket-Extensions header, as text and as an object.

const HeaderScanner = require('./header-scanner.js');

/**
 * Extension parameters: each name with the values it was given, `true` being
 * that of a bare one.
 *
 * @typedef {{ [name: string]: (string | true)[] }} Parameters
 */

/**
 * @param {any} target An object without a prototype
 * @param {string} name The property, whose value is a list
 * @param {any} item What to append to the list
 */
function append(target, name, item) {
  if (target[name] === undefined) {
    target[name] = [item];
  } else {
    target[name].push(item);
  }
}

/**
 * Parses the header.
 *
 * @param {string} header The value of the header
 * @returns {{ [extension: string]: Parameters[] }} For each extension that is
 *     named, the parameters of each time it is
 * @throws {SyntaxError} When the header is not well-formed
 */
function parse(header) {
  const scanner = new HeaderScanner(header);
  const extensions = Object.create(null);
  let separator;

  do {
    const name = scanner.token();
    const parameters = Object.create(null);

    separator = scanner.separator(',;');

    while (separator === ';') {
      const parameter = scanner.token();
      /** @type {string | true} */
      let value = true;

      separator = scanner.separator(',;', '=');

      if (separator === '=') {
        value = scanner.value();
        separator = scanner.separator(',;');
      }

      append(parameters, parameter, value);
    }

    append(extensions, name, parameters);
  } while (separator === ',');

  return extensions;
}

/**
 * @param {any} value A list, or what counts as one with a single item
 * @returns {any[]}
 */
function toList(value) {
  return Array.isArray(value) ? value : [value];
}

/**
 * Builds the value of the header.
 *
 * @param {{ [extension: string]: any }} extensions For each extension the
 *     parameters, or a list of parameters
 * @returns {string} The value of the header
 */
function format(extensions) {
  const items = [];

  for (const name of Object.keys(extensions)) {
    for (const parameters of toList(extensions[name])) {
      const parts = [name];

      for (const parameter of Object.keys(parameters)) {
        const values = toList(parameters[parameter]);

        parts.push(
          values
            .map((value) =>
              value === true ? parameter : `${parameter}=${value}`
            )
            .join('; ')
        );
      }

      items.push(parts.join('; '));
    }
  }

  return items.join(', ');
}

module.exports = { format, parse };
