# Completion of tetras-backctl for bash; to be installed in /usr/share/bash-completion/completions.
# shellcheck shell=bash

_tetras_backctl() {
    local commands='status disks save forget plug unplug prepare backup cancel hold release
        snapshots pin unpin
        browse diff verify restore jobs scripts enable disable history log watch reload import-config register unregister clients version'
    local common='--json --no-ask-password --help'
    local current=${COMP_WORDS[COMP_CWORD]} command='' word
    local -a words=() split operands
    local quote
    COMPREPLY=()

    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ $word != -* ]]; then
            command=$word
            break
        fi
    done

    if [[ $current == -* ]]; then
        case $command in
            '') common+=' --version' ;;
            disks) common+=' --full' ;;
            save) common+=' --device' ;;
            prepare) common+=' --name --fs --erase' ;;
            backup) common+=' --no-wait' ;;
            cancel | log) common+=' --job' ;;
            hold) common+=' --minutes' ;;
            browse) common+=' --close' ;;
            verify) common+=' --sample --no-wait' ;;
            restore) common+=' --to --in-place --database --yes --unproved --no-wait' ;;
            history | jobs) common+=' --count --before' ;;
            register) common+=' --format' ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$common" -- "$current")
        return
    fi

    case $command in
        '')
            mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
            return
            ;;
        save)
            if [[ ${COMP_WORDS[COMP_CWORD-1]} == --device ]]; then
                compopt -o filenames
                mapfile -t COMPREPLY < <(compgen -f -- "${current:-/dev/}")
                return
            fi
            compopt -o nospace
            mapfile -t words < <(tetras-backctl __complete unsaved 2>/dev/null)
            words=("${words[@]/%/=}")
            ;;
        prepare)
            case ${COMP_WORDS[COMP_CWORD-1]} in
                --fs)
                    mapfile -t COMPREPLY < <(compgen -W 'ext4 btrfs xfs' -- "$current")
                    return
                    ;;
                --name) return ;;
            esac
            mapfile -t words < <(tetras-backctl __complete preparable 2>/dev/null)
            ;;
        enable | disable)
            mapfile -t words < <(tetras-backctl __complete scripts 2>/dev/null)
            ;;
        register)
            if [[ ${COMP_WORDS[COMP_CWORD-1]} == --format ]]; then
                mapfile -t COMPREPLY < <(compgen -W 'events original' -- "$current")
                return
            fi
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
            ;;
        unregister)
            mapfile -t words < <(tetras-backctl __complete fifos 2>/dev/null)
            ;;
        import-config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
            ;;
        plug | unplug)
            if [[ $current == /* ]]; then
                compopt -o filenames
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
                return
            fi
            mapfile -t words < <(tetras-backctl __complete disks 2>/dev/null)
            ;;
        pin | unpin | browse | diff | verify | restore)
            _tetras_backctl_operands
            case ${COMP_WORDS[COMP_CWORD-1]} in
                --sample) return ;;
                --database)
                    mapfile -t COMPREPLY < <(compgen -W 'mysql postgresql' -- "$current")
                    return
                    ;;
            esac
            if [[ ${COMP_WORDS[COMP_CWORD-1]} == --to || ${#operands[@]} -gt 2 ||
                ($command != diff && ${#operands[@]} -gt 1) ]]; then
                compopt -o filenames
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
                return
            fi
            if [[ ${#operands[@]} -eq 0 ]]; then
                mapfile -t words < <(tetras-backctl __complete disks 2>/dev/null)
            else
                mapfile -t words < <(tetras-backctl __complete snapshots "${operands[0]}" 2>/dev/null)
            fi
            ;;
        forget | backup | cancel | hold | release | snapshots | history | log | jobs)
            [[ ${COMP_WORDS[COMP_CWORD-1]} != --minutes ]] || return
            mapfile -t words < <(tetras-backctl __complete disks 2>/dev/null)
            ;;
        *) return ;;
    esac

    # Bash has already split the line at "=" and ":": what stands before on the same word is the
    # part that must fit, too, but must not be inserted again.
    local before='' index=$((COMP_CWORD - 1)) line=${COMP_LINE:0:COMP_POINT}
    if [[ $current == [=:] ]]; then
        before=$current
        current=''
    fi
    while [[ $index -gt 1 ]]; do
        [[ ${COMP_WORDS[index]}$before == *[=:]* ]] || break
        [[ $line == *"${COMP_WORDS[index]}$before$current" ]] || break
        before=${COMP_WORDS[index]}$before
        index=$((index - 1))
    done

    # Names hold blanks, quotes, dollars, anything: they are compared as they are, never evaluated.
    # What is typed already stays as it was typed, the rest follows, quoted in the same manner.
    local plain rest
    _tetras_backctl_split "$before$current"
    plain=${split[-1]}
    if [[ -n $quote && $current != "$quote"* ]]; then
        return
    fi
    [[ -z $quote ]] || current=${current#?} # the opening quote is not part of what bash replaces
    for word in "${words[@]}"; do
        [[ $word == "$plain"* ]] || continue
        rest=${word:${#plain}}
        case $quote in
            "'") rest=${rest//"'"/"'\\''"} ;;
            '"')
                rest=${rest//\\/\\\\}
                rest=${rest//\"/\\\"}
                rest=${rest//\$/\\\$}
                rest=${rest//\`/\\\`}
                rest=${rest//\!/"\"'!'\""}
                ;;
            *)
                [[ -z $rest || $command == save ]] || printf -v rest '%q' "$rest"
                ;;
        esac
        # Bash closes the quote itself, unless it takes the word's last character for its end.
        [[ -z $quote || $rest != *"$quote" ]] || rest+=$quote
        COMPREPLY+=("$current$rest")
    done
}

# Sets `operands` to what the shell would make of the whole words behind the command, without
# options and what belongs to them.
_tetras_backctl_operands() {
    local word command='' option=''
    operands=()
    _tetras_backctl_split "${COMP_LINE:0:COMP_POINT}"
    for word in "${split[@]:1:${#split[@]}-2}"; do
        if [[ -n $option ]]; then
            option=''
        elif [[ $word == -* ]]; then
            [[ ' --minutes --sample --to --database ' != *" $word "* ]] || option=$word
        elif [[ -z $command ]]; then
            command=$word
        else
            operands+=("$word")
        fi
    done
}

# Sets `split` to what the shell would make of the words of a half-written text, without their
# quotes and backslashes, and `quote` to the quote that is still open.
_tetras_backctl_split() {
    local text=$1 char
    split=('') quote=''
    while [[ -n $text ]]; do
        char=${text:0:1}
        text=${text:1}
        if [[ $char == "$quote" ]]; then
            quote=''
        elif [[ $quote == "'" ]]; then
            split[-1]+=$char
        elif [[ $char == \\ ]]; then
            split[-1]+=${text:0:1}
            text=${text:1}
        elif [[ -z $quote && $char == [\'\"] ]]; then
            quote=$char
        elif [[ -z $quote && $char == [[:blank:]] ]]; then
            [[ -z ${split[-1]} ]] || split+=('')
        else
            split[-1]+=$char
        fi
    done
}

complete -F _tetras_backctl tetras-backctl
