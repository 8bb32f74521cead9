const { area } = require('./shapes/square');
const helper = require('./helper.js');
console.log('parts', helper.plus(area(6)));
