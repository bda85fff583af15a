# Completion of fedmsg for bash, written by fedmsg completion bash. To complete a word it runs nothing of fedmsg.

_fedmsg_words() { # what may follow in the name of a command
  case $1 in
    @WORDS@
    *) return 1 ;;
  esac
}

_fedmsg_flags() { # the flags of a command
  flags=(@COMMON@)
  case $1 in
    @COMMANDS@
    *) return 1 ;;
  esac
}

_fedmsg_value() { # what a flag takes; fails for a switch
  choices=()
  case $1 in
    @FLAGS@
    *) return 1 ;;
  esac
}

_fedmsg_place() { # what stands without a flag, by its number
  choices=()
  case $1 in
    @PLACES@
    *) return 1 ;;
  esac
}

_fedmsg_match() { # adds the words that begin with what is typed
  local word quoted
  for word in "$@"; do
    printf -v quoted %q "$word"
    if [[ $word == "$cur"* || $quoted == "$cur"* ]]; then COMPREPLY+=("$before$quoted"); fi
  done
}

_fedmsg_paths() { # adds files (-f) or folders (-d)
  local name
  compopt -o filenames 2>/dev/null
  while IFS= read -r name; do COMPREPLY+=("$before$name"); done < <(compgen "$1" -- "${cur//\\/}")
}

_fedmsg_reply() { # adds what kind and choices say
  case $kind in
    words) _fedmsg_match "${choices[@]}" ;;
    files) _fedmsg_paths -f ;;
    folders) _fedmsg_paths -d ;;
  esac
}

_fedmsg() {
  local cur=${COMP_WORDS[COMP_CWORD]} before= kind= command= pending= ended= place=0 skip=1 n word
  local -a words=() flags=() choices=()
  COMPREPLY=()
  case ${COMP_WORDS[0]##*/} in
    @ALIASES@
  esac
  for ((n = 1; n < COMP_CWORD; n++)); do
    # --flag=value comes as three words, unless = is no word break.
    if [[ ${COMP_WORDS[n]} != = ]]; then words+=("${COMP_WORDS[n]}"); fi
  done
  if [[ $cur == = ]]; then cur=; fi

  if ((${#words[@]} == 0)); then
    _fedmsg_words '' && _fedmsg_match "${choices[@]}" --help --version
    return 0
  fi
  if ((${#words[@]} == 1)) && _fedmsg_words "${words[0]}"; then _fedmsg_match "${choices[@]}"; fi
  command=${words[0]}
  if ((${#words[@]} > 1)) && _fedmsg_flags "${words[0]} ${words[1]}"; then
    command="${words[0]} ${words[1]}" skip=2
  fi
  _fedmsg_flags "$command" || return 0

  for word in "${words[@]:skip}"; do
    if [[ -n $pending ]]; then
      pending=
    elif [[ -n $ended || $word != -?* ]]; then
      place=$((place + 1))
    elif [[ $word == -- ]]; then
      ended=1
    elif _fedmsg_value "$command $word"; then
      pending=$word
    fi
  done
  if [[ -z $pending && -z $ended && $cur == --*=* ]]; then
    pending=${cur%%=*} cur=${cur#*=}
    before="$pending="
  fi
  if [[ -n $pending ]]; then
    _fedmsg_value "$command $pending" && _fedmsg_reply
  elif [[ -z $ended && $cur == -* ]]; then
    _fedmsg_match "${flags[@]}"
  else
    _fedmsg_place "$command $place" && _fedmsg_reply
  fi
  return 0
}

complete -F _fedmsg @PROGRAMS@
