# shellcheck shell=bash disable=SC2015,SC2034,SC2153,SC2154,SC2317
# Copying a tree with rsync, and telling a file that cannot be read from a disk that cannot be
# written: rsync's status 23 means either, so its messages decide.

# rsync(1) runs three processes and says which one complains: only the sender reads the source.
# What is not recognised here as a trouble of the source is one of the disk.
readonly SOURCE_TROUBLE='^rsync: \[sender\] (send_files failed to open|readlink_stat|opendir|readdir|read errors mapping|link_stat|get_acl|get_xattr_names|get_xattr_data)[^"]*"(.*)".*: (.*) \([0-9]+\)$'
readonly VANISHED='^(file|directory) has vanished: "(.*)"'
# Follows every read error in the middle of a file: the copy is thrown away, and tried once more.
readonly UNVERIFIED='^(WARNING|ERROR|rsync: \[receiver\] WARNING|rsync: \[receiver\] ERROR): (.*) failed verification -- update (discarded|retained)'
readonly RSYNC_SUMMARY='^rsync (error|warning): some files'
readonly DISK_FULL='(No space left on device \(28\)|Disk quota exceeded \(122\))$'

# Everything that a file has. The kernel shows ACLs and properties of a file system as attributes
# too: XFS's double of the ACLs would undo these, Btrfs's cannot be written elsewhere. (A filter of
# attributes replaces rsync's own, which leaves out system.*.)
readonly RSYNC_KEEP=(-aHAXS --numeric-ids '--filter=-x system.*' '--filter=-x trusted.SGI_ACL_*'
    '--filter=-x btrfs.*')

# choose_clock: how exactly times are compared, in CLOCK. rsync looks at seconds only, and would
# not see that a file of the same size was written twice within one; but a disk may not keep more
# (ext4 with small inodes), and then every file would look changed.
choose_clock() {
    local probe=$WORK/probe fraction
    CLOCK=()
    attempt rm -rf --one-file-system -- "$probe" \
        && attempt touch -d '2001-02-03 04:05:06.123456789' -- "$probe" || return 0
    fraction=$(stat -c %y -- "$probe")
    attempt rm -f -- "$probe"
    [[ $fraction != *.123456789* ]] || CLOCK=(--modify-window=-1)
}

