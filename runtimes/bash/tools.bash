# Defines a function for each of the caller's tools. The protocol is that of guest/agent/tool_channel.py; no process is started for a
# call, and the program's options and variables are left alone.

# Asks for a tool by its own name and prints its value: _ptc_call name [input]
_ptc_call() {
  { local -; set +euvx +o pipefail; } 2> /dev/null
  local LC_ALL=C IFS=$' \t\n' _ptc_input=${2-'{}'} _ptc_fd= _ptc_status= _ptc_size= _ptc_value=
  if (($# > 2)); then
    _ptc_value='takes one argument, a JSON object'
  elif ! { exec {_ptc_fd}<> /dev/tcp/127.0.0.1/10711; } 2> /dev/null; then
    _ptc_value='the tool cannot be called now'
  else
    printf '%s\n%d\n%s' "$1" "${#_ptc_input}" "$_ptc_input" >&"$_ptc_fd"
    IFS=' ' read -r -u "$_ptc_fd" _ptc_status _ptc_size
    if [[ -n $_ptc_size && $_ptc_size != 0 ]]; then IFS= read -r -N "$_ptc_size" -u "$_ptc_fd" _ptc_value; fi
    exec {_ptc_fd}>&-
    if [[ $_ptc_status == ok ]]; then
      printf '%s\n' "$_ptc_value"
      return
    fi
    if [[ -z $_ptc_status ]]; then _ptc_value='the tool cannot be called now'; fi
  fi
  printf '%s: %s\n' "$1" "$_ptc_value" >&2
  # A failed call ends the program, also from inside of a substitution; a live session's shell (loop.bash) has more to lose. This
  # signal is told as exit code 1 (guest/agent/endings.py).
  if ((BASHPID != $$)) && [[ ! -v __cell ]]; then kill -62 "$$"; fi
  exit 1
}

# One by one: a name is what follows the first blank.
while IFS= read -r _PTC_LINE; do
  if [[ -n $_PTC_LINE ]]; then
    printf -v _PTC_QUOTED '%q' "${_PTC_LINE#* }"
    eval "${_PTC_LINE%% *}() { _ptc_call $_PTC_QUOTED \"\$@\"; }"
  fi
done <<< "$_PTC_NAMES"
# For who exports a tool to the shells of xargs and the like.
export -f _ptc_call
unset _PTC_LINE _PTC_QUOTED _PTC_NAMES
