#compdef @PROGRAMS@
# Completion of fedmsg for zsh, written by fedmsg completion zsh. To complete a word it runs nothing of fedmsg.

_fedmsg() {
  local curcontext="$curcontext" state line name ret=1
  local -a names common
  local -A opt_args
  case $service in
    @ALIASES@
  esac
  common=(
    @COMMON@
  )
  if (( CURRENT == 2 )); then
    names=(
      @WORDS@
    )
    _describe -t commands 'command' names && ret=0
    compadd -- --help --version && ret=0
    return ret
  fi
  if (( CURRENT == 3 )); then
    names=()
    case $words[2] in
      @NEXT@
    esac
    if (( $#names )); then
      _describe -t commands 'command' names && ret=0
    fi
  fi
  name=$words[2]
  case "$words[2] $words[3]" in
    @PAIRS@
  esac
  if [[ $name == *' '* ]] && (( CURRENT > 3 )); then
    shift 2 words
    (( CURRENT -= 2 ))
  else
    name=$words[2]
    shift words
    (( CURRENT -= 1 ))
  fi
  case $name in
    @COMMANDS@
  esac
  return ret
}

# In a folder of fpath this file is the function; elsewhere it is read with source.
if [[ $funcstack[1] == _fedmsg ]]; then
  _fedmsg "$@"
else
  compdef _fedmsg @PROGRAMS@
fi
