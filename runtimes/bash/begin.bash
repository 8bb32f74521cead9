# Read by bash before a program (BASH_ENV).

unset BASH_ENV
if [[ -p /dev/fd/3 ]]; then
  # Begun ahead of need: the source is there, and the program's time begins, when this ends. No variable tells of it: users' have any names.
  read -r -u 3
  exec 3<&-
  unset REPLY
  SECONDS=0
fi
if [[ -v _PTC_NAMES ]]; then source /opt/dragoman/runtimes/bash/tools.bash; fi
if [[ -v _PROGRAM_SOURCE ]]; then
  # Before its first command bash has the source open, and the file can go: the first process removes it when it is told.
  __begin() {
    local entry=$_PROGRAM_SOURCE tries=0
    unset _PROGRAM_SOURCE
    unset -f __begin
    kill -USR1 1
    while [[ -e $entry ]] && ((++tries < 5000)); do :; done
  }
  # Within the function the trap could not be reset.
  trap 'trap - DEBUG; __begin' DEBUG
fi
