#!/bin/sh
# Makes the helpers of Python's zygotes and node's, the bare zygote and the launcher of the host's programs: build.sh <compiler> <folder of the results>. No library and no header but
# the compiler's own is used, so any compiler for this processor will do, and the result runs in any image.
set -eu
here=$(dirname "$0")
flags="-std=c11 -O2 -Wall -Wextra -Werror -ffreestanding -fno-builtin -fno-stack-protector -fvisibility=hidden
  -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -nostdlib"
"$1" $flags -fPIC -shared -Wl,-z,relro,-z,now -o "$2/helper.so" "$here/all.c"
"$1" $flags -DNODE -fPIC -shared -Wl,-z,relro,-z,now -o "$2/node.so" "$here/all.c"
"$1" $flags -DBARE -fno-pie -no-pie -static -Wl,-z,noexecstack -o "$2/zygote" "$here/all.c"
"$1" $flags -DLAUNCHER -fno-pie -no-pie -static -Wl,-z,noexecstack -o "$2/launcher" "$here/all.c"
(cd "$here" && LC_ALL=C && export LC_ALL && cat $(ls *.c *.h *.sh | sort)) | sha256sum | cut -d ' ' -f 1 > "$2/digest"
