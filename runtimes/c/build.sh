# Compiles <source> into <program>. Further words are what the source is known to need: -fopenmp, -lm.
# What lies beside the source belongs to the program, unless it is a program of its own.
set -eu
entry=$1 output=$2
shift 2
needed=$*
set -- "$entry"
for file in *.c; do
  case $file in "$entry" | '*.c') continue ;; esac
  grep -qE '\bmain[[:space:]]*\(' "./$file" || set -- "$@" "$file"
done
if [ $# -gt 1 ]; then
  needed=-lm
  if grep -qE '#[[:space:]]*pragma[[:space:]]+omp|omp\.h' "$@"; then needed='-fopenmp -lm'; fi
fi
# mold by one thread, to its end: for programs of this size threads and a second process cost more than they save.
link='-fuse-ld=mold -fno-use-linker-plugin -Wl,--no-fork,--threads=1'
build() {
  standard=$1
  shift
  gcc -std=$standard -O2 -g1 -pipe -pthread $link -o "$output" "$@" $needed
}
# C23 took words and forms away that older programs use: their own bool, functions declared without parameters. What it refuses may be
# C17. Where both refuse, the program hears what C23 says.
messages=/tmp/.messages
# The mathematical library takes the linker a twentieth of the whole time, so it comes with its headers; who declares its functions
# himself gets it the second time.
first() {
  build gnu23 "$@" 2> $messages && return
  grep -q 'undefined symbol' $messages || return
  needed="$needed -lm"
  build gnu23 "$@" 2> $messages
}
first "$@" || build gnu17 "$@" 2> /dev/null || {
  cat $messages >&2
  exit 1
}
if [ -s $messages ]; then cat $messages >&2; fi
