# shellcheck shell=bash disable=SC2015,SC2034,SC2153,SC2154,SC2317
# The complete backups on a disk: which are this server's, which must stay, which may go.
#
# A complete backup is a folder at the top of the disk named DATE_Sauvegarde_HOST. Its mark is the
# file .tetras-back/complete/FOLDER, lines of KEY=VALUE: machine (id of the server that made it),
# host, script, backup (id in the history), started (seconds since the epoch), and for the parts
# that it has data_files, data_bytes, config_files, config_bytes (measured in the source) and
# archive_bytes, config_print (a word for the state of what is in the archive) and archive_seal (of
# the archive, by the server's key). What seals all of it as one is added by tetras-back-snapshot(8),
# mark; one that is not as it was sealed is neither linked to, nor counted, nor deleted.
# The mark is written before the folder gets its name and removed after the folder
# has lost it, so a mark without folder means nothing.
#
# A file .tetras-back/pins/FOLDER keeps a backup whatever happens.
# The manifest of Donnees (lib_shared.sh) lies in .tetras-back/manifests/FOLDER.
#
# A folder without mark was made by the original program (which also wrote _sauvegarde_ in small
# letters); its host name must be ours. One with another server's mark is never ours, whatever
# its name, and one with ours always is.

readonly FOLDER='^([0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])_([01][0-9]|2[0-3])-[0-5][0-9]-[0-5][0-9])_[Ss]auvegarde_([A-Za-z0-9._-]{1,64})$'
# More folders than a person ever kept; the rest of a disk that holds more is left alone.
readonly FOLDER_LIMIT=5000

declare -A MARK=()
declare -A PROOF=()
declare -A PROTECTED=()
declare -A LAST=()

# read_mark FOLDER: its mark in MARK. 0 = there is one; 1 = none; 2 = one that cannot be used.
read_mark() {
    local file=$STATE/complete/$1 text='' key value
    MARK=()
    [[ -e $file || -L $file ]] || return 1
    [[ -f $file && ! -L $file && -O $file ]] || return 2
    IFS= read -r -N 4096 text <"$file"
    while IFS='=' read -r key value; do
        case $key in
            machine | host)
                [[ ! $value =~ ^[A-Za-z0-9._-]{1,80}$ ]] || MARK[$key]=$value ;;
            data_files | data_bytes | config_files | config_bytes | archive_bytes)
                [[ ! $value =~ ^(0|[1-9][0-9]{0,16})$ ]] || MARK[$key]=$value ;;
            config_print | archive_seal)
                [[ ! $value =~ ^[0-9a-f]{64}$ ]] || MARK[$key]=$value ;;
        esac
    done <<<"$text"
    [[ -n ${MARK[machine]:-} ]] || return 2
}

# judge_backups: what each complete backup on the disk proves about itself, in PROOF.
judge_backups() {
    local proof folder why said
    PROOF=()
    said=$("${SNAPSHOT_PROGRAM[@]}" proofs --key="$KEY" -- "$MOUNT" 2>&1)
    case $? in
        0) ;;
        74) disk_error "the marks of the backups on the disk cannot be read: $said" ;;
        *) die "the marks of the backups on the disk cannot be judged: $said" ;;
    esac
    while read -r proof folder why; do
        [[ -n $folder ]] || continue
        PROOF[$folder]=$proof
        [[ $proof != broken ]] \
            || warn "$folder is not as it was sealed ($why); it is left alone, have a look at it"
    done <<<"$said"
}

# has_data FOLDER: does it hold the homes, as a directory and not as a link?
has_data() {
    [[ -d $MOUNT/$1/Donnees && ! -L $MOUNT/$1/Donnees ]]
}

