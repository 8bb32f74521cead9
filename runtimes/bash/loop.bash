# The shell of a live session. Cells run one after another in its own scope: in a function their variables would be local. A cell may
# have functions with names of builtins.

source /opt/dragoman/runtimes/bash/kernel.bash
BASH_ARGV0=bash
while IFS= builtin read -r -u 198 __cell; do
  builtin printf '+\n' >&199
  if [[ -s $__cell.tools ]]; then
    _PTC_NAMES=$(< "$__cell.tools")
    source /opt/dragoman/runtimes/bash/tools.bash
  fi
  builtin source "$__cell" 198<&- 199>&-
  __status=$?
  # Options are the cell's own: `set -e` in one must not end the next.
  { builtin set +euxv +o pipefail; } 2> /dev/null
  __run_exit_trap
  builtin printf '%d\n' "$__status" >&199
done
