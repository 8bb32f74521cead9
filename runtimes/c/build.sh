# Compiles <source> into <program>.
# What lies beside the source belongs to the program, unless it is a program of its own.
set -eu
entry=$1 output=$2
set -- "$entry"
for file in *.c; do
  case $file in "$entry" | '*.c') continue ;; esac
  grep -qE '\bmain[[:space:]]*\(' "./$file" || set -- "$@" "$file"
done
threads=
if grep -qE '#[[:space:]]*pragma[[:space:]]+omp|omp\.h' "$@"; then threads=-fopenmp; fi
# mold by one thread, to its end: for programs of this size threads and a second process cost more than they save.
link='-fuse-ld=mold -fno-use-linker-plugin -Wl,--no-fork,--threads=1'
exec gcc -std=gnu23 -O2 -g1 -pipe -pthread $threads $link -o "$output" "$@" -lm
