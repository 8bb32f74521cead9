# Compiles <source> into <program>.
# What lies beside the source belongs to the program, unless it is a program of its own.
set -eu
entry=$1 output=$2
place=/usr/lib/dragoman/cpp

# The compiler has no modules of the standard library: its headers stand in for them, on the same line.
for file in *.cpp *.h *.hpp; do
  if grep -qsE '^[[:space:]]*import[[:space:]]+std(\.compat)?[[:space:]]*;' "./$file"; then
    sed -i -E 's/^[[:space:]]*import[[:space:]]+std(\.compat)?[[:space:]]*;/#include <bits\/stdc++.h> \/\/&/' "./$file"
  fi
done

set -- "$entry"
for file in *.cpp; do
  case $file in "$entry" | '*.cpp') continue ;; esac
  grep -qE '\bmain[[:space:]]*\(' "./$file" || set -- "$@" "$file"
done

# Precompiled headers save seconds: of everything, or of streams (which formatting is part of), in front of a source that includes
# one anyway. What a source tells the library by a macro of the library's (_GLIBCXX_DEBUG) has to come before its headers.
header= threads=
found=$(grep -ohE '^[[:space:]]*#[[:space:]]*(include[[:space:]]*<(bits/stdc\+\+\.h|([io]|io|s|f)stream|iomanip|format|print)>|define[[:space:]]+_|pragma[[:space:]]+omp)|omp\.h' "$@") || true
case $found in
  *define*) ;;
  *stdc++.h*) header=stdc++.h ;;
  *stream* | *iomanip* | *format* | *print*) header=iostream ;;
esac
case $found in *omp*) threads=-fopenmp ;; esac
# mold by one thread, to its end: for programs of this size threads and a second process cost more than they save.
link='-fuse-ld=mold -fno-use-linker-plugin -Wl,--no-fork,--threads=1'
exec g++ -std=gnu++23 -O2 -pipe -pthread $threads ${header:+-include $place/$header} $link -o "$output" "$@" -L$place -lformat
