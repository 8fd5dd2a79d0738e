'use strict';

/**
 * The same programs for uWebSockets.js, written as its users write them: the
 * broadcast is a publish to a topic, which it fans out natively, and what is
 * to be compressed says so at each call.
 */

const { announce } = require('./announce');

// The binary itself: the package's entry would fall back to a JavaScript
// implementation, silently, where the binary does not load.
const binary = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
const uws = require(`@trufflesuite/uws-js-unofficial/binaries/${binary}`);

const app = uws.App();
const isCompressed = process.argv[3] !== 'plain';

/** @type {Record<string, Record<string, (...args: any[]) => void>>} */
const programs = {
  echo: {
    message(ws, message, isBinary) {
      ws.send(message, isBinary, isCompressed);
    }
  },

  'echo-string': {
    message(ws, message) {
      ws.send(Buffer.from(message).toString(), false);
    }
  },

  broadcast: {
    open(ws) {
      ws.subscribe('all');
    },
    message(ws, message) {
      app.publish('all', message, true);
    }
  },

  'broadcast-string': {
    open(ws) {
      ws.subscribe('all');
    },
    message(ws, message) {
      app.publish('all', Buffer.from(message).toString(), false, isCompressed);
    }
  },

  accept: {
    message() {}
  }
};

/**
 * Serves the program that the command line names.
 *
 * @param {'SHARED' | 'DEDICATED'} kind Whose the compressors are, where the
 *   messages are to be compressed: of all connections, or each one's own
 */
function serve(kind) {
  const compression = isCompressed
    ? uws[`${kind}_COMPRESSOR`] | uws[`${kind}_DECOMPRESSOR`]
    : uws.DISABLED;

  app.ws('/*', {
    compression,
    idleTimeout: 0,
    maxBackpressure: 64 * 1024 * 1024,
    maxPayloadLength: 16 * 1024 * 1024,
    ...programs[process.argv[2]]
  });
  app.listen('127.0.0.1', 0, (/** @type {object | false} */ listening) => {
    if (!listening) throw new Error('uWebSockets.js cannot listen');

    announce(uws.us_socket_local_port(listening));
  });
}

module.exports = { serve };
