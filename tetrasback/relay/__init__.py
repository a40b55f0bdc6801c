"""tetras-back-relay: what happens to backups, written into FIFOs. An ordinary client of the daemon.

::

    daemon ── signals ── feed ── ring ── stream ── FIFO of format events
                           └──── mirror ── page ── FIFO of format original
    callers ── service ── registry ── fifo (opened by doors, watched by watcher)

`forms`, `lines`, `ring` and `document` are pure. `doors` is the only place that looks at paths.
"""
