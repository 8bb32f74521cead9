// npm packages are found from any folder, by require and by import.
const assert = require('node:assert');
const fs = require('node:fs');
const { dependencies } = JSON.parse(fs.readFileSync('/node_modules/.package.json', 'utf8'));

(async () => {
  // npm is a command.
  for (const name of Object.keys(dependencies)) if (!name.startsWith('@types/') && name !== 'npm') await import(name);
  assert.equal(require('lodash').sum([1, 2]), 3);
  const book = new (require('exceljs').Workbook)();
  book.addWorksheet('a').addRow([1, 2]);
  await book.xlsx.writeFile('book.xlsx');
  assert(fs.statSync('book.xlsx').size > 1000);
  assert.equal((await import('zod')).z.number().parse(1), 1);
})();
