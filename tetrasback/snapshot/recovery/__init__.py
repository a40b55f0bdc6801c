"""The way back: what lies in backups on a disk, compared, pinned, and put where it came from.

Neither the disk nor the place restored to is trusted: somebody has had the disk in his hands, and
users may change what is theirs while it is restored.

::

    cursor       a place in a tree, moved a directory at a time
    way          the directory that a person names, by a way that only root can bend
    backups      the complete backups on a disk, their marks and pins
    source       one of them, opened: homes, archive, manifest, seals
    wanted       the paths that are asked for
    destination  entries made out of sight, then put in their place
    dressing     owner, mode, times and attributes, as far as the place can hold them
    comparison   what the manifest says, beside what comes by
    homes        Donnees, back in /home
    archive      serveur.tar.gz, entry by entry
    acl          access control lists as tar(1) writes them
    server       the archive, back in the rest of /
    tally        how far it is, and what was met
    restoring    what is asked for, out of both
    views        the homes in a backup, by its manifest or as they lie there
    diff         what is different in two of them, and in two archives
    differing    two backups beside each other
    engines      the database servers that a dump can be given to
    databases    the dumps in an archive, back into them
    commands     the command line
"""
