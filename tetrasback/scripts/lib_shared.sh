# shellcheck shell=bash disable=SC2015,SC2034,SC2153,SC2154,SC2317
# A snapshot of a tree, made by tetras-back-snapshot(8): what has not changed is shared with the one
# before, and a manifest names everything in it. Here its words are passed on, and its end is judged.

# The key that seals manifests stays on the server: a disk that somebody had in his hands cannot
# pass another content off as ours.
readonly KEY=${TETRAS_BACK_KEY:-/var/lib/tetras-back/manifest.key}

# left_out DIRECTORY: options that leave out of a copy of DIRECTORY the disk itself and what the
# configuration says, whose patterns are relative to the source; in LEFT_OUT.
left_out() {
    local pattern sign below=${1#"$ROOT"}
    below=${below%/}
    rsync_excludes "$1"
    LEFT_OUT=("${EXCLUDES[@]}")
    while IFS= read -r pattern; do
        sign=''
        [[ $pattern != [+-]' '* ]] || { sign=${pattern:0:2}; pattern=${pattern:2}; }
        case $pattern in
            '') continue ;;
            "$below"/*) pattern=${pattern#"$below"} ;;
            /*) continue ;;
        esac
        LEFT_OUT+=("--exclude=$sign$pattern")
    done <<<"${TETRAS_BACK_EXCLUDE:-}"
}

# snapshot_options DIRECTORY: what the copy and its plan have in common, in OPTIONS: what is left
# out of a copy of DIRECTORY, and the newest backup that holds the same.
snapshot_options() {
    local folder
    SUSPECT=()
    left_out "$1"
    OPTIONS=("--key=$KEY" "${LEFT_OUT[@]}")
    [[ -n ${LINKS[0]:-} ]] || return 0
    OPTIONS+=("--previous=${LINKS[0]}")
    folder=${LINKS[0]%/Donnees}
    folder=$STATE/manifests/${folder##*/}
    [[ ! -f $folder || -L $folder ]] || OPTIONS+=("--previous-manifest=$folder")
    [[ ! -f $folder.damaged || -L $folder.damaged ]] || SUSPECT=("--damaged=$folder.damaged")
}

# read_snapshot STREAM: pass on what the program says; the last figures in NEW_BYTES, NEW_FILES.
read_snapshot() {
    local word rest
    NEW_BYTES=0 NEW_FILES=0
    while read -r word rest <&"$1"; do
        case $word in
            bytes) NEW_BYTES=${rest//[!0-9]/} ;;
            files)
                NEW_FILES=${rest//[!0-9]/}
                report "$NEW_BYTES" "$NEW_FILES" ;;
            note) note "$rest" ;;
            warning)
                if [[ $rest == source-unreadable:* ]]; then
                    warn "${rest#source-unreadable: }" "$FILE_CODE"
                else
                    warn "$rest"
                fi ;;
        esac
    done
}

# take_snapshot FROM TO MANIFEST: FROM's content, as it is, as the new directory TO.
# 0, or NO_ROOM; ends the script where the disk fails. What could not be read was warned about.
take_snapshot() {
    local stream status said=$BUILD/said
    snapshot_options "$1"
    attempt rm -f -- "$said" || return
    exec {stream}< <(exec "${SNAPSHOT_PROGRAM[@]}" make --subvolume "${OPTIONS[@]}" "${SUSPECT[@]}" \
        --manifest="$3" -- "$1" "$2" 2>"$said")
    CHILD=$!
    read_snapshot "$stream"
    exec {stream}<&-
    wait "$CHILD"
    status=$?
    CHILD=''
    case $status in
        0 | 3) return 0 ;;
        74) disk_error "the disk did not take what was written: $(tail -n 1 -- "$said")" ;;
        75) return "$NO_ROOM" ;;
    esac
    blame "copying failed (status $status): $(tail -n 1 -- "$said")"
}

# compare_snapshot FROM TO: rsync judges whether TO is FROM as it was when this backup started; ends
# the script if it is not.
compare_snapshot() {
    local stream status word rest first='' more=0 said=$BUILD/said
    left_out "$1"
    exec {stream}< <(exec "${SNAPSHOT_PROGRAM[@]}" compare "${LEFT_OUT[@]}" --since="$STARTED" -- "$1" "$2" 2>"$said")
    CHILD=$!
    while read -r word rest <&"$stream"; do
        case $word in
            note) note "$rest" ;;
            warning)
                clean "$rest"
                printf '%s\n' "$CLEAN" >&2
                [[ -n $first ]] && ((more += 1)) || first=${rest#not as in the source: } ;;
        esac
    done
    exec {stream}<&-
    wait "$CHILD"
    status=$?
    CHILD=''
    case $status in
        0) note "rsync has compared the copy with $1: it is the same" ;;
        3) die "the copy is not what was to be saved: $first$( ((more == 0)) || echo ", and more; the log names them")" ;;
        *) blame "the copy could not be compared (status $status): $(tail -n 1 -- "$said")" ;;
    esac
}

