#!/bin/bash
# A mirror of a server's configuration and homes: etc/ and home/ on the disk are made equal.
#
# "A && B || die" is meant as it reads.
# shellcheck source-path=SCRIPTDIR disable=SC1091,SC2015
set -u

USAGE='usage: backup_demo-tibox.sh MOUNT

Makes etc/ and home/ on the disk mounted at MOUNT equal to /etc and /home; what is no longer
there is deleted on the disk too.
Ends with 0; 3 = complete, but with warnings; anything else = failed.'

LIBRARY=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=lib.sh
. "$LIBRARY/lib.sh" || exit 1
# shellcheck source=lib_copy.sh
. "$LIBRARY/lib_copy.sh" || exit 1

readonly MIRRORED=(etc home)
# For a person who looks at the disk; for us, the file `mirror` in .tetras-back.
readonly NOTICE=SAUVEGARDE-INCOMPLETE.txt
readonly NOTICE_TEXT='La sauvegarde dans etc/ et home/ n'\''est pas complète : branchez le disque de nouveau.
The backup in etc/ and home/ is not complete: plug the disk in again.'

usage() {
    printf '%s: %s\n%s\n' "$PROGRAM" "$1" "$USAGE" >&2
    exit 2
}

parse() {
    TARGET=${TETRAS_BACK_MOUNT:-}
    case $#:${1:-} in
        0:*) ;;
        1:--help) printf '%s\n' "$USAGE"; exit 0 ;;
        1:-*) usage "unknown option: $1" ;;
        1:?*) TARGET=$1 ;;
        *) usage "one mount point and nothing else" ;;
    esac
    [[ -n $TARGET ]] || usage "the mount point of the disk is missing"
}

# read_record: what the last run wrote about the mirror on this disk, in RECORD. Lines KEY=VALUE:
# machine, state (incomplete or complete), and the figures etc_files, etc_bytes, home_files, home_bytes.
read_record() {
    local file=$STATE/mirror text='' key value
    RECORD=()
    [[ -e $file || -L $file ]] || return 0
    [[ -f $file && ! -L $file ]] || die "$file on the disk is not a file; have a look at it and remove it"
    IFS= read -r -N 4096 text <"$file"
    while IFS='=' read -r key value; do
        case $key in
            machine | state) [[ ! $value =~ ^[A-Za-z0-9._-]{1,80}$ ]] || RECORD[$key]=$value ;;
            etc_files | etc_bytes | home_files | home_bytes)
                [[ ! $value =~ ^(0|[1-9][0-9]{0,16})$ ]] || RECORD[$key]=$value ;;
        esac
    done <<<"$text"
    [[ -n ${RECORD[machine]:-} ]] || die "$file on the disk does not say whose mirror this is; remove it if it is this server's"
}

# write_record STATE LINE...: replace it.
write_record() {
    local text
    printf -v text '%s\n' "tetras-back 1" "machine=$MACHINE" "host=$HOST" "state=$1" "${@:2}"
    place "$STATE/mirror" "${text%$'\n'}"
}

# check_owner: what this server did not make is not written over, and above all not deleted. A mirror
# without a record is the original program's; the machine id in it says whose.
check_owner() {
    local part found='' mine=''
    for part in "${MIRRORED[@]}"; do
        [[ ! -L $MOUNT/$part ]] || die "$part on the disk is a symbolic link; remove it"
        [[ ! -e $MOUNT/$part || -d $MOUNT/$part ]] || die "$part on the disk is not a directory; move it away"
        [[ ! -e $MOUNT/$part || $(stat -c %d -- "$MOUNT/$part") == "$MOUNT_DEVICE" ]] \
            || die "$part on the disk is on another file system; unmount that"
    done
    read_record
    if [[ -n ${RECORD[machine]:-} ]]; then
        [[ ${RECORD[machine]} == "$MACHINE" ]] \
            || die "etc/ and home/ on this disk are another server's mirror; use another disk"
        return
    fi
    for part in "${MIRRORED[@]}"; do
        [[ -d $MOUNT/$part ]] || continue
        found+=$(find "$MOUNT/$part" -mindepth 1 -printf x -quit) || disk_error "cannot read $part on the disk"
    done
    [[ -n $found ]] || return 0
    read_id "$ROOT/etc/machine-id"
    mine=$ID
    read_id "$MOUNT/etc/machine-id"
    [[ -n $ID ]] \
        || die "nothing says that this server made etc/ or home/ on this disk; move them away, or use another disk"
    [[ $ID == "$mine" ]] \
        || die "etc/ on this disk is another machine's; use another disk, or move etc/ and home/ away"
}

