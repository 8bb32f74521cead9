# Compiles <source> into <program>, with -fopenmp or nothing as the third word.
# What lies beside the source belongs to the program, unless it is a program of its own.
set -eu
entry=$1 output=$2 threads=${3-}
set -- "$entry"
for file in *.c; do
  case $file in "$entry" | '*.c') continue ;; esac
  grep -qE '\bmain[[:space:]]*\(' "./$file" || set -- "$@" "$file"
done
if [ $# -gt 1 ] && grep -qE '#[[:space:]]*pragma[[:space:]]+omp|omp\.h' "$@"; then threads=-fopenmp; fi
# mold by one thread, to its end: for programs of this size threads and a second process cost more than they save.
link='-fuse-ld=mold -fno-use-linker-plugin -Wl,--no-fork,--threads=1'
build() {
  standard=$1
  shift
  gcc -std=$standard -O2 -g1 -pipe -pthread $threads $link -o "$output" "$@" -lm
}
# C23 took words and forms away that older programs use: their own bool, functions declared without parameters. What it refuses may be
# C17. Where both refuse, the program hears what C23 says.
messages=/tmp/.messages
build gnu23 "$@" 2> $messages || build gnu17 "$@" 2> /dev/null || {
  cat $messages >&2
  exit 1
}
if [ -s $messages ]; then cat $messages >&2; fi
