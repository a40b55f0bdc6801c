# shellcheck shell=bash disable=SC2015,SC2034,SC2153,SC2154,SC2317
# Room on the disk: which backups the configuration's rules do not keep, which make room, and how
# they go. Never one that is PROTECTED (lib_snapshots.sh), and none at all while DELETING is 0.
#
# A backup that goes is moved into WORK first: from then on nobody takes it for one, whatever happens
# while it is deleted. Those that no rule keeps are deleted last, when the new backup is complete,
# and for a while only: what is left of them then waits in WORK for the next run.

# So many seconds are spent on deleting what nobody needs the room of.
readonly TIDY_SECONDS=60

EXPIRED=()

# choose_expired: those that TETRAS_BACK_KEEP does not keep once the new backup is there, oldest
# first, in EXPIRED.
choose_expired() {
    local folder date dates rules=${TETRAS_BACK_KEEP:-}
    local -A out=()
    EXPIRED=()
    [[ -n $rules ]] && ((DELETING)) || return 0
    if ! dates=$(printf '%s\n' "${NAME:0:19}" "${OURS[@]/%_[Ss]auvegarde_*/}" \
        | "${SNAPSHOT_PROGRAM[@]}" expire "$rules"); then
        warn "the rules of what is kept are not understood, so everything is: $rules"
        return 0
    fi
    for date in $dates; do
        out[$date]=1
    done
    for folder in "${OURS[@]}"; do
        [[ -z ${out[${folder:0:19}]:-} || -n ${PROTECTED[$folder]:-} ]] || EXPIRED+=("$folder")
    done
}

# put_aside FOLDER: from here on it is no backup any more.
put_aside() {
    local i folder=$1
    for i in "${!OURS[@]}"; do
        [[ ${OURS[i]} != "$folder" ]] || unset 'OURS[i]'
    done
    for i in "${!EXPIRED[@]}"; do
        [[ ${EXPIRED[i]} != "$folder" ]] || unset 'EXPIRED[i]'
    done
    mv -nT -- "$MOUNT/$folder" "$WORK/old.$folder" && [[ ! -e $MOUNT/$folder ]] \
        || disk_error "cannot remove the backup $folder"
    rm -f -- "$STATE/complete/$folder" "$STATE/manifests/$folder" "$STATE/manifests/$folder.damaged" \
        || disk_error "cannot remove the mark of $folder"
}

# delete_aside WHY [SECONDS]: delete one that was put aside, and say what that gave, which is waited
# for at most SECONDS on Btrfs. 1 = there is none.
# Mails list what notes call pruned, and translate the two reasons given here.
delete_aside() {
    local place before
    for place in "$WORK"/old.*; do
        # What is still becoming free is not of this one.
        settle "${2:-}"
        free_bytes
        before=$UNUSED
        erase "$place" || disk_error "cannot remove ${place##*/}"
        run sync -f -- "$MOUNT" || disk_error "the disk reported errors; replace it"
        settle "${2:-}"
        free_bytes
        human $((UNUSED > before ? UNUSED - before : 0))
        # It will be more, but that is not waited for.
        ((UNSETTLED == 0)) || HUMAN+=" so far"
        note "pruned: ${place##*/old.}, $HUMAN, $1"
        return 0
    done
    return 1
}

# more_room: is there more room than a moment ago? First what is becoming free anyway is waited for;
# then one backup goes. 1 = none may.
more_room() {
    settle || drop_oldest
}

# drop_oldest: one backup goes to make room: first those that were put aside already, then those
# that no rule keeps, then the oldest. 1 = none may.
drop_oldest() {
    local folder
    ((DELETING)) || return 1
    delete_aside "to make room" && return 0
    for folder in "${EXPIRED[@]}" "${OURS[@]}"; do
        [[ -z ${PROTECTED[$folder]:-} ]] || continue
        put_aside "$folder"
        delete_aside "to make room"
        return
    done
    return 1
}

# tidy: what no rule keeps goes, now that the new backup is there.
tidy() {
    local folder until=$((SECONDS + TIDY_SECONDS))
    ((DELETING)) || return 0
    for folder in "${EXPIRED[@]}"; do
        put_aside "$folder"
    done
    while ((SECONDS < until)) && delete_aside "as the rules say" $((until - SECONDS)); do :; done
}

# droppable_bytes: what drop_oldest could free in all, in DROPPABLE.
droppable_bytes() {
    local folder stream size path
    local -a stay=() go=()
    DROPPABLE=0
    for folder in "${OURS[@]}"; do
        if [[ -n ${PROTECTED[$folder]:-} ]]; then stay+=("$MOUNT/$folder")
        else go+=("$MOUNT/$folder"); fi
    done
    ((DELETING && ${#go[@]})) || return 0
    [[ $MOUNT_KIND != btrfs ]] || weigh_subvolumes
    # du counts a file with several names once, for the first folder given: what the folders that
    # stay also hold frees nothing.
    exec {stream}< <(exec du -s -x --block-size=1 -- "${stay[@]}" "${go[@]}" 2>/dev/null)
    CHILD=$!
    while read -r size path <&"$stream"; do
        folder=${path#"$MOUNT/"}
        [[ -n ${PROTECTED[${folder%%/*}]:-} ]] || ((DROPPABLE += size))
    done
    exec {stream}<&-
    wait "$CHILD"
    CHILD=''
}

# weigh_subvolumes: what those of `go` hold and those of `stay` do not, in DROPPABLE; what remains to
# be measured is put in their place. du takes each snapshot of a subvolume for a whole of its own.
weigh_subvolumes() {
    local path word number i
    local -a weighed=() kept=()
    for i in "${!stay[@]}"; do
        manifest_of "${stay[i]##*/}" || continue
        kept+=("--stay=$MANIFEST")
        stay[i]+=/serveur.tar.gz
    done
    for i in "${!go[@]}"; do
        if manifest_of "${go[i]##*/}"; then
            weighed+=("$MANIFEST")
            go[i]+=/serveur.tar.gz
        elif is_subvolume "${go[i]}/Donnees"; then
            go+=("${go[i]}/Donnees")
        fi
    done
    ((${#weighed[@]})) || return 0
    read -r word number < <("${SNAPSHOT_PROGRAM[@]}" weigh "${kept[@]}" -- "${weighed[@]}")
    # A guess that failed must not keep a backup from being made.
    DROPPABLE=${number:-$((1 << 60))}
}

# is_subvolume DIRECTORY: on Btrfs; is it one?
is_subvolume() {
    [[ -d $1 && ! -L $1 && $(stat -c %i -- "$1") == 256 ]]
}

# too_small NEEDED: the end of a backup for which there is no room.
too_small() {
    local needed why=''
    settle
    free_bytes
    human "$1"
    needed=$HUMAN
    human "$FREE"
    ((DELETING)) || why=", and nothing may be deleted in this run"
    disk_full "the disk is full: about $needed needed, $HUMAN free$why; use a larger disk"
}

# make_room BYTES: drop the oldest backups until so much is free. Nothing is dropped where even
# all of them would not do (an estimate: a tenth less is tried).
make_room() {
    free_bytes
    ((FREE < $1)) || return 0
    step room
    ! settle || free_bytes
    ((FREE < $1)) || return 0
    droppable_bytes
    ((FREE + DROPPABLE >= $1 * 9 / 10)) || too_small "$1"
    while ((FREE < $1)) && more_room; do
        free_bytes
    done
}
