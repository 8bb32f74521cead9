'use strict';
// As JavaScript waits, the type stripper loaded: its WebAssembly takes longer than all of Node's start, which JavaScript is spared.

require('node:module').stripTypeScriptTypes('const warm: number = 1; enum E { A }', { mode: 'transform' });
delete require.cache[__filename];
require('../javascript/parked.cjs');
