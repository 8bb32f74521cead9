# The type checker passes a right program and names what is wrong in another.
set -euo pipefail
cd /tmp
check() { node --snapshot-blob /usr/lib/dragoman/typescript/check.blob "$@"; }
echo 'import fs from "node:fs"; const size: number = (await fs.promises.stat("/")).size; console.log(size);' > a.ts
check a.ts checked && grep -q checked checked
echo 'const size: number = "large";' > b.ts
if check b.ts no 2> wrong; then exit 1; fi
grep -qF 'b.ts(1,7): error TS2322' wrong && [ ! -e no ]
