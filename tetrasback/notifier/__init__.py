"""tetras-back-notify: what happens to backups, as desktop notifications. An ordinary client of the
daemon, in the session of whoever sits at the screen.

::

    daemon ── signals ── mirror ── desk ── notes ── board ── form ── server of the session
                                    │
            stories, attention ─────┘  (arrivals, endings, naming, words)

All but `notifier`, `memory` and `program` is pure: data in, notes out.
"""