# read_id FILE: the machine id in it, in ID; empty where there is none.
read_id() {
    ID=''
    [[ -f $1 && ! -L $1 ]] && { read -r -n 64 ID <"$1"; } 2>/dev/null
    [[ $ID =~ ^[0-9a-f]{32}$ ]] || ID=''
}

# measure_part DIRECTORY: FILES and BYTES of it, none where it is not there.
measure_part() {
    if [[ -d $1 ]]; then measure "$1"; else measure; fi
}

# look_at_source: may what is on the disk be believed to be older than what is here?
look_at_source() {
    local part old_files old_bytes
    FIGURES=()
    for part in "${MIRRORED[@]}"; do
        old_files='' old_bytes=''
        if [[ -d $MOUNT/$part ]]; then
            old_files=${RECORD[${part}_files]:-} old_bytes=${RECORD[${part}_bytes]:-}
            if [[ -z $old_files ]]; then
                measure_old "$MOUNT/$part"
                old_files=$FILES old_bytes=$BYTES
            fi
        fi
        measure_part "$ROOT/$part"
        PART_FILES[$part]=$FILES
        check_source "/$part" "$FILES" "$BYTES" "$old_files" "$old_bytes"
        OLD_FILES[$part]=${old_files:-0} OLD_BYTES[$part]=${old_bytes:-0}
        SOURCE_BYTES[$part]=$BYTES
    done
    ((DELETING)) || note "if the source is right, remove that folder from the disk: it is then mirrored anew"
    for part in "${MIRRORED[@]}"; do
        # What is not deleted is still in the mirror: the next run is measured against that.
        if ((!DELETING && (OLD_FILES[$part] > PART_FILES[$part] || OLD_BYTES[$part] > SOURCE_BYTES[$part]))); then
            FIGURES+=("${part}_files=${OLD_FILES[$part]}" "${part}_bytes=${OLD_BYTES[$part]}")
        else
            FIGURES+=("${part}_files=${PART_FILES[$part]}" "${part}_bytes=${SOURCE_BYTES[$part]}")
        fi
    done
}

measure_old() {
    local -a EXCLUDED=()
    measure "$1"
}

# mirror PART: make it equal on the disk.
mirror() {
    local part=$1 needed
    [[ -d $ROOT/$part ]] || return 0
    if [[ ! -d $MOUNT/$part ]]; then
        attempt mkdir -- "$MOUNT/$part" || disk_full "the disk is full: no room for $part"
    fi
    copy_tree "$ROOT/$part" "$MOUNT/$part" "${DELETE[@]}" && return 0
    estimate_copy "$ROOT/$part" "$MOUNT/$part" "${DELETE[@]}"
    free_bytes
    human "$NEW_BYTES"
    needed=$HUMAN
    human "$FREE"
    disk_full "the disk is full: $needed more needed for $part, $HUMAN free; use a larger disk"
}

declare -A RECORD=() PART_FILES=() PART_BYTES=()
declare -A OLD_FILES=() OLD_BYTES=() SOURCE_BYTES=()
DELETE=()
parse "$@"
begin "$TARGET"
check_owner
look_at_source
clear_leftovers
((DELETING)) && DELETE=(--delete)

choose_clock
step room
for part in "${MIRRORED[@]}"; do
    PART_BYTES[$part]=0
    [[ -d $ROOT/$part ]] || continue
    estimate_copy "$ROOT/$part" "$MOUNT/$part" "${DELETE[@]}"
    PART_BYTES[$part]=$NEW_BYTES
    ((BYTES_TOTAL += NEW_BYTES))
    ((FILES_TOTAL += PART_FILES[$part]))
done

write_record incomplete
place "$MOUNT/$NOTICE" "$NOTICE_TEXT"
flush
for part in "${MIRRORED[@]}"; do
    step "$part"
    mirror "$part"
    ((BYTES_BEFORE += PART_BYTES[$part]))
    ((FILES_BEFORE += PART_FILES[$part]))
done
warn_rest
flush
write_record complete "${FIGURES[@]}"
rm -f -- "$MOUNT/$NOTICE" || disk_error "cannot write to the disk"
flush
finish
