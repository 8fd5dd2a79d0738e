'use strict';

/**
 * What a page may say to the server, and the bounds of it. Whatever else
 * arrives becomes `undefined` here, so nothing behind needs to doubt.
 */

const MAX_NAME = 24;
const MAX_TEXT = 1000;

/** Bytes of one message: MAX_TEXT characters, escaped, and some JSON. */
const MAX_PAYLOAD = 16 * 1024;

/** Controls, and the marks that turn the direction of the text after them. */
const UNWANTED = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * @typedef {{ type: 'join', name: string, room: string }} Join
 * @typedef {{ type: 'say', text: string }} Say
 */

/**
 * @param {Buffer} data
 * @param {boolean} isBinary
 * @return {Join | Say | undefined}
 */
function parse(data, isBinary) {
  if (isBinary) return undefined;

  let message;
  try {
    message = JSON.parse(data.toString());
  } catch {
    return undefined;
  }

  if (message?.type === 'join') {
    const name = tidyName(message.name);
    const room = tidyName(message.room).toLowerCase();
    return name && room ? { type: 'join', name, room } : undefined;
  }

  if (message?.type === 'say') {
    const text = tidyText(message.text);
    return text ? { type: 'say', text } : undefined;
  }

  return undefined;
}

/**
 * @param {unknown} value
 * @return {string} One line, perhaps empty
 */
function tidyName(value) {
  if (typeof value !== 'string') return '';

  const line = value.replace(/\s+/gu, ' ').replace(UNWANTED, '').trim();
  return cut(line.normalize(), MAX_NAME).trim();
}

/**
 * @param {unknown} value
 * @return {string} Perhaps several lines, perhaps empty
 */
function tidyText(value) {
  if (typeof value !== 'string') return '';

  const lines = value.split(/\r\n|\r|\n/u);
  const text = lines.map((line) => line.replace(UNWANTED, '')).join('\n');
  return cut(text.trim(), MAX_TEXT);
}

/**
 * Cuts by characters, so that no emoji is left in halves.
 *
 * @param {string} text
 * @param {number} length
 * @return {string}
 */
function cut(text, length) {
  return text.length <= length ? text : [...text].slice(0, length).join('');
}

module.exports = { MAX_PAYLOAD, parse };
