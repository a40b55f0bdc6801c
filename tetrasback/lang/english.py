"""What the daemon, and the relay, say in English on the bus, for `lang.told` to say it again.

A value has a place in braces; `{why}` is a sentence of its own, `{what}`
several with commas between them, `{verdict}` a word of the contract.
The tests hold this list to what the programs say.
"""

from collections.abc import Sequence
from typing import Final

from tetrasback.lang.i18n import N_

SENTENCES: Final[Sequence[str]] = (
    # Alerts
    N_("and {count} more: see tetras-backctl disks"),
    N_("the configuration file is not in force: {why}"),
    N_("{why}; what it said last stays in force"),
    N_("{why}; the defaults are in force, no disk"),
    N_("stopped for a backup and not started again: {units}: start them by hand"),
    N_("disk {disk} cannot be used: {why}"),
    N_("do not unplug disk {disk} yet: {why}"),
    N_("disk {disk} is plugged but not saved"),
    N_(
        "disk {disk} is plugged but cannot take backups as it is ({fstype}); to erase it"
        " and make it a backup disk: {command}"
    ),
    N_("{device} has no file system for backups; to make it a backup disk: {command}"),
    N_("disk {disk} may be unplugged"),
    N_("the last backup on disk {disk} ended as: {verdict}"),
    N_("disk {disk} holds no good backup yet"),
    N_("the last good backup on disk {disk} is {days} days old"),
    N_("no disk has had a good backup for {days} days"),
    N_("the history cannot be written: {why}"),
    N_("the history was damaged: a new one was begun, the old one is kept as {file}"),
    # Why a disk cannot be used
    N_("two devices have this UUID: unplug one of them"),
    N_(
        "its file system cannot hold owners, modes and links: forget it, then make it ext4"
        " with tetras-backctl prepare (this erases it)"
    ),
    N_("it is encrypted: unlock it by hand, or use a disk that is not"),
    N_("it is mounted elsewhere: unmount it there"),
    N_("another program is using it: end that program"),
    N_("it is write-protected: move its switch"),
    N_("its file system is damaged: have it checked with fsck"),
    N_("it is not the disk that was seen: unplug it and plug it in again"),
    N_("it is a file that belongs to somebody else than root: use a real disk"),
    N_("this system runs from it"),
    N_("another partition of it is still to be backed up"),
    N_("{device} cannot be used: {why}"),
    N_("{device} is in use by another program; end that program first"),
    N_("{device} is in use by another program; end it first"),
    N_("{device} is in use by another program"),
    N_("{device} is mounted at {place}; unmount it there first"),
    N_("{device} can only be read; look for a lock on the disk"),
    N_("this kernel does not know {fstype}; install the kernel module or use ext4"),
    N_("this btrfs spreads over {count} devices; use a disk of one device"),
    N_("this btrfs spreads over {count} devices; use a disk with one file system of its own"),
    N_("another file system than the one of {device} came up; plug it again"),
    N_("{device} has become another disk; plug it again"),
    N_("{device} is not the disk that was seen; plug it again"),
    N_("{device} is not there any more; plug it again"),
    N_("{device} was mounted, but {why}"),
    N_("{why}; repair it with: {command}"),
    N_("the file system on {device} has noted errors"),
    N_("the file system on {device} is damaged ({why})"),
    N_("{device} is damaged, or a copy of it with the same UUID is mounted"),
    # How a backup ended
    N_("complete"),
    N_("the disk is full: use a larger one; the log has the figures"),
    N_("the disk did not take what was written: have it checked or replaced"),
    N_("the disk could not be unmounted"),
    N_("the disk was taken away before the backup had ended: plug it in again"),
    N_("{device} is full; use a larger disk"),
    N_("{device} could not be read: {why}; have the disk checked"),
    N_("{device} could not be written to: {why}; have the disk checked"),
    N_("{device} was pulled out while it was being mounted"),
    N_("{device} was pulled out while being read"),
    N_("{device} was pulled out while being written to"),
    N_("{device} could not be opened: {why}"),
    N_("{device} cannot be unmounted: {program} still uses it; end that first"),
    N_("{what} hangs: the disk has not moved for {seconds} s; pull it out and have it checked"),
    N_("the kernel has met an error, see journalctl -k"),
    N_("its file system has turned read-only after an error"),
    N_("its file system has met errors"),
    N_("the disk is not open; run the backup again"),
    N_(
        "a script has unmounted the disk, or mounted something over it: what it wrote may"
        ' lie elsewhere; one that mounts the disk itself needs takes = "device"'
    ),
    N_("an internal error: the journal has the details"),
    N_("{script} gave {count} warning"),
    N_("{script} gave {count} warnings"),
    N_("{script} did not run to its end"),
    N_("{script} was killed by signal {number}"),
    N_("{script} ended with status {status} but named no warning"),
    N_("{script} ended with status {status}"),
    N_("{script} cannot be started: {why}"),
    N_("{path} is open for a restore that hangs; restart the server, then back up"),
    N_("{script} could not be run: see the journal"),
    N_("{script} was ended from outside, with its supervisor"),
    N_("{script} was stopped: it ran longer than {hours} hours"),
    N_("{script} hangs in the kernel and could not be ended"),
    N_("kept running although they were to be stopped: {units}"),
    N_("could not be started again: {units}"),
    N_("cancelled on request"),
    N_("unplugging was asked for"),
    N_("the disk was forgotten"),
    N_("held before it had begun: it runs once the disk is released"),
    N_("the service was stopped"),
    N_("the service or the server ended in the middle of the backup"),
    N_("the service or the server ended before the backup had begun"),
    N_("no backup script is enabled: see tetras-backctl scripts, then enable one"),
    N_("waiting for the system to start"),
    # Disks and devices that are asked for
    N_("disk {disk} is being backed up: cancel the backup first, or wait"),
    N_("{device} lies on a disk that this system runs from"),
    N_("the service is stopping"),
    N_("the service is being stopped; try again later"),
    N_("this disk is not plugged"),
    N_("disk {disk} is not plugged: plug it in"),
    N_("a backup of disk {disk} is already queued or running"),
    N_("two devices say they are disk {disk}: unplug one of them"),
    N_("no disk with this UUID is saved or plugged"),
    N_("no disk with this UUID is saved or plugged: see tetras-backctl disks"),
    N_("all disks are held, not this one alone: release all, tetras-backctl release"),
    N_("a disk is held for at most {minutes} minutes"),
    # The way back
    N_("a backup is queued or running: wait until it has ended, or cancel it"),
    N_("another disk is being read: wait until that is done, or cancel it"),
    N_("disk {disk} is being read: cancel that first, or wait"),
    N_("disk {disk} is being browsed: end that, tetras-backctl browse --close"),
    N_("this disk is not being browsed"),
    N_("a backup was asked for"),
    N_("{place} cannot be made: {why}"),
    N_("the disk could not be shown: the journal says why"),
    N_("the backup could not be shown: the journal says why"),
    N_("the backup is shown no longer: the journal says why"),
    N_("too many backups are shown: end that, then retry"),
    N_(
        "only root can be shown a backup here: for others have bindfs installed (apt install"
        " bindfs)"
    ),
    N_("its backups are being read"),
    N_("something is not as it was written: see its log"),
    N_("restored, but not all of it as it was: see its log"),
    N_(
        "its content is as it was written, but it may be another backup, or an older one: see its"
        " log"
    ),
    N_("done, but see the journal"),
    N_("it could not be done: its log says why"),
    N_("it could not be done: the journal says why"),
    N_("the disk was taken away before it was done: plug it in again"),
    N_("the service or the server ended in the middle of it"),
    N_("the job has ended: nothing left to cancel"),
    N_("there is no job {id}: see tetras-backctl jobs"),
    N_("there is no such backup on this disk: see tetras-backctl snapshots"),
    N_("there is no complete backup on this disk"),
    N_("this backup has no manifest: nothing tells how it should be"),
    N_(
        "this backup is not proved to be what this server made, nothing was replaced:"
        " restore it to a directory and look at it, or allow what is not proved"
    ),
    N_("{folder} is not as it was sealed ({why}); it is left alone, have a look at it"),
    N_("its mark was changed, or is damaged"),
    N_("it was made as {folder}"),
    N_("its manifest is another one"),
    N_("its manifest is gone, or damaged"),
    N_("the backup could not be sealed, so nothing will prove that it is what was made"),
    N_("tetras-back-snapshot cannot be started"),
    N_("the disk could not be read, or not be written to: have it checked"),
    N_(
        "{place} is read-only for the service, nothing was restored: restore to another"
        " directory, or mount the disk and run as root: tetras-back-snapshot restore"
    ),
    N_("what is restored to does not answer, nothing was restored: see what is mounted"),
    N_("the disk was taken away"),
    N_("1 to 100 percent of a backup can be verified"),
    N_("a backup is named by its folder, as tetras-backctl snapshots shows it"),
    N_("there is no option {name}: see org.tetraslibre.Back(5)"),
    N_("the option {name} takes another type"),
    N_("at most {count} paths at once: name a directory above them"),
    N_("dumps are restored into mysql or postgresql: choose one"),
    N_("say where to: a directory, in place, or a database"),
    N_("a database is named by 1 to 255 characters"),
    N_("give a whole path, such as /home/anna, without .. in it"),
    N_("no disk with this UUID is saved: see tetras-backctl disks"),
    N_("no disk {uuid} is saved; see tetras-backctl disks"),
    N_("this disk is not saved: save it first, tetras-backctl save UUID=name"),
    N_("no backup of this disk is queued or running"),
    N_("the backup is whole and only being finished: nothing left to cancel"),
    N_("the backup has already ended: see the history"),
    N_("do not unplug {device} yet: a backup was asked for meanwhile"),
    N_("do not unplug {device} yet: {why}"),
    N_("a device is named by a path below /dev, such as /dev/sdb1"),
    N_("a disk is prepared by its own name, such as /dev/sdb, not by a link"),
    N_("there is no device {device}; tetras-backctl disks shows what is plugged"),
    N_("{device} is no block device; give one such as /dev/sdb1"),
    N_("{device} does not lie below /dev; give a device such as /dev/sdb1"),
    N_("{device} carries the marks of several file systems; format it anew"),
    N_("{device} cannot be read; have the disk checked"),
    N_("{device} has just become another disk; try again"),
    N_("{device} is a whole disk with partitions; give one of them: {devices}"),
    N_("{device} is empty: no disk is in it"),
    N_("{device} belongs to this system; plug a disk of its own for backups"),
    N_("what is on {device} ({fstype}) has no UUID that could name the disk"),
    N_("{device} has no file system; to make a backup disk of all of {whole}: {command}"),
    # Preparing a disk
    N_("a disk is prepared with {choice}: choose one"),
    N_("{device} is too small for {fstype}: {least} MiB it is"),
    N_("{device} is not empty: {what}; nothing was changed; to erase all of it: {command}"),
    N_("{device} is being prepared: wait until that is done, then try again"),
    N_("{device} is being prepared: wait until that is done"),
    N_("nothing can be saved, so nothing was erased: {why}"),
    N_("{device} is in use by a backup: wait until it may be unplugged"),
    N_(
        "{device} is the saved disk {disk}, and its backups would be lost; if that is what"
        " you want, forget it first: {command}"
    ),
    N_("{device} is a disk that this system runs from"),
    N_("{device} is an optical drive: backups need a disk"),
    N_("{device} is made of other devices or of memory: give a disk of its own"),
    N_("{device} is a file that belongs to somebody else than root"),
    N_("{device} on {disk} is mounted at {place}: unmount it first"),
    N_("{device} on {disk} is in use ({what}): end that first"),
    N_("{device} cannot be prepared: {why}: end that first"),
    N_("{device} is write-protected: move its switch, or use another disk"),
    N_("{device} is write-protected"),
    N_("{program} has it open"),
    N_("another program holds it, or it is mounted where it cannot be seen"),
    N_("the name {name} is for the disk that is being prepared: choose another"),
    N_("the name {name} belongs to another disk: choose another"),
    N_("{device} is not as it was: look at it again"),
    N_("{device} does not keep its partition table"),
    N_("{device} does not keep what is written to it"),
    N_("{device} is not there any more"),
    N_("{device} is not the disk that was seen"),
    N_("{device} was pulled out while it was being prepared"),
    N_("{device} could not be let go of: {why}"),
    N_("{device} could not be looked at: {why}"),
    N_("{device} could not be erased: {why}"),
    N_("{device} could not be partitioned: {why}"),
    N_("{device} could not be written to: {why}"),
    N_("{what} failed: {why}"),
    N_("{what} failed: {program} was ended"),
    N_("{program} is missing: install {package}"),
    N_("{program} cannot be run: {why}"),
    N_("{device} does not hold the file system that was made"),
    N_("{device} has its file system, but is not saved: {why}; save it with: {command}"),
    N_("{why}; nothing was changed"),
    N_("{why}; nothing is saved: plug it in and begin again"),
    N_("{why}; it is no backup disk, nothing is saved"),
    N_("{device} is a partition; a whole disk is prepared: {whole}"),
    N_("it has changed since it was asked for; look again, then retry"),
    # Names
    N_("{uuid} is not the UUID of a file system; give one as tetras-backctl disks shows it"),
    N_("a disk needs a name that can be seen; give 1 to 64 characters"),
    N_("the name {name} has {count} characters; give at most {most}"),
    N_('the name {name} begins with "-"; give one that does not'),
    N_("the name {name} holds a control character; leave it out"),
    N_("the name {name} belongs to disk {uuid} already; choose another"),
    N_("the name {name} belongs to disk {uuid}; choose another"),
    N_("a script's name is empty; give the name of its file"),
    N_(
        "{name} is a path; give the script's file name alone, it is looked for in the"
        " script directories"
    ),
    N_('a script\'s name may not begin with "{character}": {name}'),
    N_("the script's name {name} holds a control character"),
    N_("the script's name {name} is longer than {most} bytes"),
    # Scripts
    N_("there is no script {script}: see tetras-backctl scripts"),
    N_("there is no script {script} in {place}; put it there"),
    N_(
        "{file} hides {other}; say in the configuration what it takes"
        ' ([scripts."{script}"], takes = "mount" or "device"), or rename it'
    ),
    N_("{file} cannot be read: {why}; mend or remove it"),
    N_("{file} is not a regular file; remove it"),
    N_("{file} is not executable; run: {command}"),
    N_("{file} is empty; install it again"),
    N_("{file} is not root's; look at it, then run: {command}"),
    N_("{file} is writable by others; look at it, then run: {command}"),
    N_("a loop of links"),
    # History and configuration
    N_("the history has no backup {id}: see tetras-backctl history"),
    N_("the history cannot be read: {why}"),
    N_("at most {most} rows at once: ask again with before"),
    N_("the history is closed"),
    N_("{file} cannot be opened: {why}"),
    N_(
        "{file} was made by a newer version of Tetras-back: install that version, or move"
        " the file away"
    ),
    N_(
        "the file writes {key} in a way that cannot be edited safely; nothing was changed,"
        " edit it by hand"
    ),
    N_("{file}: is being written by others; try again"),
    N_("{file}: would become larger than 1 MiB"),
    N_("{file}: is empty; to start afresh, write a comment into it"),
    N_("{file}: is missing; to start afresh, write a comment into it"),
    N_("{file}: cannot be written: {why}; nothing was changed"),
    N_("{file}: is larger than 1 MiB; nothing of it is read"),
    N_("{file}: cannot be read: {why}"),
    N_("{file}: is no regular file; put one in its place"),
    N_("{file}: line {line}: is not UTF-8"),
    N_("{file}: is nested too deeply"),
    # The original's configuration
    N_("the configuration is larger than {most} KiB"),
    N_("this is no configuration of the original: no DISKS and no SCRIPTS in it"),
    N_("{key} of the Perl configuration must be a hash"),
    N_("SCRIPTS of the Perl configuration must be a hash, or a list of names"),
    N_("the Perl configuration knows {count} disks; at most {most} are taken over"),
    N_("the Perl configuration has {count} scripts; at most {most} are taken over"),
    N_("the Perl configuration has {count} FIFO clients; at most {most} are taken over"),
    N_("the Perl configuration is larger than 256 KiB; give the right file"),
    N_("CLIENTS of the Perl configuration must be a hash"),
    N_("line {line} of the Perl configuration: {why}"),
    N_("nothing was changed: all that can be taken over is here already"),
    N_("FIFO clients are not the daemon's: register this one: {command}"),
    N_("the command FIFO is gone: use the tetras-back command, it has the same flags"),
    N_(
        "scriptdir {place} is not carried over: move its scripts to {other}, or start the"
        " service with --script-dir"
    ),
    N_("{key} is not known and is not carried over"),
    N_("disk {disk} is left out: this is not the UUID of a file system"),
    N_("disk {uuid} keeps its name {name}; it was {other}"),
    N_("disk {uuid} is called {name}: {other} cannot be used"),
    N_("the last backup of disk {disk} is not understood: {text}"),
    N_("script {script} is left out: this is not the name of a file"),
    N_("script {script} is left out: its arguments cannot be read"),
    N_("script {script} is left out, there is no such file: copy it to {place} and import again"),
    N_("script {script} keeps the settings it has here"),
    N_("no script was enabled: what is enabled here stays so"),
    N_(
        "script {script} in {place} is the original's and gets the device, as before; to"
        " use this version's, move it away and take its table out of the configuration"
    ),
    N_(
        "the settings of script {script} hold a password: see that only root can read the"
        " configuration file"
    ),
    N_(
        "script {script} is not enabled: it encrypted with encfs, ours does not; encrypt"
        " the disk, or enable it as it is with tetras-backctl enable"
    ),
    N_("script {script}: {option} is not carried over"),
    N_(
        "script {script} archives /etc, /srv, /var/www and /root; if your version of the"
        " original also archived /usr, /lib, /opt and /var/opt, add --also /opt and so on"
    ),
    # FIFOs
    N_("{path} is no FIFO; make one with mkfifo"),
    N_("there is no FIFO at {path}; make one with mkfifo"),
    N_("{path} belongs to somebody else"),
    N_("{path} cannot be opened: {why}"),
    N_("{path} cannot be reached: {why}"),
    N_("its file system does not answer; register it again later"),
    N_(
        "tetras-back-relay may not open {path} for reading and writing; tetras-backctl"
        " register lets it"
    ),
    N_("tetras-back-relay may not pass through {path}; tetras-backctl register lets it"),
    N_(
        "{path} is somebody else's and closed to others; make the FIFO elsewhere, or let"
        " root register it"
    ),
    N_("{path} is a symbolic link that is not root's; register the FIFO by its own path"),
    N_("you have no name here, so that nothing can be told to be yours"),
    N_("give an absolute path"),
    N_("the path is longer than {most} bytes"),
    N_("the path holds characters that cannot be shown; choose another name"),
    N_('give the path without "//", "/./", "/../" and a slash at its end'),
    N_("the format must be one of: {choice}"),
    N_("{path} is just being registered; wait for that"),
    N_("{path} is not registered; tetras-backctl clients shows what is"),
    N_("{path} was registered by somebody else"),
    N_("too many FIFOs are registered; unregister one first"),
    N_("it is registered already, as {path}"),
    N_("{file} cannot be written: {why}"),
    # Who may ask, and how much
    N_("polkit does not answer, so that only root may do this; is polkitd running?"),
    N_(
        "an administrator's password is needed and nothing is there to ask for it; start"
        " pkttyagent, or use root"
    ),
    N_("an administrator's password is needed for this; let it be asked for, or use root"),
    N_("somebody else than polkit has answered; try again"),
    N_("the password was not given; try again"),
    N_("you may not do this; ask an administrator"),
    N_("the bus does not say who is asking; try again"),
    N_("this is no service; call org.tetraslibre.Back.Relay"),
    N_("the message is too large; nothing here needs so much"),
    N_("too many requests at once; wait for the answers to some"),
    N_("too many requests under way; wait for the answers to some"),
    N_("too many answers are waiting; read them first"),
    N_("too many ask for all objects at once; try again"),
    N_("there is too much to say; try again"),
    N_("internal error; the journal has the details"),
    N_("there is no object {path}; it may have gone"),
    N_("{interface} has no method {name}"),
    # What the system says
    N_("No such file or directory"),
    N_("Permission denied"),
    N_("Operation not permitted"),
    N_("Input/output error"),
    N_("No space left on device"),
    N_("Read-only file system"),
    N_("Is a directory"),
    N_("Not a directory"),
    N_("Device or resource busy"),
    N_("Disk quota exceeded"),
    N_("Structure needs cleaning"),
    N_("Too many levels of symbolic links"),
    N_("Exec format error"),
    # Parts of the above
    N_("writing to {device}"),
    N_("letting go of {device}"),
    N_("putting {device} to sleep"),
    N_("opening {device}"),
    N_("unmounting {device}"),
    N_("partitioning {device}"),
    N_("making the file system on {device}"),
    N_("what is done to {device}"),
    N_("a partition table ({kind})"),
    N_("data of no known kind"),
    N_("{device} data of no known kind"),
    N_("and {count} more"),
    # Said by the backup scripts
    N_("{folder}, {size}, to make room"),
    N_("{folder}, {size}, as the rules say"),
    N_("{folder}, {size} so far, to make room"),
    N_("{folder}, {size} so far, as the rules say"),
    N_("cannot read {path}: {why}"),
    N_("changed each time it was read: {path}"),
    N_("not as it was written, copied anew: {path}"),
    N_("{count} more could not be read"),
    N_("{count} more changed each time they were read"),
    N_("{count} more were not as they were written"),
    N_("{count} more files could not be read"),
    N_("the source {path} is empty or missing; nothing is deleted from the disk"),
    N_(
        "the source {path} has shrunk from {before} files to {after} since the last backup;"
        " nothing is deleted from the disk"
    ),
    N_(
        "the source {path} has shrunk from {before} bytes to {after} since the last backup;"
        " nothing is deleted from the disk"
    ),
    N_("--also {path}: not there, so not saved"),
    N_(
        "the newest backup on the disk is {minutes} minutes in the future; set the clock"
        " right; nothing is deleted from the disk"
    ),
    N_("serveur.tar.gz in {folder} is damaged: it is not what was written"),
    N_("the rules of what is kept are not understood, so everything is: {rules}"),
    N_("the disk is full: about {needed} needed, {free} free; use a larger disk"),
    N_(
        "the disk is full: about {needed} needed, {free} free, and nothing may be deleted"
        " in this run; use a larger disk"
    ),
    N_("the disk is full: {needed} more needed for {part}, {free} free; use a larger disk"),
    N_("the disk is full: no room for {part}"),
    N_("the disk does not say how much room it has"),
    N_("the disk reported errors while it was written to; replace it"),
    N_("the disk reported errors; replace it"),
    N_("the disk did not take what was written: {why}"),
    N_("cannot write to the disk"),
    N_("cannot clear {path} on the disk"),
    N_("cannot remove the backup {folder}"),
)
