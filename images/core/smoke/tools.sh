# The tools a shell program expects, the user it runs as, and a root nobody can write to.
set -euo pipefail
[ "$(whoami)" = user ]
[ "$(hostname 2> /dev/null || uname -n)" != '' ]
[ "$(echo '{"a":[1,2]}' | jq -c '.a | add')" = 3 ]
[ "$(echo '2^10' | bc)" = 1024 ]
[ "$(echo 'a b' | gawk '{ print $2 }')" = b ]
[ "$(sqlite3 :memory: 'select 6 * 7')" = 42 ]
echo hello > a.txt
zip -q a.zip a.txt && unzip -p a.zip | grep -q hello
tar -cJf a.tar.xz a.txt && tar -tf a.tar.xz | grep -q a.txt
file a.zip | grep -q Zip
ps -e > /dev/null
tree . > /dev/null
date | grep -q UTC
[ -z "$(find / -xdev -type f -perm /6000 2> /dev/null | head -n 1)" ]
[ ! -e /etc/shadow ]
if touch /usr/mark 2> /dev/null; then exit 1; fi
