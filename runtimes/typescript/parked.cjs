'use strict';
// As JavaScript waits, what takes the types away loaded.

require('../javascript/modules.cjs').typeStripper().warm();
require('../javascript/parked.cjs');
