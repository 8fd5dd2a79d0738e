'use strict';

/**
 * Random texts, the same in every run.
 *
 * @param {string} alphabet The characters to choose from
 * @param {number} count How many texts
 * @return {Generator<string>} The texts, of up to twelve characters
 */
function* texts(alphabet, count) {
  let state = 1;
  // The generator of Park and Miller: good enough, and short.
  const next = (/** @type {number} */ below) => {
    state = (state * 48271) % 2147483647;

    return state % below;
  };

  for (let i = 0; i < count; i++) {
    let text = '';

    for (let length = next(13); length > 0; length--) {
      text += alphabet[next(alphabet.length)];
    }

    yield text;
  }
}

module.exports = { texts };
