'use strict';

const { serve } = require('./uws-program');

serve('DEDICATED');
