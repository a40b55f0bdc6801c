"""What has not changed, in as few steps as can be: most of a directory, most of the time.

An entry's line in the manifest of the snapshot before has the entry's tags: it has not been touched
since. And its copy there looks as the entry does now, in kind, mode, owner, size and time, so both
are what the line tells; or the file system says that nobody has touched any of the copies. Whatever
does not agree in all is left to `entries`, which finds out what is the matter.
"""

import os
from collections.abc import Collection, Sequence

from tetrasback.snapshot.listing import Named
from tetrasback.snapshot.manifest import encode_name, is_plain


def share(
    lines: Sequence[str],
    prefix: str,
    entries: Sequence[Named],
    before: int,
    target: int,
    distrusted: Collection[str],
) -> list[str | None]:
    """Of each of a directory's ENTRIES its line, if the entry has not changed and is shared now.

    LINES are those of the snapshot before, PREFIX is what their paths begin with, BEFORE its open
    directory; -1 where nobody has changed it since. TARGET is the directory that is filled; -1
    where it began as a copy of BEFORE, and there is nothing to do to share. Paths that are
    DISTRUSTED are left out.
    """
    kept: list[str | None] = [None] * len(entries)
    plain = is_plain("".join([name for name, _ in entries]))
    places: dict[str, int] = {}
    count = len(lines)
    at = 0
    look, link = os.stat, os.link
    for number, (name, found) in enumerate(entries):
        if found.st_mode & 0o170000 == 0o040000:
            continue
        start = f"{prefix}{name if plain else encode_name(name)} "
        if at >= count or not lines[at].startswith(start):
            # Something came or went here, or has another place in the order of names.
            places = places or {line[: line.find(" ") + 1]: n for n, line in enumerate(lines)}
            place = places.get(start)
            if place is None:
                continue
            at = place
        line = lines[at]
        at += 1
        if distrusted and start[:-1] in distrusted:
            continue
        tags = f" tags={found.st_ctime_ns:x}:{found.st_ino:x} "
        if tags not in line and not line.endswith(tags[:-1]):
            continue
        if before < 0:
            kept[number] = line
            continue
        try:
            copy = look(name, dir_fd=before, follow_symlinks=False)
            if (
                copy.st_mtime_ns == found.st_mtime_ns
                and copy.st_size == found.st_size
                and copy.st_mode == found.st_mode
                and copy.st_uid == found.st_uid
                and copy.st_gid == found.st_gid
                and copy.st_rdev == found.st_rdev
            ):
                if target >= 0:
                    link(name, name, src_dir_fd=before, dst_dir_fd=target, follow_symlinks=False)
                kept[number] = line
        except OSError:
            continue  # the worker meets it again, and tells what it means
    return kept
