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

# The end of the shell, by whatever way: leaves everything a next one needs.
__leave() {
  builtin local __status=$?
  builtin set +euxv +o pipefail
  __run_exit_trap
  # Functions with names of builtins would be in the way here, and in the next shell.
  builtin unset -f $(builtin compgen -b)
  # Whole or not at all: half a state would be none.
  {
    printf 'cd -- %q 2> /dev/null\n' "$PWD"
    umask -p
    shopt -p
    declare -p | grep -vE '^declare -[^ ]* (BASH[A-Z_]*|COPROC|DIRSTACK|EPOCH[A-Z]*|EUID|FUNCNAME|GROUPS|LINENO|PIPESTATUS|PPID|RANDOM|SECONDS|SHELLOPTS|SHLVL|SRANDOM|UID|_|__[a-z_]+)(=|$)'
    declare -f
    declare -Fx
    alias -p
    printf 'true\n'
  } > "$__cells/state.new" && mv "$__cells/state.new" "$__cells/state"
  builtin exit "$__status"
}

builtin trap __leave EXIT
builtin trap 'builtin exit 130' INT
builtin trap 'builtin exit 143' TERM
shopt -s expand_aliases
if [[ -e $__cells/state ]]; then
  source "$__cells/state" 2> /dev/null
  rm -f "$__cells/state"
fi
