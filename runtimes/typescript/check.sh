# Makes <output> if the types of <source>, and of what it imports, are right; says what is wrong otherwise.
blob=/usr/lib/dragoman/typescript/check.blob
if [ ! -e $blob ]; then
  echo 'error: --check needs the TypeScript compiler, which this image lacks' >&2
  exit 1
fi
exec node --snapshot-blob $blob "$1" "$2"
