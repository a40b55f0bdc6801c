# Completion of tetras-back for bash; to be installed in /usr/share/bash-completion/completions.
# shellcheck shell=bash

_tetras_back() {
    local current=${COMP_WORDS[COMP_CWORD]} kind word
    local options='--save --forget --plug --unplug --register --unregister --start --stop
        --help --version'
    COMPREPLY=()
    case ${COMP_WORDS[COMP_CWORD-1]} in
        -s | --save)
            kind=unsaved
            compopt -o nospace
            ;;
        -f | --forget) kind=uuids ;;
        -l | --unregister)
            kind=fifos
            compopt -o filenames # for the quotes
            ;;
        -p | --plug | -u | --unplug)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "${current:-/dev/}")
            return
            ;;
        -r | --register)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
            ;;
        *)
            mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
            return
            ;;
    esac
    # Compared as they are: compgen -W would evaluate what strangers may have named.
    while IFS= read -r word; do
        [[ $word != "$current"* ]] || COMPREPLY+=("$word")
    done < <(tetras-backctl __complete "$kind" 2>/dev/null)
    [[ $kind != unsaved ]] || COMPREPLY=("${COMPREPLY[@]/%/=}")
}

complete -F _tetras_back tetras-back
