'use strict';

// `ws` as a plain install gives it. uWebSockets.js brings bufferutil into the
// same node_modules, where `ws` would find it.
process.env.WS_NO_BUFFER_UTIL = '1';
process.env.WS_NO_UTF_8_VALIDATE = '1';

const { WebSocketServer } = require('ws');

const { serve } = require('./program');

serve(WebSocketServer);
