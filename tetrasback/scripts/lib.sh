# shellcheck shell=bash disable=SC2015,SC2034,SC2153,SC2154,SC2317
# What both backup scripts share: messages, progress, the disk's own directory, exclusions.
#
# Sourced, never run. Words of the contract used here: the *disk* is MOUNT, the *source* is the
# root of what is saved, *ours* is what lies in .tetras-back on the disk.
#
# Globals that others read: MOUNT SOURCE (ROOT: the same, empty for /) HOST MACHINE STATE WORK,
# EXCLUDED (paths of the source that are the disk itself), WARNINGS (how many were given),
# DELETING (0 = nothing that a backup left on the disk may go in this run), CHILD (the process
# that a signal must end).

umask 077
export LC_ALL=C HOME="${HOME:-/root}"
# Names in messages are for people: UTF-8 where it is UTF-8, the words still English.
readonly UTF8=C.UTF-8
unset CDPATH GLOBIGNORE LANGUAGE TAR_OPTIONS GZIP POSIXLY_CORRECT RSYNC_RSH RSYNC_PARTIAL_DIR
shopt -s nullglob
# A reader of our output or progress that goes away must not end a backup.
trap '' PIPE

PROGRAM=${0##*/}
WARNINGS=0
FILE_CODE=source-unreadable
NAMED=0
UNNAMED=0
DELETING=1
CHILD=''
LABEL=''
BYTES_BEFORE=0
BYTES_TOTAL=0
FILES_BEFORE=0
FILES_TOTAL=0
LAST_REPORT=0
# How much of what is to be written are names and small files, about, in bytes.
SMALL_NEEDED=0
# Warnings and notes that name a file: so many are told one by one, the rest is counted.
readonly NAMED_LIMIT=100
readonly DISK_TROUBLE='Input/output error|Read-only file system|Structure needs cleaning|Bad message'
# So many bytes are copied in the time that one file takes that has not changed, about.
readonly FILE_WEIGHT=16384
# What a step returns that found no room on the disk (any value that no program here exits with).
readonly NO_ROOM=75

# tetras-back-snapshot(8): beside these scripts in a checkout, installed otherwise. It tells its progress to us, not to the
# daemon.
if [[ -f $LIBRARY/../snapshot/__main__.py ]]; then
    readonly SNAPSHOT_PROGRAM=(/usr/bin/env -u TETRAS_BACK_PROGRESS_FD /usr/bin/python3 -I "$LIBRARY/../snapshot")
else
    readonly SNAPSHOT_PROGRAM=(/usr/bin/env -u TETRAS_BACK_PROGRESS_FD /usr/sbin/tetras-back-snapshot)
fi

PROGRESS=${TETRAS_BACK_PROGRESS_FD:-}
if [[ ! $PROGRESS =~ ^[0-9]{1,4}$ ]] || ! { : >&"$PROGRESS"; } 2>/dev/null; then
    PROGRESS=''
fi

# emit LINE: a line to whoever follows the backup, if anybody does.
emit() {
    [[ -z $PROGRESS ]] || { printf '%s\n' "$1" >&"$PROGRESS"; } 2>/dev/null || :
}

# clean TEXT: on one line and not endless, in CLEAN.
clean() {
    CLEAN=${1//[[:cntrl:]]/?}
    CLEAN=${CLEAN:0:1000}
}

note() {
    clean "$1"
    printf 'note: %s\n' "$CLEAN" 2>/dev/null
    emit "note $CLEAN"
}

# warn TEXT [CODE]: CODE is one of the daemon's words for why a backup has its verdict.
warn() {
    clean "$1"
    ((WARNINGS += 1))
    printf 'warning: %s\n' "$CLEAN" >&2
    emit "warning ${2:+$2: }$CLEAN"
}

# warn_file TEXT: like warn, for the one file that TEXT names; bounded.
warn_file() {
    if ((NAMED < NAMED_LIMIT)); then
        ((NAMED += 1))
        warn "$1" "$FILE_CODE"
    else
        ((UNNAMED += 1))
    fi
}

# warn_rest: how many files warn_file did not name.
warn_rest() {
    if ((UNNAMED > 0)); then
        warn "$UNNAMED more files could not be read" "$FILE_CODE"
        UNNAMED=0
    fi
}

die() {
    clean "$1"
    printf '%s: %s\n' "$PROGRAM" "$CLEAN" >&2
    exit 1
}

# disk_error TEXT, disk_full TEXT: die, and let the daemon know that this disk is of no more use.
disk_error() {
    clean "$1"
    emit "warning disk-error: $CLEAN"
    die "$1"
}
disk_full() {
    clean "$1"
    emit "warning disk-full: $CLEAN"
    die "$1"
}

# blame TEXT: die of what a program said; some words of the kernel are about a failing disk.
blame() {
    [[ ! $1 =~ $DISK_TROUBLE ]] || disk_error "$1"
    die "$1"
}

# human BYTES: for people, in HUMAN.
human() {
    HUMAN=$(numfmt --to=iec-i --suffix=B --format='%.1f' "$1")
}

# step NAME: from here on progress is told under this label.
step() {
    LABEL=$1
    LAST_REPORT=0
    report 0
}

# report BYTES [FILES]: how far the current step is; at most four times a second.
report() {
    local now=${EPOCHREALTIME//[.,]/} bytes files whole part
    [[ -n $PROGRESS ]] && ((now - LAST_REPORT >= 250000)) || return 0
    LAST_REPORT=$now
    bytes=$((BYTES_BEFORE + $1)) files=$((FILES_BEFORE + ${2:-0}))
    # Where little has changed, looking at the files is most of the work.
    whole=$((BYTES_TOTAL + FILES_TOTAL * FILE_WEIGHT))
    part=$((whole > 0 ? (bytes + files * FILE_WEIGHT) * 1000 / whole : 0))
    # The end is told only by a finished backup.
    ((part <= 990)) || part=990
    printf -v part '0.%03d' "$part"
    emit "progress $part $LABEL"
    ((bytes <= BYTES_TOTAL)) || bytes=$BYTES_TOTAL
    ((BYTES_TOTAL == 0)) || emit "bytes $bytes $BYTES_TOTAL"
    emit "files $files"
}

# run COMMAND...: run it so that a signal to this script ends it too; its exit status.
run() {
    local status
    "$@" &
    CHILD=$!
    wait "$CHILD"
    status=$?
    CHILD=''
    return "$status"
}

# attempt COMMAND...: write something small to the disk. 0, or NO_ROOM; any other failure of it
# is one of the disk and ends the script.
attempt() {
    local said
    said=$("$@" 2>&1 >/dev/null) && return 0
    [[ ! $said =~ 'No space left on device'|'Disk quota exceeded' ]] || return "$NO_ROOM"
    blame "the disk cannot be written to: $said"
}

# erase PATH...: what is ours goes, with all that is below it. On Btrfs that may be subvolumes, which
# rm takes for other file systems.
erase() {
    if [[ $MOUNT_KIND == btrfs ]]; then
        run "${SNAPSHOT_PROGRAM[@]}" remove -- "$@"
    else
        run rm -rf --one-file-system -- "$@"
    fi
}

# settle [SECONDS]: on Btrfs, wait until the room of erased subvolumes is free: as long as that goes
# on, or only so long. 0 = some has become free; 1 = there was nothing to wait for, or it does not end.
settle() {
    local stream status word number settled=0
    UNSETTLED=0
    [[ $MOUNT_KIND == btrfs ]] || return 1
    exec {stream}< <(exec "${SNAPSHOT_PROGRAM[@]}" settle ${1:+--seconds="$1"} -- "$MOUNT")
    CHILD=$!
    while read -r word number <&"$stream"; do
        case $word in
            settled) settled=$number ;;
            left) UNSETTLED=$number ;;
        esac
    done
    exec {stream}<&-
    wait "$CHILD"
    status=$?
    CHILD=''
    ((status == 0)) || disk_error "the disk does not free what was removed from it"
    ((settled > 0))
}

# place FILE TEXT: FILE holds TEXT on the disk, whole or not at all. mv replaces a link or a FIFO
# that somebody has put there, it does not go through it.
place() {
    local fresh=$WORK/fresh
    attempt rm -f -- "$fresh" \
        && attempt tee -- "$fresh" <<<"$2" \
        && attempt sync -- "$fresh" \
        && attempt mv -fT -- "$fresh" "$1" || disk_full "the disk is full: no room for $1"
}

# Ends at once. What is half made stays in the disk's own directory, and the next run clears it.
stop() {
    trap '' TERM INT HUP
    [[ -z $CHILD ]] || kill -TERM "$CHILD" 2>/dev/null
    printf '%s: stopped by a signal\n' "$PROGRAM" >&2
    exit "$1"
}
trap 'stop 143' TERM
trap 'stop 130' INT
trap 'stop 129' HUP

# shrink_alert: in SHRINK_ALERT, thousandths; what is no number from 0 to 1 counts as a half.
shrink_alert() {
    local part=${TETRAS_BACK_SHRINK_ALERT:-0.5} fraction
    SHRINK_ALERT=500
    if [[ $part =~ ^([01])(\.([0-9]{1,6}))?$ ]]; then
        fraction=${BASH_REMATCH[3]:-0}000
        SHRINK_ALERT=$((BASH_REMATCH[1] * 1000 + 10#${fraction:0:3}))
    fi
}

# own_directory PATH: make it, or see that it is a true directory on the disk that only root enters.
own_directory() {
    local facts
    if [[ ! -e $1 && ! -L $1 ]]; then
        attempt mkdir -- "$1" || disk_full "the disk is full: no room even for $1; make some"
    fi
    [[ -d $1 && ! -L $1 ]] || die "$1 is not a directory; have a look at it and remove it"
    facts=$(stat -c '%d %u:%g %a' -- "$1") || die "cannot look at $1"
    [[ ${facts%% *} == "$MOUNT_DEVICE" ]] || die "$1 is on another file system than the disk"
    if [[ ${facts#* } != '0:0 700' ]]; then
        chown -h 0:0 -- "$1" && chmod 0700 -- "$1" || die "cannot protect $1"
    fi
}

# find_machine: the identity of this server, in MACHINE.
#
# The running host's machine id. Not the source's in the first place: a source that is missing or
# empty has none, and then all older backups would look like another server's. Without one (some
# containers) the source's, and without that the host name, which then must not change.
find_machine() {
    local file
    for file in /etc/machine-id "$ROOT/etc/machine-id"; do
        MACHINE=''
        [[ -f $file ]] && { read -r -n 64 MACHINE <"$file"; } 2>/dev/null
        [[ ! $MACHINE =~ ^[0-9a-f]{32}$ ]] || return 0
    done
    MACHINE=host-$HOST
}

# find_excluded: every place below the source where the disk itself is mounted, in EXCLUDED.
find_excluded() {
    local device='' found point line source_device
    EXCLUDED=("$MOUNT")
    source_device=$(stat -c %d -- "$SOURCE")
    [[ $source_device != "$MOUNT_DEVICE" ]] || return 0
    # proc(5), mountinfo: id, parent, major:minor, root, mount point with octal escapes, …
    while read -r _ _ found _ point line; do
        printf -v point '%b' "$point"
        [[ $point != "$MOUNT" ]] || device=$found
    done </proc/self/mountinfo
    [[ -n $device ]] || return 0
    while read -r _ _ found _ point line; do
        printf -v point '%b' "$point"
        [[ $found != "$device" || $point == "$MOUNT" ]] || EXCLUDED+=("$point")
    done </proc/self/mountinfo
}

# excluded_below DIRECTORY: those of EXCLUDED that lie in it, relative to it, in BELOW.
excluded_below() {
    local path root=${1%/}
    BELOW=()
    for path in "${EXCLUDED[@]}"; do
        [[ $path != "$root" ]] || die "$root is the backup disk itself; it cannot be the source"
        [[ $path != "$root"/* ]] || BELOW+=("${path#"$root"/}")
    done
}

# begin DIRECTORY: settle what is saved and where to; sets the globals named at the top.
begin() {
    ((EUID == 0)) || die "must be run as root"
    cd -P -- "$1" 2>/dev/null || die "no such directory: $1; give the mount point of the disk"
    MOUNT=$PWD
    MOUNT_DEVICE=$(stat -c %d -- "$MOUNT") && MOUNT_KIND=$(stat -f -c %T -- "$MOUNT") \
        || die "cannot look at $MOUNT"
    SOURCE=${TETRAS_BACK_SOURCE:-/}
    [[ $SOURCE == /* ]] || die "the source must be an absolute path: $SOURCE"
    [[ -d $SOURCE ]] || die "the source $SOURCE is not there; nothing was saved"
    SOURCE=$(realpath -- "$SOURCE") || die "cannot look at the source"
    ROOT=${SOURCE%/}
    [[ $MOUNT != "$SOURCE" ]] || die "the disk and the source are the same: $MOUNT"
    HOST=${TETRAS_BACK_HOSTNAME:-$(uname -n)}
    HOST=${HOST//[^A-Za-z0-9._-]/_}
    HOST=${HOST:0:64}
    find_machine
    find_excluded
    shrink_alert
    STATE=$MOUNT/.tetras-back
    own_directory "$STATE"
    exec {LOCK}<"$STATE" || die "cannot open $STATE"
    flock --nonblock "$LOCK" || die "another backup is being written to $MOUNT; wait for its end"
    own_directory "$STATE/complete"
    # Everything in here is half made or half deleted, by this server, and may go at any time.
    WORK=$STATE/work-$MACHINE
    own_directory "$WORK"
}

# clear_leftovers: what an interrupted run of this server left, but for old backups that were put
# aside (lib_room.sh). A weak source forbids it: the unfinished backup may then be the best that
# there is.
clear_leftovers() {
    local leftover
    ((DELETING)) || return 0
    for leftover in "$WORK"/* "$WORK"/.[!.]*; do
        [[ ${leftover##*/} != old.* ]] || continue
        note "cleared what an interrupted backup left: ${leftover##*/}"
        erase "$leftover" || disk_error "cannot clear $leftover on the disk"
    done
}

# measure DIRECTORY...: count what is in them, nested file systems too, the disk itself not.
# In FILES (everything but directories), BYTES (of regular files), HOLES (bytes of them that
# take no room). What cannot be read counts as not there.
measure() {
    local path stream prune=() real=()
    for path in "${EXCLUDED[@]}"; do
        # find takes a pattern here: a name's own special characters are not one.
        path=${path//\\/\\\\} path=${path//\*/\\*} path=${path//\?/\\?} path=${path//\[/\\[}
        prune+=(-path "$path" -prune -o)
    done
    FILES=0 BYTES=0 HOLES=0
    (($#)) || return 0
    for path in "$@"; do
        # EXCLUDED are true paths, so what is searched for them must be too.
        real+=("$(realpath -- "$path")")
    done
    exec {stream}< <(find "${real[@]}" "${prune[@]}" ! -type d -printf '%y %s %b\n' 2>/dev/null | awk '
        { files++ }
        $1 == "f" { bytes += $2; if ($2 > $3 * 512) holes += $2 - $3 * 512 }
        END { printf "%.0f %.0f %.0f\n", files, bytes, holes }')
    CHILD=$!
    read -r FILES BYTES HOLES <&"$stream"
    exec {stream}<&-
    wait "$CHILD"
    CHILD=''
    # Without figures nobody would see that the source has shrunk.
    [[ -n $HOLES ]] || die "the files to be saved could not be counted; nothing was saved"
}

# check_source NAME FILES BYTES OLD-FILES OLD-BYTES: a source that has less than SHRINK_ALERT
# thousandths of what its last backup held (empty: no such backup), or nothing, stops every deletion.
check_source() {
    local what=''
    if (($2 == 0)); then
        what="is empty or missing"
    elif [[ -n $4 ]] && (($2 * 1000 < $4 * SHRINK_ALERT)); then
        what="has shrunk from $4 files to $2 since the last backup"
    elif [[ -n $5 ]] && (($3 * 1000 < $5 * SHRINK_ALERT)); then
        what="has shrunk from $5 bytes to $3 since the last backup"
    fi
    [[ -n $what ]] || return 0
    DELETING=0
    FILE_CODE=''
    warn "the source $1 $what; nothing is deleted from the disk" source-shrunk
}

# free_bytes: room that root may fill on the disk, in FREE; what is used of it nowhere, in UNUSED.
free_bytes() {
    local free available size small
    read -r free available size < <(stat -f -c '%f %a %S' -- "$MOUNT")
    # No figure is not a full disk, for which old backups would go.
    [[ -n $size ]] || disk_error "the disk does not say how much room it has"
    UNUSED=$((free * size)) FREE=$((free * size))
    [[ $MOUNT_KIND == btrfs ]] || return 0
    # Btrfs counts as free also what it has set aside for names and small files. They may have that;
    # large files may not.
    FREE=$((available * size)) small=$(((free - available) * size))
    ((FREE += small < SMALL_NEEDED ? (small > 0 ? small : 0) : SMALL_NEEDED))
}

# flush: everything written so far is on the disk, or the backup has failed.
flush() {
    step sync
    run sync -f -- "$MOUNT" || disk_error "the disk reported errors while it was written to; replace it"
}

# finish: the last word, as an exit status.
finish() {
    ((BYTES_TOTAL == 0)) || emit "bytes $BYTES_TOTAL $BYTES_TOTAL"
    emit "files $FILES_BEFORE"
    emit "progress 1 done"
    ((WARNINGS == 0)) || exit 3
    exit 0
}
