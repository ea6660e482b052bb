# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of bootahead(1) for bash: verbs and options as its own help lists them.

_bootahead()
{
        local word=${COMP_WORDS[COMP_CWORD]} verb='' i
        local help verbs options

        help=$(bootahead --help 2> /dev/null) || return
        verbs=$(sed -n 's/^  \([a-z][a-z-]*\).*/\1/p' <<< "$help")
        for ((i = 1; i < COMP_CWORD; i++)); do
                if [[ ${COMP_WORDS[i]} == [a-z]* && -z $verb ]]; then
                        verb=${COMP_WORDS[i]}
                fi
        done
        case $verb in
        replay | watch)
                options=$(bootahead "$verb" --help 2> /dev/null | grep -o -- '--[a-z-]*=\?' | sort -u)
                ;;
        *)
                options=$(sed -n "/^For all:/,\$p${verb:+;/^  $verb\\b/,/^  [a-z]/p}" <<< "$help" |
                        grep -o -- '^ *--[a-z-]*=\?' | sort -u)
                ;;
        esac
        if [[ $word == -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
                [[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace
        elif [[ -z $verb ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$word")
        else
                mapfile -t COMPREPLY < <(compgen -f -- "$word")
                compopt -o filenames
        fi
}

complete -F _bootahead bootahead
