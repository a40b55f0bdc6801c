"""tetras-back-snapshot: a copy of a tree that shares what has not changed with the copy before.

The program knows no bus and no daemon; any script can use it.

::

    manifest    what a snapshot holds, as mtree(5) text: lines, and the file with its seal
    attributes  owner, mode, times, ACLs and attributes of one entry, from one tree to another
    copying     one entry, with its content and its SHA-256
    kernel      system calls that Python lacks
    trees       directories opened component by component, never through a link
    here        the directory that a worker is at
    unchanged   what has not changed, in as few steps as can be
    worker      one process: directory after directory, compared with the snapshot before
    syncing     the last word on what was written
    teamwork    the processes together: who does what, what they report, links, the manifest
    recovery    the way back, a package of its own
    program     the command line
"""
