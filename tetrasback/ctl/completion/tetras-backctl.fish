# Completion of tetras-backctl for fish; to be installed in /usr/share/fish/vendor_completions.d.

function __tetras_backctl_words
    # One word a line, taken as it is: fish quotes what it inserts.
    tetras-backctl __complete $argv[1] 2>/dev/null
end

function __tetras_backctl_operands
    # The whole words behind the command, without options.
    set -l words (commandline -opc)
    string match -v -- '-*' $words[2..-1] | tail -n +2
end

function __tetras_backctl_snapshots
    set -l operands (__tetras_backctl_operands)
    test (count $operands) -ge 1; and tetras-backctl __complete snapshots $operands[1] 2>/dev/null
end

complete -c tetras-backctl -f
complete -c tetras-backctl -l json -d 'answer in JSON'
complete -c tetras-backctl -l no-ask-password -d 'never ask for a password'
complete -c tetras-backctl -s h -l help -d 'show help'
complete -c tetras-backctl -n __fish_use_subcommand -l version -d 'show the version'

complete -c tetras-backctl -n __fish_use_subcommand -a status -d 'what you should know now'
complete -c tetras-backctl -n __fish_use_subcommand -a disks -d 'list the disks'
complete -c tetras-backctl -n __fish_use_subcommand -a save -d 'save a disk under a name'
complete -c tetras-backctl -n __fish_use_subcommand -a forget -d 'forget a saved disk'
complete -c tetras-backctl -n __fish_use_subcommand -a plug -d 'as if a disk had been plugged in'
complete -c tetras-backctl -n __fish_use_subcommand -a unplug -d 'make a disk ready to be pulled out'
complete -c tetras-backctl -n __fish_use_subcommand -a prepare -d 'erase a disk, make it a backup disk'
complete -c tetras-backctl -n __fish_use_subcommand -a backup -d 'back up onto a disk'
complete -c tetras-backctl -n __fish_use_subcommand -a cancel -d 'cancel the backup on a disk'
complete -c tetras-backctl -n __fish_use_subcommand -a hold -d 'let plugging in start no backup for a time'
complete -c tetras-backctl -n __fish_use_subcommand -a release -d 'let plugging in start backups again'
complete -c tetras-backctl -n __fish_use_subcommand -a snapshots -d 'list the backups on a disk'
complete -c tetras-backctl -n __fish_use_subcommand -a pin -d 'keep a backup for ever'
complete -c tetras-backctl -n __fish_use_subcommand -a unpin -d 'keep a backup no longer than others'
complete -c tetras-backctl -n __fish_use_subcommand -a browse -d 'show a backup for an hour'
complete -c tetras-backctl -n __fish_use_subcommand -a diff -d 'what changed between two backups'
complete -c tetras-backctl -n __fish_use_subcommand -a verify -d 'read a backup again'
complete -c tetras-backctl -n __fish_use_subcommand -a restore -d 'put a backup back'
complete -c tetras-backctl -n __fish_use_subcommand -a jobs -d 'list restores and verifications'
complete -c tetras-backctl -n __fish_use_subcommand -a scripts -d 'list the backup scripts'
complete -c tetras-backctl -n __fish_use_subcommand -a enable -d 'let a script run'
complete -c tetras-backctl -n __fish_use_subcommand -a disable -d 'let a script run no longer'
complete -c tetras-backctl -n __fish_use_subcommand -a history -d 'list past backups'
complete -c tetras-backctl -n __fish_use_subcommand -a log -d 'show the log of a backup'
complete -c tetras-backctl -n __fish_use_subcommand -a watch -d 'show everything live'
complete -c tetras-backctl -n __fish_use_subcommand -a reload -d 'read the configuration again'
complete -c tetras-backctl -n __fish_use_subcommand -a import-config -d 'take over the original\'s'
complete -c tetras-backctl -n __fish_use_subcommand -a register -d 'have what happens written into a FIFO'
complete -c tetras-backctl -n __fish_use_subcommand -a unregister -d 'have it written no longer'
complete -c tetras-backctl -n __fish_use_subcommand -a clients -d 'list the registered FIFOs'
complete -c tetras-backctl -n __fish_use_subcommand -a version -d 'show the versions'

