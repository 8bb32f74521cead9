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
exec gcc -std=gnu23 -O2 -g1 -pipe -pthread $threads -fuse-ld=mold -o "$output" "$@" -lm
