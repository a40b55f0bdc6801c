#!/bin/bash
# A dated backup of a server: its homes as files, its configuration and databases as an archive.
#
# "A && B || die" is meant as it reads; functions are also called by name, through with_room.
# shellcheck source-path=SCRIPTDIR disable=SC1091,SC2015,SC2034,SC2317
set -u

USAGE='usage: backup_nocloud.sh [--data] [--config] [--mysql] [--postgresql] [--also DIR]...
                         [--compare] MOUNT

Makes DATE_Sauvegarde_HOST on the disk mounted at MOUNT, with
  --data        Donnees/: /home
  --config      serveur.tar.gz: /etc, /srv, /var/www, /root
  --mysql       in it, a dump of every MySQL or MariaDB database (with --config)
  --postgresql  in it, a dump of every PostgreSQL server (with --config)
  --also DIR    in it, also DIR (with --config)
  --compare     then have rsync compare Donnees with its source, reading both whole
Without options: --data --config, and the databases that run.
Ends with 0; 3 = complete, but with warnings; anything else = failed.'

LIBRARY=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=lib.sh
. "$LIBRARY/lib.sh" || exit 1
# shellcheck source=lib_copy.sh
. "$LIBRARY/lib_copy.sh" || exit 1
# shellcheck source=lib_shared.sh
. "$LIBRARY/lib_shared.sh" || exit 1
# shellcheck source=lib_snapshots.sh
. "$LIBRARY/lib_snapshots.sh" || exit 1
# shellcheck source=lib_room.sh
. "$LIBRARY/lib_room.sh" || exit 1
# shellcheck source=lib_archive.sh
. "$LIBRARY/lib_archive.sh" || exit 1
# shellcheck source=lib_databases.sh
. "$LIBRARY/lib_databases.sh" || exit 1

usage() {
    printf '%s: %s\n%s\n' "$PROGRAM" "$1" "$USAGE" >&2
    exit 2
}

DATA=no CONFIG=no MYSQL=no POSTGRES=no COMPARE=no GIVEN=no TARGET=''
ALSO=()

