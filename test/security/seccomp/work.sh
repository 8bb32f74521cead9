# What ordinary shell scripts do with the operating system; prints 'done' when all of it works.
set -euo pipefail
cd /tmp
test "$(seq 100 | sort -rn | head -n 1)" = 100
test "$(for word in b a; do echo $word; done | sort | tr '\n' ' ')" = 'a b '
sleep 0.01 &
wait $!
echo content > a
cp a b && cp --reflink=auto a c && mv b d && ln -s d e
tar cf f.tar a c d e && mkdir g && tar xf f.tar -C g
find . -name 'c' -exec cat {} + > h
diff <(cat a) <(cat g/c)
mkfifo i && (echo x > i &) && read -r line < i && test "$line" = x
dd if=/dev/zero of=j bs=64k count=2 2> /dev/null
sync && nice -n 5 true && stat -f . > /dev/null && df . > /dev/null
(trap 'exit 3' TERM; kill -TERM $BASHPID) || test $? = 3
timeout 10 tail -n 1 a > /dev/null
echo done
