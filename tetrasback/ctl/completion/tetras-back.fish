# Completion of tetras-back for fish; to be installed in /usr/share/fish/vendor_completions.d.

function __tetras_back_words
    # One word a line, taken as it is: fish quotes what it inserts.
    tetras-backctl __complete $argv[1] 2>/dev/null
end

complete -c tetras-back -f
complete -c tetras-back -s s -l save -xa '(__tetras_back_words unsaved)=' -d 'save a disk under a name'
complete -c tetras-back -s f -l forget -xa '(__tetras_back_words uuids)' -d 'forget a saved disk'
complete -c tetras-back -s p -l plug -rF -d 'act as if a disk had been plugged in'
complete -c tetras-back -s u -l unplug -rF -d 'make a disk ready to be pulled out'
complete -c tetras-back -s r -l register -rF -d 'have a FIFO told of the disks'
complete -c tetras-back -s l -l unregister -xa '(__tetras_back_words fifos)' -d 'have it told no longer'
complete -c tetras-back -s d -l start -d 'tells how the service is started'
complete -c tetras-back -l stop -d 'tells how the service is stopped'
complete -c tetras-back -s h -l help -d 'show help'
complete -c tetras-back -l version -d 'show the version'