# estimate_snapshot FROM: what take_snapshot would write, in NEW_BYTES and NEW_FILES.
estimate_snapshot() {
    local stream PROGRESS=''
    snapshot_options "$1"
    exec {stream}< <(exec "${SNAPSHOT_PROGRAM[@]}" plan "${OPTIONS[@]}" -- "$1" 2>/dev/null)
    CHILD=$!
    read_snapshot "$stream"
    exec {stream}<&-
    wait "$CHILD"
    CHILD=''
}

# manifest_of FOLDER: its manifest's file, in MANIFEST; 1 = it has none.
manifest_of() {
    MANIFEST=$STATE/manifests/$1
    [[ -f $MANIFEST && ! -L $MANIFEST ]]
}

# verify_some: read again what lies on the disk, from where the last run stopped, for so many minutes
# as TETRAS_BACK_VERIFY_MINUTES says: in a few runs, everything has been read. Backups are taken from
# the newest to the oldest; what one shares with the next newer is read there.
verify_some() {
    local minutes=${TETRAS_BACK_VERIFY_MINUTES:-0} until place=$STATE/verified-$MACHINE
    local folder='' start=0 i left rest list
    local -a options
    [[ $minutes =~ ^[0-9]{1,4}(\.[0-9]+)?$ ]] || return 0
    until=$((SECONDS + $(awk -v minutes="$minutes" 'BEGIN { printf "%d", minutes * 60 }')))
    ((SECONDS < until)) || return 0
    step verify
    [[ ! -f $place || -L $place ]] || { read -r folder start rest <"$place"; } 2>/dev/null
    [[ $start =~ ^[0-9]{1,9}$ ]] || start=0
    local -a all=("$NAME")
    for ((i = ${#OURS[@]} - 1; i >= 0; i--)); do
        [[ ! -f $STATE/manifests/${OURS[i]:-} || -L $STATE/manifests/${OURS[i]} ]] || all+=("${OURS[i]}")
    done
    for ((i = 0; i < ${#all[@]}; i++)); do
        [[ ${all[i]} != "$folder" ]] || break
    done
    # What was under way is gone by now: from the beginning.
    ((i < ${#all[@]})) || i=0 start=0
    for ((; i < ${#all[@]}; i++)); do
        left=$((until - SECONDS))
        ((left > 0)) || break
        options=(--key="$KEY" --manifest="$STATE/manifests/${all[i]}" --seconds="$left"
            --start="$start")
        list=$STATE/manifests/${all[i]}.damaged
        # What somebody put in its place is not written to: the next backup believes no such list.
        [[ -e $list || -L $list ]] && [[ ! -f $list || -L $list ]] || options+=(--damaged="$list")
        if ((i > 0)); then
            options+=(--newer="$MOUNT/${all[i - 1]}/Donnees"
                --newer-manifest="$STATE/manifests/${all[i - 1]}")
        fi
        verify_one "${all[i]}" "${options[@]}" || break
        start=$NEXT
        ((start == 0)) || break
    done
    ((i < ${#all[@]})) || i=0
    place "$place" "${all[i]} $start"
}

# verify_one FOLDER OPTION...: what was found is warned about; where to go on in NEXT.
verify_one() {
    local stream status folder=$1
    shift
    NEXT=0
    [[ -d $MOUNT/$folder/Donnees && ! -L $MOUNT/$folder/Donnees && -f $STATE/manifests/$folder ]] \
        || return 0
    exec {stream}< <(exec "${SNAPSHOT_PROGRAM[@]}" verify "$@" -- "$MOUNT/$folder/Donnees" 2>/dev/null)
    CHILD=$!
    read_quietly "$stream"
    exec {stream}<&-
    wait "$CHILD"
    status=$?
    CHILD=''
    case $status in
        0 | 3) return 0 ;;
        1) warn "the manifest of $folder is of no use: its content cannot be verified" ;;
        *) disk_error "the disk did not take a note on what is damaged" ;;
    esac
}

# read_quietly STREAM: as read_snapshot, of a look at an older backup.
read_quietly() {
    local word rest
    while read -r word rest <&"$1"; do
        case $word in
            warning) warn "$rest" ;;
            next) NEXT=${rest//[!0-9]/} ;;
        esac
    done
}
