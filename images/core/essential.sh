# Runs on the host with the new root as $1, before packages beyond the essential ones are installed.
set -eu
root=$1

# Manual pages are left out, but some packages (a JDK, PostgreSQL) fail to install without the folder.
mkdir -p "$root/usr/share/man/man1"

# Each Python package compiles its own files, one interpreter start after the other, and fails when a test folder that the
# image leaves out is missing. A stand-in takes the compiler's place; customize.sh compiles everything at once.
chroot "$root" dpkg-divert --quiet --local --rename --divert /usr/bin/py3compile.real --add /usr/bin/py3compile
printf '#!/bin/sh\nexit 0\n' > "$root/usr/bin/py3compile"
chmod 755 "$root/usr/bin/py3compile"
