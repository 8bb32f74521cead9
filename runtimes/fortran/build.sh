# Compiles <source> into <program>.
# What lies beside the source belongs to the program, unless it is a program of its own.
set -eu
entry=$1 output=$2
modules=/tmp/.modules
mkdir -p $modules
threads=
# Not for every program: it puts all local arrays on the stack.
if grep -qiE '^[[:space:]]*!\$omp|omp_lib' ./*.f*; then threads=-fopenmp; fi
options="$threads -pipe -O2 -g1 -fbacktrace -J$modules"
# mold by one thread, to its end: for programs of this size threads and a second process cost more than they save.
link='-fuse-ld=mold -fno-use-linker-plugin -Wl,--no-fork,--threads=1'
set --
for file in *.f90 *.f95 *.f03 *.f08 *.f *.for; do
  case $file in "$entry" | '*'*) continue ;; esac
  grep -qiE '^[[:space:]]*program[[:space:]]' "./$file" || set -- "$@" "$file"
done
# Old programs are in fixed form: what is not free form may be that. Where both refuse, the program hears what free form says.
messages=/tmp/.messages
translate() {
  gfortran $options "$@" 2> $messages || gfortran $options -ffixed-form -std=legacy "$@" 2> $messages.fixed || {
    cat $messages >&2
    return 1
  }
}
if [ $# = 0 ]; then
  translate $link -o "$output" "$entry"
  exit
fi
compile() { translate -c -o "$modules/$1.o" "$1"; }
# A module has to be compiled before whatever uses it: those that cannot be yet wait for the others.
while [ $# -gt 0 ]; do
  waiting=$#
  for file in "$@"; do
    shift
    compile "$file" 2> /dev/null || set -- "$@" "$file"
  done
  if [ $# = $waiting ]; then
    for file in "$@"; do compile "$file"; done
  fi
done
compile "$entry"
exec gfortran $threads $link -o "$output" $modules/*.o
