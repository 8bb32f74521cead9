# Compiles <source> into <program>. The image's crates are there for a program that names them; an image without them has none.
set -eu
name=$1 output=$2
crates=/usr/lib/dragoman/rust/externs
set --
if [ -e $crates ]; then set -- @$crates; fi
exec rustc --edition=2021 --crate-name=main -Copt-level=1 -Cdebug-assertions=on -Cstrip=debuginfo -Clink-arg=-fuse-ld=mold "$@" \
  -o "$output" "$name"
