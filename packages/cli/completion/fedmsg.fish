# Completion of fedmsg for fish, written by fedmsg completion fish. To complete a word it runs nothing of fedmsg.

# Whether what stands before the cursor is these words, and no more.
function __fedmsg_only
    set -l words (commandline -opc)
    set -e words[1]
    test "$words" = "$argv"
end

# Whether a flag of a command, given as "command flag", has a value behind it.
function __fedmsg_takes_value
    switch $argv[1]
        case @VALUED@
            return 0
    end
    return 1
end

# Whether this command is before the cursor, and, with a number, whether so many words without a flag follow it.
function __fedmsg_at
    set -l words (commandline -opc) ''
    set -e words[1]
    set -l name $words[1]
    set -e words[1]
    switch "$name $words[1]"
        case @PAIRS@
            set name "$name $words[1]"
            set -e words[1]
    end
    test "$argv[1]" = '*' -a -n "$name" -o "$argv[1]" = "$name"; or return 1
    set -q argv[2]; or return 0
    set -l place 0
    set -l pending no
    set -l ended no
    for word in $words[1..-2]
        if test $pending = yes
            set pending no
        else if test $ended = yes; or not string match -q -- '-?*' $word
            set place (math $place + 1)
        else if test "$word" = --
            set ended yes
        else if __fedmsg_takes_value "$name $word"
            set pending yes
        end
    end
    test $place = $argv[2] -o "$argv[3]" = more -a $place -gt $argv[2]
end

complete -c fedmsg -e
complete -c fedmsg -f
@ALIASES@
complete -c fedmsg -n '__fedmsg_only' -l help -d 'list the commands'
complete -c fedmsg -n '__fedmsg_only' -l version -d 'print the version'
@WORDS@
@COMMON@
@COMMANDS@