# add_directory DIR: of the source, for the archive; kept without slashes around it.
add_directory() {
    local dir=$1
    while [[ $dir == /* ]]; do dir=${dir#/}; done
    while [[ $dir == */ ]]; do dir=${dir%/}; done
    case /$dir/ in
        // | */../* | */./* | *//*) usage "--also: not a directory below the source: $1" ;;
        /bases/*) usage "--also: bases is where the dumps of databases go in the archive" ;;
        /-*) usage "--also: a name cannot begin with a dash: $1" ;;
    esac
    [[ $dir != *[[:cntrl:]]* ]] || usage "--also: not a directory's name: $1"
    ALSO+=("$dir")
}

parse() {
    while (($#)); do
        case $1 in
            --data) DATA=yes GIVEN=yes ;;
            --config) CONFIG=yes GIVEN=yes ;;
            --mysql) MYSQL=yes CONFIG=yes GIVEN=yes ;;
            --postgresql) POSTGRES=yes CONFIG=yes GIVEN=yes ;;
            --also)
                # What comes last is the mount point.
                (($# > 2)) || usage "--also needs a directory"
                CONFIG=yes GIVEN=yes
                add_directory "$2"
                shift ;;
            --also=*)
                CONFIG=yes GIVEN=yes
                add_directory "${1#--also=}" ;;
            --compare) COMPARE=yes ;;
            --help) printf '%s\n' "$USAGE"; exit 0 ;;
            -*) usage "unknown option: $1" ;;
            *)
                [[ -z $TARGET && -n $1 ]] || usage "one mount point, not also: $1"
                TARGET=$1 ;;
        esac
        shift
    done
    TARGET=${TARGET:-${TETRAS_BACK_MOUNT:-}}
    [[ -n $TARGET ]] || usage "the mount point of the disk is missing"
    if [[ $GIVEN == no ]]; then
        DATA=yes CONFIG=yes MYSQL=auto POSTGRES=auto
    fi
}

# look_at_source: what there is to save, and whether it can be believed. The figures go into MARK_LINES.
look_at_source() {
    local part id=${TETRAS_BACK_ID:-}
    MARK_LINES=("tetras-back 1" "machine=$MACHINE" "host=$HOST" "script=$PROGRAM"
        "backup=${id//[!0-9]/}" "started=$STARTED")
    if [[ $DATA == yes ]]; then
        if [[ -d $ROOT/home ]]; then measure "$ROOT/home"; else measure; fi
        check_source /home "$FILES" "$BYTES" "${LAST[data_files]:-}" "${LAST[data_bytes]:-}"
        DATA_FILES=$FILES
        MARK_LINES+=("data_files=$FILES" "data_bytes=$BYTES")
    fi
    if [[ $CONFIG == yes ]]; then
        config_parts "${ALSO[@]}"
        for part in "${ALSO[@]}"; do
            [[ -e $ROOT/$part ]] || warn "--also $part: not there, so not saved"
        done
        measure "${PARTS[@]/#/$ROOT/}"
        # A server may have none of these parts; only what was there before is missed.
        if ((${LAST[config_files]:-0} > 0)); then
            check_source "of the configuration" "$FILES" "$BYTES" \
                "${LAST[config_files]}" "${LAST[config_bytes]:-}"
        elif ((FILES == 0)); then
            note "the source has none of: ${CONFIG_PARTS[*]}"
        fi
        CONFIG_BYTES=$BYTES
        MARK_LINES+=("config_files=$FILES" "config_bytes=$BYTES")
    fi
}

# plan: how much will be written, in NEEDED (at least) and BYTES_TOTAL (for progress).
plan() {
    NEEDED=0 COPY_BYTES=0
    if [[ $DATA == yes && -d $ROOT/home ]]; then
        estimate_snapshot "$ROOT/home"
        COPY_BYTES=$NEW_BYTES
        # Inodes, names, and a line in the manifest for each file, new or not.
        NEEDED=$((NEW_BYTES + NEW_FILES * 2048 + DATA_FILES * 256))
        # The first subvolume after plain directories shares their content, but has names of its own.
        [[ $MOUNT_KIND != btrfs || -z ${LINKS[0]:-} ]] || is_subvolume "${LINKS[0]}" \
            || ((NEEDED += DATA_FILES * 1024, NEW_FILES = DATA_FILES))
        SMALL_NEEDED=$((NEW_FILES * 4096))
    fi
    if [[ $CONFIG == yes ]]; then
        ((NEEDED += ${LAST[archive_bytes]:-$((CONFIG_BYTES / 3))}))
    fi
    BYTES_TOTAL=$((COPY_BYTES + CONFIG_BYTES)) FILES_TOTAL=$DATA_FILES
}

# with_room COMMAND...: run it again, with the oldest backup gone, as often as it finds no room.
with_room() {
    local status
    while :; do
        "$@"
        status=$?
        ((status == NO_ROOM)) || break
        if ! more_room; then
            erase "$BUILD"
            too_small "$NEEDED"
        fi
    done
    ((status == 0)) || die "$1 ended with status $status, which is not understood"
}

# copy_home: from the beginning at each try.
copy_home() {
    if [[ -e $FRESH/Donnees || -e $BUILD/manifest ]]; then
        erase "$FRESH/Donnees" "$BUILD/manifest" || disk_error "cannot clear $FRESH on the disk"
        settle
    fi
    if [[ -d $ROOT/home ]]; then
        take_snapshot "$ROOT/home" "$FRESH/Donnees" "$BUILD/manifest"
    else
        attempt mkdir -- "$FRESH/Donnees"
    fi
}

# fill: everything that the new backup holds, into FRESH.
fill() {
    FRESH=$BUILD/$NAME
    DUMPS=$BUILD/dumps
    with_room attempt mkdir -- "$FRESH"
    if [[ $DATA == yes ]]; then
        step home
        with_room copy_home
        BYTES_BEFORE=$COPY_BYTES
        FILES_BEFORE=$DATA_FILES
        if [[ $COMPARE == yes && -d $ROOT/home ]]; then
            step compare
            compare_snapshot "$ROOT/home" "$FRESH/Donnees"
        fi
    fi
    if [[ $CONFIG == yes ]]; then
        if [[ $MYSQL != no || $POSTGRES != no ]]; then
            step databases
            with_room dump_databases "$MYSQL" "$POSTGRES"
        fi
        step archive
        UNREAD_BEFORE=$((WARNINGS + UNNAMED))
        look_at_parts
        [[ ! -d $DUMPS/bases ]] || FINGERPRINT=''
        same_archive "$FRESH/serveur.tar.gz" \
            || with_room make_archive "$FRESH/serveur.tar.gz" "$DUMPS" "${PARTS[@]}"
        seal_archive "$FRESH/serveur.tar.gz"
        if [[ -n $SEAL ]]; then
            MARK_LINES+=("archive_seal=$SEAL")
            # What could not be read may be tomorrow.
            [[ -z $FINGERPRINT ]] || ((UNREAD_BEFORE != WARNINGS + UNNAMED)) \
                || MARK_LINES+=("config_print=$FINGERPRINT")
        fi
        MARK_LINES+=("archive_bytes=$(stat -c %s -- "$FRESH/serveur.tar.gz")")
    fi
}

# seal_mark: MARK_LINES as they go to the disk, sealed as one with the backup's name, its manifest and
# its archive, in MARK_TEXT.
seal_mark() {
    local -a manifest=()
    [[ ! -e $BUILD/manifest ]] || manifest=(--manifest="$BUILD/manifest")
    # Half of what it says would be a seal that fits nothing, for ever.
    MARK_TEXT=$(printf '%s\n' "${MARK_LINES[@]}" \
        | "${SNAPSHOT_PROGRAM[@]}" mark --key="$KEY" "${manifest[@]}" -- "$NAME" 2>/dev/null) \
        && [[ -n $MARK_TEXT ]] && return
    if [[ -d ${KEY%/*} ]]; then
        warn "the backup could not be sealed, so nothing will prove that it is what was made"
    else
        note "the backup is not sealed: ${KEY%/*}, where the key would be, is not there"
    fi
    printf -v MARK_TEXT '%s\n' "${MARK_LINES[@]}"
    MARK_TEXT=${MARK_TEXT%$'\n'}
}

# publish: the backup gets its name, and only now looks like one.
publish() {
    flush
    seal_mark
    if [[ -e $BUILD/manifest ]]; then
        attempt mv -fT -- "$BUILD/manifest" "$STATE/manifests/$NAME" \
            || disk_full "the disk is full: no room for the manifest of $NAME"
    fi
    place "$STATE/complete/$NAME" "$MARK_TEXT"
    mv -nT -- "$FRESH" "$MOUNT/$NAME" && [[ ! -e $FRESH ]] \
        || disk_error "cannot give the backup its name $NAME on the disk"
    # The dumps, which are in the archive.
    erase "$BUILD" || disk_error "cannot clear $BUILD on the disk"
    flush
}

STARTED=$(date +%s)
CONFIG_BYTES=0 DATA_FILES=0
parse "$@"
begin "$TARGET"
own_directory "$STATE/manifests"
list_backups
look_at_source
choose_name
clear_leftovers
clear_marks
step room
choose_expired
plan
make_room "$NEEDED"
BUILD=$WORK/new.$STARTED.$$ PASSED_OVER=()
with_room attempt mkdir -- "$BUILD"
fill
warn_rest
BYTES_BEFORE=$BYTES_TOTAL
publish
tidy
[[ $DATA == no ]] || verify_some
emit "snapshot $NAME"
finish
