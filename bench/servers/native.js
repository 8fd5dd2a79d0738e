'use strict';

const { WebSocketServer } = require('../..');

const { serve } = require('./program');

serve(WebSocketServer);
