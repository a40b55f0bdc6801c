# shellcheck shell=bash disable=SC2015,SC2034,SC2153,SC2154,SC2317
# serveur.tar.gz: the server's configuration and the dumps, with tar's messages judged as rsync's
# are: tar ends with 2 for a file that cannot be read and for a disk that cannot be written.

readonly CONFIG_PARTS=(etc srv var/www root)

# tar(1) names members relative to the source; anything else it complains about (the archive, an
# absolute path; a dump, below bases/; its gzip) lies on the disk.
readonly MEMBER='^tar: ([^/].*): '
readonly UNREAD='(Cannot (open|stat|readlink|savedir|read|read link|close|llistxattrat|getxattr|flistxattr|fgetxattr|acl_get_file|acl_get_file_at): .*|Read error at byte [0-9]+, while reading [0-9]+ bytes?: .*|Read error at byte [0-9]+, reading [0-9]+ bytes?: .*|File shrank by [0-9]+ bytes; padding with zeros)$'
readonly TAR_SUMMARY='^tar: Exiting with failure status due to previous errors$'
readonly TAR_FULL='No space left on device|Disk quota exceeded'

# config_parts [EXTRA...]: those that the source has, in PARTS (relative to it).
config_parts() {
    local part
    PARTS=()
    for part in "${CONFIG_PARTS[@]}" "$@"; do
        [[ -e $ROOT/$part || -L $ROOT/$part ]] || continue
        if [[ -L $ROOT/$part && -d $ROOT/$part ]]; then
            # As for home, it is the content that matters.
            note "$part is a symbolic link; what it leads to is saved in its place"
            part+=/
        fi
        PARTS+=("$part")
    done
}

