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
printf 'print(6 * 7)\n' > a.py && [ "$(python a.py)" = 42 ]
git init -q repo && (cd repo && echo x > f && git add f && git commit -qm first && [ "$(git log --oneline | wc -l)" = 1 ])
[ "$(printf 'a,b\n1,22\n' | column -s, -t | tail -n 1)" = '1  22' ]
[ "$(printf hi | xxd -p)" = 6869 ]
printf 'x\n' > f && printf -- '--- f\n+++ f\n@@ -1 +1 @@\n-x\n+y\n' | patch -s f && [ "$(cat f)" = y ]
7z a -bso0 a.7z a.txt && 7z l a.7z | grep -q a.txt
curl --version | grep -q curl && wget --version | grep -q Wget
tree . > /dev/null
date | grep -q UTC
[ -z "$(find / -xdev -type f -perm /6000 2> /dev/null | head -n 1)" ]
[ ! -e /etc/shadow ]
if touch /usr/mark 2> /dev/null; then exit 1; fi
