# The shell of a live session reads this before its first cell. It defines how the shell ends, and restores the state of a shell that
# ended before it. $__cells is the folder of this kernel.

__exit_trap=

# A cell's own `trap … EXIT` is for the end of the cell, as it would be for a script; the shell's is ours.
trap() {
  if ((BASH_SUBSHELL > 0 || $# < 2)) || [[ $1 == -[lp]* ]]; then
    builtin trap "$@"
    return
  fi
  if [[ $1 == -- ]]; then shift; fi
  local __action=$1 __signal
  if [[ $__action == - ]]; then __action=; fi
  for __signal in "${@:2}"; do
    case ${__signal^^} in
      EXIT | SIGEXIT | 0) __exit_trap=$__action ;;
      *) builtin trap -- "$1" "$__signal" || return ;;
    esac
  done
}

# Runs what the cell wanted to have run at its end.
__run_exit_trap() {
  local __action=$__exit_trap
  __exit_trap=
  if [[ -n $__action ]]; then eval "$__action"; fi
}

# What a next shell needs, as commands. The arguments are the positional parameters.
__print_state() {
  builtin local __at __limit
  # The folders of pushd, the current one first.
  builtin local -a __folders __functions
  builtin mapfile -t __folders < <(builtin dirs -l -p)
  printf 'cd -- %q 2> /dev/null\n' "$PWD"
  for ((__at = ${#__folders[@]} - 1; __at > 0; __at--)); do printf 'pushd -n -- %q > /dev/null\n' "${__folders[__at]}"; done
  umask -p
  shopt -p
  # Those that end with each cell are off by now.
  builtin set +o
  declare -p | grep -vE '^declare -[^ ]* (BASH[A-Z_]*|COPROC|DIRSTACK|EPOCH[A-Z]*|EUID|FUNCNAME|GROUPS|LINENO|PIPESTATUS|PPID|RANDOM|SECONDS|SHELLOPTS|SHLVL|SRANDOM|UID|_|__[a-z_]+)(=|$)'
  # Ours are those of the shell that reads this.
  builtin mapfile -t __functions < <(builtin compgen -A function | grep -vxE 'trap|__(run_exit_trap|print_state|save_state|leave|as_before)')
  if ((${#__functions[@]})); then declare -f -- "${__functions[@]}"; fi
  declare -Fx | grep -vE ' (trap|__leave)$'
  alias -p
  builtin complete -p
  builtin trap -p HUP QUIT USR1 USR2 ALRM PIPE CHLD CONT WINCH ERR
  for __limit in c d f n s v; do printf 'ulimit -S -%s %s 2> /dev/null\n' "$__limit" "$(ulimit -S -"$__limit")"; done
  printf 'SECONDS=%d\nset --' "$SECONDS"
  if (($#)); then printf ' %q' "$@"; fi
  printf '\ntrue\n'
}

# The same for the service: "state:" and a file that is there once it is whole, beside the commands that still run. Another process
# does it.
__save_state() {
  builtin local __file=$1
  builtin shift
  builtin jobs -r > "$__file.jobs"
  # A grandchild, so that it is no job of the shell.
  (
    {
      # The descriptors of the loop stay with the shell.
      exec 195<&- 196>&- 197>&- 198<&- 199>&-
      builtin unset -f $(builtin compgen -b)
      __print_state "$@" > "$__file.new" && mv "$__file.new" "$__file"
    } < /dev/null &> /dev/null &
  ) 2> /dev/null
}

# The end of the shell, by whatever way: leaves everything a next one needs.
__leave() {
  builtin local __status=$?
  builtin set +euxv +o pipefail
  __run_exit_trap
  # Functions with names of builtins would be in the way here, and in the next shell.
  builtin unset -f $(builtin compgen -b)
  # Whole or not at all: half a state would be none.
  __print_state "$@" > "$__cells/state.new" && mv "$__cells/state.new" "$__cells/state"
  builtin exit "$__status"
}

# With the positional parameters of the shell itself.
builtin trap '__leave "$@"' EXIT
builtin trap 'builtin exit 130' INT
builtin trap 'builtin exit 143' TERM
shopt -s expand_aliases
__is_new=1
if [[ -e $__cells/state ]]; then
  __is_new=
  source "$__cells/state" 2> /dev/null
  rm -f "$__cells/state"
fi