# read_archive_messages STREAM: judge what tar says; sets TROUBLES, UNKNOWN, FULL.
read_archive_messages() {
    local line name
    TROUBLES=0 UNKNOWN='' FULL=0
    while IFS= read -r line <&"$1" || [[ -n $line ]]; do
        if [[ $line =~ ^tar:\ @([0-9]+)$ ]]; then
            # A checkpoint, in records of 10,240 bytes.
            report $((BASH_REMATCH[1] * 10240))
            continue
        fi
        name=''
        if [[ $line =~ $MEMBER && $line != 'tar: bases'[/:]* ]]; then
            name=${BASH_REMATCH[1]}
        fi
        if [[ -n $name && $line == *': file changed as we read it' ]]; then
            name=${line#tar: } name=${name%: file changed as we read it}
            ((TROUBLES += 1))
            # A directory's own content is whole; only its list of names has moved on.
            if [[ -d $ROOT/$name ]]; then note "changed while it was read: $name"
            else warn_file "changed while it was read: $name"; fi
        elif [[ -n $name && $line =~ :\ (File|Directory)\ removed\ before\ we\ read\ it$ ]]; then
            ((TROUBLES += 1))
            note "vanished while it was read: ${line#tar: }"
        elif [[ -n $name && $line =~ $UNREAD ]]; then
            ((TROUBLES += 1))
            warn_file "cannot read ${line#tar: }"
        elif [[ ! $line =~ $TAR_SUMMARY && -n $line ]]; then
            clean "$line"
            printf '%s\n' "$CLEAN" >&2
            [[ ! $line =~ $TAR_FULL ]] || FULL=1
            [[ -n $UNKNOWN ]] || UNKNOWN=$CLEAN
        fi
    done
}

# look_at_parts: a word for PARTS as they are now, in FINGERPRINT, empty where it cannot be told;
# and what of them is left out by the configuration, in PASSED_OVER.
look_at_parts() {
    local part word rest stream
    FINGERPRINT='' PASSED_OVER=()
    ((${#PARTS[@]})) || return 0
    left_out "$SOURCE"
    exec {stream}< <(exec "${SNAPSHOT_PROGRAM[@]}" fingerprint "${LEFT_OUT[@]}" \
        -- "$SOURCE" "${PARTS[@]%/}" 2>/dev/null)
    CHILD=$!
    while read -r word rest <&"$stream"; do
        case $word in
            fingerprint) FINGERPRINT=$rest ;;
            excluded) PASSED_OVER+=("$rest") ;;
        esac
    done
    exec {stream}<&-
    wait "$CHILD"
    CHILD=''
    for part in "${PARTS[@]}"; do
        [[ $part != */ ]] || FINGERPRINT=''  # behind a link: what it leads to was not looked at
    done
}

# seal_archive FILE: what proves later that FILE is as it was, in SEAL; empty where it cannot be read.
seal_archive() {
    SEAL=$(run "${SNAPSHOT_PROGRAM[@]}" seal --key="$KEY" -- "$1" 2>/dev/null)
    SEAL=${SEAL#seal }
}

# same_archive FILE: FILE is another name of the last archive, if that would come out the same and
# has not suffered since; both by the word of one and the same sealed mark, for FILE will be sealed
# in its turn.
same_archive() {
    local last=$MOUNT/$KEPT_ARCHIVE/serveur.tar.gz
    [[ -n $FINGERPRINT && -n $KEPT_ARCHIVE && $KEPT_PRINT == "$FINGERPRINT" ]] || return 1
    [[ -f $last && ! -L $last ]] || return 1
    seal_archive "$last"
    if [[ -z $SEAL || $SEAL != "$KEPT_SEAL" ]]; then
        warn "serveur.tar.gz in $KEPT_ARCHIVE is damaged: it is not what was written"
        return 1
    fi
    ln -- "$last" "$1" 2>/dev/null || return 1
    note "nothing has changed in ${PARTS[*]}: the archive is that of $KEPT_ARCHIVE"
}

# make_archive FILE DUMPS PART...: the parts of the source, and DUMPS/bases where it exists.
# 0, or NO_ROOM; ends the script where the disk fails.
make_archive() {
    local file=$1 dumps=$2 path stream status
    local -a command=(tar --create --file="$file"
        --use-compress-program="bash '$LIBRARY/lib_compress.sh'" --format=posix --numeric-owner --sparse
        --acls --xattrs --xattrs-include='*' --xattrs-exclude='trusted.SGI_ACL_*'
        --xattrs-exclude='btrfs.*' --warning=no-file-ignored
        --checkpoint=100 --checkpoint-action=echo='@%u' --anchored --no-wildcards)
    shift 2
    excluded_below "$SOURCE"
    for path in "${BELOW[@]}"; do
        command+=("--exclude=$path")
    done
    if ((${#PASSED_OVER[@]})); then
        printf '%s\n' "${PASSED_OVER[@]}" >"$BUILD/passed over" || return "$NO_ROOM"
        command+=("--exclude-from=$BUILD/passed over")
    fi
    command+=(--directory="$SOURCE" "$@")
    [[ ! -d $dumps/bases ]] || command+=(--directory="$dumps" bases)
    # An archive of nothing is one, where a server has none of the parts.
    (($#)) || [[ -d $dumps/bases ]] || command+=(--files-from=/dev/null)
    exec {stream}< <(exec env LC_ALL="$UTF8" "${command[@]}" 2>&1 >/dev/null)
    CHILD=$!
    read_archive_messages "$stream"
    exec {stream}<&-
    wait "$CHILD"
    status=$?
    CHILD=''
    ((FULL == 0)) || return "$NO_ROOM"
    case $status in
        0) [[ -z $UNKNOWN ]] || note "tar: $UNKNOWN" ;;
        1 | 2) [[ -z $UNKNOWN ]] && ((TROUBLES > 0)) || blame "the archive failed: ${UNKNOWN:-tar gave no reason}" ;;
        *) blame "the archive failed (tar status $status): ${UNKNOWN:-no reason given}" ;;
    esac
}
