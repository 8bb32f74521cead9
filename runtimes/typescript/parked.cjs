'use strict';
// As JavaScript waits, what takes the types away loaded.

require('../javascript/types.cjs').warm();
delete require.cache[__filename];
require('../javascript/parked.cjs');