# list_backups: this server's, oldest first, in OURS; marks whose folder is gone are cleared.
# Also NEWEST (the date of the newest), LINKS (Donnees to link unchanged files to, newest first),
# LAST (the figures of the last backup that has them), KEPT_ARCHIVE (the folder with the newest
# archive that is proved), KEPT_PRINT and KEPT_SEAL (its mark's words) and PROTECTED (folders that
# must stay).
#
# What a seal proves is believed before what none does: a mark without one may be anybody's, and
# could have a server that has lost its files pass for one that always had so few. Only where no
# sealed mark has a figure do the others count, as those from before there were seals.
list_backups() {
    local folder device i kept_marked='' kept_data='' kept_sealed='' key proof
    local -a marked=() donnees=()
    local -A proved=()
    OURS=() NEWEST='' LINKS=() LAST=() PROTECTED=() KEPT_ARCHIVE='' KEPT_PRINT='' KEPT_SEAL=''
    judge_backups
    while IFS=/ read -r -d '' folder device; do
        [[ $folder =~ $FOLDER && $device == "$MOUNT_DEVICE" ]] || continue
        proof=${PROOF[$folder]:-}
        [[ $proof != broken ]] || continue
        read_mark "$folder"
        case $? in
            0) [[ ${MARK[machine]} == "$MACHINE" ]] || continue; marked+=("$folder") ;;
            1) [[ ${folder#*_[Ss]auvegarde_} == "$HOST" ]] || continue ;;
            *) continue ;;
        esac
        OURS+=("$folder")
        for key in "${!MARK[@]}"; do
            [[ $proof == sealed || -z ${proved[$key]:-} ]] || continue
            LAST[$key]=${MARK[$key]}
            [[ $proof != sealed ]] || proved[$key]=1
        done
        [[ $proof == sealed ]] || continue
        kept_sealed=$folder
        [[ -n ${MARK[archive_bytes]:-} ]] || continue
        KEPT_ARCHIVE=$folder KEPT_PRINT=${MARK[config_print]:-} KEPT_SEAL=${MARK[archive_seal]:-}
    done < <(find "$MOUNT" -mindepth 1 -maxdepth 1 -type d -uid 0 \
        -name '[0-9]*_[Ss]auvegarde_*' -printf '%f/%D\0' | sort -z | head -z -n "$FOLDER_LIMIT")
    for ((i = ${#OURS[@]} - 1; i >= 0; i--)); do
        folder=${OURS[i]}
        [[ -n $NEWEST ]] || { NEWEST=${folder:0:19}; PROTECTED[$folder]=1; }
        if has_data "$folder"; then
            donnees+=("$folder")
            kept_data=${kept_data:-$folder}
        fi
    done
    # The newest of all may be the original's and half made, or hold the configuration alone: the
    # newest that is surely complete and the newest that holds the homes stay as well, and the
    # newest that nobody can have made look newer.
    ((${#marked[@]} == 0)) || kept_marked=${marked[-1]}
    for folder in "$kept_marked" "$kept_data" "$kept_sealed"; do
        [[ -z $folder ]] || PROTECTED[$folder]=1
    done
    # Those that a person has pinned.
    for folder in "${OURS[@]}"; do
        [[ ! -e $STATE/pins/$folder && ! -L $STATE/pins/$folder ]] || PROTECTED[$folder]=1
    done
    for folder in "${donnees[@]:0:3}"; do
        LINKS+=("$MOUNT/$folder/Donnees")
    done
    # The original left no figures: what it saved last is counted instead.
    if [[ -z ${LAST[data_files]:-} && -n $kept_data ]]; then
        measure_old "$MOUNT/$kept_data/Donnees"
    fi
}

measure_old() {
    local -a EXCLUDED=()
    measure "$1"
    LAST[data_files]=$FILES
    LAST[data_bytes]=$BYTES
}

# clear_marks: this server's marks whose folder a person has removed.
clear_marks() {
    local file folder
    for file in "$STATE"/complete/*_[Ss]auvegarde_*; do
        folder=${file##*/}
        [[ $folder =~ $FOLDER && ! -e $MOUNT/$folder && ! -L $MOUNT/$folder ]] || continue
        read_mark "$folder" && [[ ${MARK[machine]} == "$MACHINE" ]] \
            && rm -f -- "$file" "$STATE/manifests/$folder" "$STATE/manifests/$folder.damaged"
    done
}

# choose_name: the new backup's folder, in NAME; later than every one of ours, whatever the clock
# says. A clock that is far behind stops every deletion: which backup is old is then a guess.
choose_name() {
    local stamp newest now ahead
    stamp=$(date -d "@$STARTED" +%Y-%m-%d_%H-%M-%S)
    if [[ -n $NEWEST && ! $stamp > $NEWEST ]]; then
        # Read as UTC, both: only their distance counts.
        now=$(seconds "$stamp")
        newest=$(seconds "$NEWEST") \
            || die "the folder of $NEWEST on the disk has an impossible date; move it away"
        ahead=$((newest - now))
        if ((ahead > 600)); then
            DELETING=0
            warn "the newest backup on the disk is $((ahead / 60)) minutes in the future; set the clock right; nothing is deleted from the disk"
        fi
        stamp=$(next_second "$NEWEST")
    fi
    NAME=${stamp}_Sauvegarde_$HOST
    while [[ -e $MOUNT/$NAME || -L $MOUNT/$NAME ]]; do
        stamp=$(next_second "$stamp")
        NAME=${stamp}_Sauvegarde_$HOST
    done
    [[ $NAME =~ $FOLDER ]] || die "no folder can be later than $NEWEST on the disk; move that away"
}

# seconds STAMP, next_second STAMP: a folder's date read as if it were UTC.
seconds() {
    date -u -d "${1:0:10} ${1:11:2}:${1:14:2}:${1:17:2}" +%s
}
next_second() {
    date -u -d "@$(($(seconds "$1") + 1))" +%Y-%m-%d_%H-%M-%S
}
