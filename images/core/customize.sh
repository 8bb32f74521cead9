# Runs on the host with the new root as $1, after every package is installed. Nothing here may depend on the network.
set -eu
root=$1

# The people and the machine a program sees.
chroot "$root" useradd --uid 1000 --user-group --no-create-home --home-dir /mnt/data --shell /bin/bash user
echo sandbox > "$root/etc/hostname"
printf '127.0.0.1 localhost sandbox\n::1 localhost sandbox\n' > "$root/etc/hosts"
rm -f "$root/etc/resolv.conf"
: > "$root/etc/resolv.conf"
: > "$root/etc/machine-id"
echo Etc/UTC > "$root/etc/timezone"
ln -sf /usr/share/zoneinfo/Etc/UTC "$root/etc/localtime"

# Where a sandbox mounts things: the root is read-only by then, so the folders must be there.
for folder in /mnt/data /opt/dragoman /proc /sys /dev /tmp /run; do mkdir -p "$root$folder"; done

# Bytecode for everything: the root is read-only later, so an interpreter could never keep what it compiles. A file Python
# cannot parse (a template, another version's syntax) is left as it is.
rm "$root/usr/bin/py3compile"
chroot "$root" dpkg-divert --quiet --local --rename --remove /usr/bin/py3compile
chroot "$root" python3 -m compileall -q -j 0 /usr/lib/python3 /usr/lib/python3.* > /dev/null || true

# Nobody logs in and nobody changes who they are.
rm -f "$root"/etc/shadow* "$root"/etc/gshadow* "$root"/etc/passwd- "$root"/etc/group- "$root"/etc/subuid* "$root"/etc/subgid*
find "$root" -xdev \( -type f -o -type d \) -perm /6000 -exec chmod a-s {} +

# The builder's mirror, proxy and settings are its own affair: they may name hosts or hold a password.
rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/apt.conf.d/99mmdebstrap
rm -f "$root"/etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -rf "$root"/var/cache/debconf/* "$root"/var/log/* "$root"/root/.[a-z]*

# Sandboxes run under a uid that owns nothing here. What is mounted into the root at this moment belongs to the host.
find "$root" -xdev \( -path "$root/dev" -o -path "$root/proc" -o -path "$root/sys" \) -prune \
  -o \( -type f -o -type d \) ! -type l -exec chmod a+rX {} +
