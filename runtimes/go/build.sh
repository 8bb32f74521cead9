# Compiles <source> into <program>, with what of package main lies beside it, and with packages below it.
set -eu
entry=$1 output=$2
standard=/usr/lib/dragoman/go
set -- "$entry"
for file in *.go; do
  case $file in "$entry" | *_test.go | '*.go') continue ;; esac
  if grep -q '^package main' "$file" && ! grep -qE '^func[[:space:]]+main[[:space:]]*\(' "$file"; then set -- "$@" "$file"; fi
done
packages=$(find . -mindepth 2 -name '*.go' -printf '%h\n' | sort -u)

if [ ! -e go.mod ] && [ -z "$packages" ] && ! grep -qE '^//go:embed|^import[[:space:]]+"C"' "$@"; then
  # The standard library alone: compiler and linker need no go command, whose own work takes longer than theirs.
  tools=$(echo /usr/lib/go-*/pkg/tool/*)
  "$tools/compile" -p main -complete -pack -importcfg $standard/importcfg -o /tmp/main.a "$@" >&2
  exec "$tools/link" -s -w -importcfg $standard/importcfg -o "$output" /tmp/main.a
fi

# The go command leaves out files that are C in Go unless it is told that there is a compiler of C.
if grep -qE '^import[[:space:]]+"C"' "$@"; then export CGO_ENABLED=1; fi

# The cache must be writable: links to what is there already, and room beside them.
export GOCACHE=/tmp/.cache/go-build
mkdir -p /tmp/.cache
cp -as $standard/cache $GOCACHE
if [ ! -e go.mod ]; then
  # The module's name is what an import has in front of a folder that is there.
  module=
  for folder in $packages; do
    folder=${folder#./}
    name=$(grep -hoE "\"[^\"]+/$folder\"" "$@" | head -n 1 | tr -d '"') || true
    if [ -n "$name" ]; then module=${name%/"$folder"}; fi
    if grep -qE "\"(\./)?$folder\"" "$@"; then bare=yes; fi
  done
  if [ -z "$module" ] && [ -n "${bare-}" ]; then
    export GO111MODULE=off GOPATH=/tmp/go
    mkdir -p $GOPATH
    ln -s "$PWD" $GOPATH/src
  else
    echo "module ${module:-main}" > go.mod
  fi
fi
exec go build -ldflags='-s -w' -o "$output" "$@"