complete -c tetras-backctl -n '__fish_seen_subcommand_from disks' -l full -d 'show whole UUIDs'
complete -c tetras-backctl -n '__fish_seen_subcommand_from save' -l device -rF -d 'by its device'
complete -c tetras-backctl -n '__fish_seen_subcommand_from prepare' -l name -x -d 'what it is called'
complete -c tetras-backctl -n '__fish_seen_subcommand_from prepare' -l fs -x -a 'ext4 btrfs xfs' -d 'its file system'
complete -c tetras-backctl -n '__fish_seen_subcommand_from prepare' -l erase -d 'erase what is on it'
complete -c tetras-backctl -n '__fish_seen_subcommand_from prepare' -a '(__tetras_backctl_words preparable)'
complete -c tetras-backctl -n '__fish_seen_subcommand_from backup verify restore' -l no-wait -d 'only start it'
complete -c tetras-backctl -n '__fish_seen_subcommand_from hold' -l minutes -x -d 'how long'
complete -c tetras-backctl -n '__fish_seen_subcommand_from cancel log' -l job -d 'a restore or verification'
complete -c tetras-backctl -n '__fish_seen_subcommand_from browse' -l close -d 'show it no longer'
complete -c tetras-backctl -n '__fish_seen_subcommand_from verify' -l sample -x -d 'only so much of it'
complete -c tetras-backctl -n '__fish_seen_subcommand_from restore' -l to -xa '(__fish_complete_directories)' -d 'below this directory'
complete -c tetras-backctl -n '__fish_seen_subcommand_from restore' -l in-place -d 'where they were, replacing'
complete -c tetras-backctl -n '__fish_seen_subcommand_from restore' -l database -xa 'mysql postgresql' -d 'into the server'
complete -c tetras-backctl -n '__fish_seen_subcommand_from restore' -l yes -d 'do not ask'
complete -c tetras-backctl -n '__fish_seen_subcommand_from restore' -l unproved -d 'also by what is not proved'
complete -c tetras-backctl -n '__fish_seen_subcommand_from history jobs' -s n -l count -x -d 'how many'
complete -c tetras-backctl -n '__fish_seen_subcommand_from history jobs' -l before -x -d 'only older ones'
complete -c tetras-backctl -n '__fish_seen_subcommand_from save' -a '(__tetras_backctl_words unsaved)='
complete -c tetras-backctl -n '__fish_seen_subcommand_from forget plug unplug backup cancel hold release snapshots history log jobs' -a '(__tetras_backctl_words disks)'
complete -c tetras-backctl -n '__fish_seen_subcommand_from pin unpin browse diff verify restore; and test (count (__tetras_backctl_operands)) -eq 0' -a '(__tetras_backctl_words disks)'
complete -c tetras-backctl -n '__fish_seen_subcommand_from pin unpin browse diff verify restore; and test (count (__tetras_backctl_operands)) -eq 1' -a '(__tetras_backctl_snapshots)'
complete -c tetras-backctl -n '__fish_seen_subcommand_from diff; and test (count (__tetras_backctl_operands)) -eq 2' -a '(__tetras_backctl_snapshots)'
complete -c tetras-backctl -n '__fish_seen_subcommand_from restore; and test (count (__tetras_backctl_operands)) -ge 2' -F
complete -c tetras-backctl -n '__fish_seen_subcommand_from plug unplug import-config register' -F
complete -c tetras-backctl -n '__fish_seen_subcommand_from register' -l format -xa 'events original' -d 'what is written'
complete -c tetras-backctl -n '__fish_seen_subcommand_from unregister' -a '(__tetras_backctl_words fifos)'
complete -c tetras-backctl -n '__fish_seen_subcommand_from enable disable' -a '(__tetras_backctl_words scripts)'
