"""The way back: what lies in backups on a disk, compared, pinned, and put where it came from.

Neither the disk nor the place restored to is trusted: somebody has had the disk in his hands, and
users may change what is theirs while it is restored.

::

    kernel       two system calls that Python lacks
    cursor       a place in a tree, moved a directory at a time
    way          the directory that a person names, by a path that only root can bend
    backups      the complete backups on a disk, their marks and pins
    destination  entries made out of sight, then put in their place
    dressing     owner, mode, times and attributes, as far as the place can hold them
    acl          access control lists as tar(1) writes them
    archive      serveur.tar.gz, entry by entry
    homes        Donnees, back in /home
    server       the archive, back in the rest of /
    restoring    what is asked for, out of both
    commands     the command line
"""
