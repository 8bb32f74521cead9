mode=$1
shift
case $mode in
  unicode)
    echo 'héllo 世界 🎉'
    read -r line
    echo "$line"
    ;;
  args) printf '%s\n' "$@" ;;
  eof) wc -c | tr -d ' ' ;;
  files) echo -n $((2 * $(cat data/in.txt))) > /mnt/data/out.txt ;;
  exit) exit 7 ;;
  crash)
    set -eu
    echo "$missing" # the line that fails
    ;;
  threads)
    for n in 10 20 30 40; do
      (
        s=0
        for ((i = 0; i < n; i++)); do ((s += i)); done
        echo $s > "/tmp/$n"
      ) &
    done
    wait
    echo $(($(cat /tmp/10) + $(cat /tmp/20) + $(cat /tmp/30) + $(cat /tmp/40)))
    ;;
  library) tr ' ' '\n' <<< 'banana apple apple' | sort | uniq -c | awk '{ printf "%s%s:%s", sep, $2, $1; sep = " " } END { print "" }' ;;
  work)
    count=0
    for ((n = 2; n < $1; n++)); do
      for ((d = 2; d * d <= n && n % d; d++)); do :; done
      ((d * d > n)) && ((count++))
    done
    echo $count
    ;;
  endless)
    echo before
    while :; do :; done
    ;;
esac
