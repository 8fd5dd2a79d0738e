'use strict';

// What bundlers take for a browser: it must say so rather than half work. The
// sentence is that of `ws`, which people search for.

module.exports = function unavailable() {
  throw new Error(
    'ws does not work in the browser. Browser clients must use the native ' +
      'WebSocket object'
  );
};
