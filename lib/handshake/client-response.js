// @ts-check
'use strict';

// What a client makes of the server's answer to its opening handshake (RFC 6455
// 4.1): what is wrong with it, or which subprotocol and extension hold.

const { acceptValue } = require('../engine/engine.js');
const PerMessageDeflate = require('../compat/permessage-deflate.js');
const extension = require('./extension.js');

/**
 * One request on the way to the server.
 *
 * @typedef {object} Hop
 * @property {URL} url Where it goes
 * @property {string} key The key that the server has to answer
 * @property {any} deflate The extension that is offered, if any
 */

/**
 * Finds out what is wrong with the headers of a 101 response, and takes over
 * what they settle.
 *
 * @param {any} websocket The WebSocket
 * @param {any} headers The headers of the response
 * @param {Hop} hop What was asked for
 * @param {string[]} protocols The subprotocols that were asked for
 * @returns {string | undefined} The message of the error
 */
function checkResponse(websocket, headers, hop, protocols) {
  const protocol = headers['sec-websocket-protocol'];

  // A header list that Node has cut may lack even this one.
  if (
    headers.upgrade === undefined ||
    headers.upgrade.toLowerCase() !== 'websocket'
  ) {
    return 'Invalid Upgrade header';
  }

  if (headers['sec-websocket-accept'] !== acceptValue(hop.key)) {
    return 'Invalid Sec-WebSocket-Accept header';
  }

  if (protocol === undefined) {
    if (protocols.length > 0) return 'Server sent no subprotocol';
  } else if (protocols.length === 0) {
    return 'Server sent a subprotocol but none was requested';
  } else if (!protocols.includes(protocol)) {
    return 'Server sent an invalid subprotocol';
  }

  if (protocol) websocket._protocol = protocol;

  return acceptExtensions(
    websocket,
    headers['sec-websocket-extensions'],
    hop.deflate
  );
}

/**
 * Takes over the extension that a server has chosen.
 *
 * @param {any} websocket The WebSocket
 * @param {string | undefined} header What the server has answered
 * @param {any} deflate The extension that was offered, if any
 * @returns {string | undefined} The message of the error
 */
function acceptExtensions(websocket, header, deflate) {
  if (header === undefined) return undefined;

  if (!deflate) {
    return (
      'Server sent a Sec-WebSocket-Extensions header but no extension was ' +
      'requested'
    );
  }

  const offered = PerMessageDeflate.extensionName;

  try {
    const answer = extension.parse(header);

    if (Object.keys(answer).some((name) => name !== offered)) {
      return 'Server indicated an extension that was not requested';
    }

    deflate.accept(answer[offered]);
  } catch {
    return 'Invalid Sec-WebSocket-Extensions header';
  }

  websocket._extensions[offered] = deflate;

  return undefined;
}

module.exports = checkResponse;
