# The type checker passes a right program and names what is wrong in another.
set -euo pipefail
cd /tmp
check() { node --snapshot-blob /usr/lib/dragoman/typescript/check.blob "$@"; }
echo 'import fs from "node:fs"; const size: number = (await fs.promises.stat("/")).size; console.log(size);' > a.ts
check a.ts checked && grep -q checked checked
echo 'const size: number = "large";' > b.ts
if check b.ts no 2> wrong; then exit 1; fi
grep -qF 'b.ts(1,7): error TS2322' wrong && [ ! -e no ]
# What takes the types from a program before it runs.
node -e "
const { code } = require('oxc-transform').transformSync('a.ts', 'enum Size { Large = 3 }; const size: number = Size.Large; print(size);');
new Function('print', code)((size) => { if (size !== 3) throw new Error(code); });
"
