# Compiles <source> into <program>.
# What lies beside the source belongs to the program, unless it is a program of its own.
set -eu
entry=$1 output=$2
set -- "$entry"
for file in *.cpp; do
  case $file in "$entry" | '*.cpp') continue ;; esac
  grep -qE '\bmain[[:space:]]*\(' "./$file" || set -- "$@" "$file"
done

# Precompiled headers save seconds. g++ takes one by itself for a source that begins with the header of everything; the one of
# streams is put in front of a source that includes it anyway.
header=
if ! grep -q 'bits/stdc++.h' "$entry" && grep -qE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<iostream>' "$entry"; then
  header='-include /usr/lib/dragoman/cpp/iostream'
fi
threads=
if grep -qE '#[[:space:]]*pragma[[:space:]]+omp|omp\.h' "$@"; then threads=-fopenmp; fi
exec g++ -std=gnu++23 -O2 -pthread $threads $header -o "$output" "$@"
