# The shell of a live session. Cells run one after another in its own scope: in a function their variables would be local. A cell may
# have functions with names of builtins.

__cells=$1
shift
source /opt/dragoman/runtimes/bash/kernel.bash
BASH_ARGV0=bash
__status=0
# The streams as they are: what a cell does to them with `exec` ends with it.
exec 195<&0 196>&1 197>&2
__as_before() { return "$__status"; }
while IFS= builtin read -r -u 198 __cell; do
  if [[ $__cell == state:* ]]; then
    __save_state "${__cell#state:}" "$@"
    builtin printf '0\n' >&199
    continue
  fi
  if [[ $__cell == seed:* ]]; then
    RANDOM=${__cell#seed:}
    builtin printf '0\n' >&199
    continue
  fi
  builtin printf '+\n' >&199
  # It may have been started long before its first cell.
  if [[ $__is_new ]]; then SECONDS=0 __is_new=; fi
  if [[ -s $__cell.tools ]]; then
    _PTC_NAMES=$(< "$__cell.tools")
    source /opt/dragoman/runtimes/bash/tools.bash
  fi
  __before=
  if [[ -s $__cell.env ]]; then
    # What there was of these variables, as commands that bring it back.
    while IFS= builtin read -r __name; do
      __before+=$(builtin declare -p "$__name" 2> /dev/null || builtin printf 'unset -v %s' "$__name")$'\n'
    done < "$__cell.names"
    builtin source "$__cell.env"
  fi
  # With the status of the last cell as its `$?`, by a way that no ERR trap takes for a failure.
  if ((__status)); then
    __as_before || builtin source "$__cell"
  else
    builtin :
    builtin source "$__cell"
  fi <&195 >&196 2>&197 195<&- 196>&- 197>&- 198<&- 199>&-
  # Options are the cell's own: `set -e` in one must not end the next. So are traps that would run for what is done here.
  { __status=$?; builtin trap - DEBUG RETURN; builtin set +euxv +o pipefail; } &> /dev/null
  __run_exit_trap
  [[ -z $__before ]] || builtin eval "$__before" &> /dev/null
  builtin printf '%d\n' "$__status" >&199
done