# rsync_excludes DIRECTORY: options that leave the disk itself out of a copy of it, in EXCLUDES.
rsync_excludes() {
    local path
    EXCLUDES=()
    excluded_below "$(realpath -- "$1")"
    for path in "${BELOW[@]}"; do
        # A backslash is special to rsync only beside one of the others.
        if [[ $path == *[*?[]* ]]; then
            path=${path//\\/\\\\} path=${path//\*/\\*} path=${path//\?/\\?} path=${path//\[/\\[}
        fi
        EXCLUDES+=("--exclude=/$path")
    done
}

# copy_progress: read rsync's own progress (--info=progress2) and pass it on.
copy_progress() {
    local chunk files=0
    while IFS= read -r -d $'\r' chunk || [[ -n $chunk ]]; do
        if [[ $chunk =~ -chk=([0-9]+)/([0-9]+) ]]; then
            files=$((BASH_REMATCH[2] - BASH_REMATCH[1]))
        fi
        if [[ $chunk =~ ^[[:space:]]*([0-9]+)[[:space:]]+[0-9]+% ]]; then
            report "${BASH_REMATCH[1]}" "$files"
        fi
    done
}

# plain NAME: a name as it is, in PLAIN; rsync writes some bytes of it as \#ooo, and not always the
# same ones.
plain() {
    PLAIN=${1//\\/\\\\}
    printf -v PLAIN '%b' "${PLAIN//\\\\#/\\0}"
}

# read_copy_messages STREAM: judge what rsync says; sets TROUBLES, UNKNOWN, FULL.
read_copy_messages() {
    local line name
    local -A misread=()
    local -a unverified=()
    TROUBLES=0 UNKNOWN='' FULL=0
    while IFS= read -r line <&"$1" || [[ -n $line ]]; do
        if [[ $line =~ $SOURCE_TROUBLE ]]; then
            ((TROUBLES += 1))
            # A file with a bad block is tried, and told, twice.
            plain "${BASH_REMATCH[2]}"
            if [[ -z ${misread[$PLAIN]:-} ]]; then
                misread[$PLAIN]=1
                warn_file "cannot read ${BASH_REMATCH[2]}: ${BASH_REMATCH[3]}"
            fi
        elif [[ $line =~ $VANISHED ]]; then
            ((VANISHED_FILES += 1))
            ((VANISHED_FILES > NAMED_LIMIT)) || note "vanished while it was read: ${BASH_REMATCH[2]}"
        elif [[ $line =~ $UNVERIFIED ]]; then
            plain "${BASH_REMATCH[2]}"
            unverified+=("$PLAIN")
        elif [[ ! $line =~ $RSYNC_SUMMARY && -n $line ]]; then
            clean "$line"
            printf '%s\n' "$CLEAN" >&2
            [[ ! $line =~ $DISK_FULL ]] || FULL=1
            [[ -n $UNKNOWN ]] || UNKNOWN=$CLEAN
        fi
    done
    for name in "${unverified[@]}"; do
        for line in "${!misread[@]}"; do
            [[ $line != *"/$name" ]] || continue 2
        done
        UNKNOWN="what was written of $name is not what was read"
    done
}

# copy_tree FROM TO [RSYNC-OPTION...]: FROM's content, as it is, into the directory TO.
# 0, or NO_ROOM; ends the script where the disk fails. What could not be read was warned about.
copy_tree() {
    local from=$1 to=$2 stream status
    shift 2
    VANISHED_FILES=0
    rsync_excludes "$from"
    exec {stream}< <(exec env LC_ALL="$UTF8" rsync "${RSYNC_KEEP[@]}" "${CLOCK[@]}" "$@" "${EXCLUDES[@]}" \
        --no-human-readable --info=progress2,flist0 --outbuf=L \
        -- "${from%/}/" "$to/" 2>&1 > >(copy_progress))
    CHILD=$!
    read_copy_messages "$stream"
    exec {stream}<&-
    wait "$CHILD"
    status=$?
    CHILD=''
    if ((VANISHED_FILES > NAMED_LIMIT)); then
        note "$((VANISHED_FILES - NAMED_LIMIT)) more files vanished while they were read"
    fi
    ((FULL == 0)) || return "$NO_ROOM"
    case $status in
        0 | 24) [[ -z $UNKNOWN ]] || note "rsync: $UNKNOWN" ;;
        23) [[ -z $UNKNOWN ]] && ((TROUBLES > 0)) || blame "copying failed: ${UNKNOWN:-rsync gave no reason}" ;;
        *) blame "copying failed (rsync status $status): ${UNKNOWN:-no reason given}" ;;
    esac
}

# estimate_copy FROM TO [RSYNC-OPTION...]: what copy_tree would write.
# In NEW_BYTES (of files; a hole counts), NEW_FILES and NEW_DIRECTORIES.
estimate_copy() {
    local from=$1 to=$2 line stream
    shift 2
    NEW_BYTES=0 NEW_FILES=0 NEW_DIRECTORIES=0
    rsync_excludes "$from"
    # Without ACLs and attributes it is quicker, and off by what has only had those changed. An
    # unreadable file is the copy's business to tell.
    exec {stream}< <(exec rsync -aH --numeric-ids --dry-run --stats --no-human-readable "${CLOCK[@]}" "$@" \
        "${EXCLUDES[@]}" -- "${from%/}/" "$to/" 2>/dev/null)
    CHILD=$!
    while IFS= read -r line <&"$stream"; do
        case $line in
            'Total transferred file size: '*) NEW_BYTES=${line//[!0-9]/} ;;
            'Number of regular files transferred: '*) NEW_FILES=${line//[!0-9]/} ;;
            'Number of created files: '*)
                [[ ! $line =~ dir:\ ([0-9]+) ]] || NEW_DIRECTORIES=${BASH_REMATCH[1]} ;;
        esac
    done
    exec {stream}<&-
    wait "$CHILD"
    CHILD=''
}
