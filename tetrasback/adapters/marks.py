"""What `backup_nocloud.sh` notes on the disk of a complete backup: lines of KEY=VALUE in the file
``.tetras-back/complete/FOLDER`` (scripts/lib_snapshots.sh has the keys)."""

import os
import re
from typing import Final

ARCHIVE: Final = "serveur.tar.gz"
_SIZE: Final = 4096
_SEAL: Final = re.compile(r"^archive_seal=([0-9a-f]{64})$", re.M)


def archive_seal(mount: str, folder: str) -> str | None:
    """The seal of the archive in FOLDER, as it was when it was made; empty where none is noted,
    None where the backup has no archive, as far as is noted, and none lies there.

    No symbolic link on the disk is followed. Blocks as the disk does.
    """
    directory = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    opened: list[int] = []
    try:
        opened.append(os.open(mount, directory))
        for name in (".tetras-back", "complete"):
            opened.append(os.open(name, directory, dir_fd=opened[-1]))
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        opened.append(os.open(folder, flags, dir_fd=opened[-1]))
        text = os.read(opened[-1], _SIZE).decode("utf-8", "replace")
    except OSError:
        text = ""
    finally:
        for descriptor in opened:
            os.close(descriptor)
    if found := _SEAL.search(text):
        return found[1]
    is_there = "archive_bytes=" in text or os.path.lexists(f"{mount}/{folder}/{ARCHIVE}")
    return "" if is_there else None
