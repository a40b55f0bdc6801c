"""Btrfs: waiting until the room of removed subvolumes is free.

The kernel removes a subvolume at once, and frees what it alone held afterwards, in a thread of its
own. Whoever needs that room must wait for it, or would take away more than is needed.
"""

import os
import time
from typing import Final

from tetrasback.snapshot import subvolumes
from tetrasback.snapshot.troubles import disk_trouble

STILL_SECONDS: Final = 60.0
"""After so long without any progress the rest is not waited for: somebody has a file open, say."""
_LOOK_SECONDS: Final = 0.05
_PUSH_SECONDS: Final = 2.0


def settle(directory: int, seconds: float | None) -> tuple[int, int]:
    """Wait until what was removed on the file system of the open DIRECTORY takes no room.

    At most for SECONDS, and no longer than anything moves. How many subvolumes were freed, and how
    many are not yet. Raises DiskTrouble.
    """
    if not subvolumes.on_btrfs(directory):
        return 0, 0
    try:
        return _wait(directory, seconds)
    except OSError as error:
        raise disk_trouble(error, "what was removed cannot be freed") from error


def _wait(directory: int, seconds: float | None) -> tuple[int, int]:
    left = begun = subvolumes.dying(directory)
    if not begun:
        return 0, 0
    start = moved = time.monotonic()
    pushed = -_PUSH_SECONDS
    seen = _state(directory, left)
    while left:
        now = time.monotonic()
        if now - moved > STILL_SECONDS or (seconds is not None and now - start > seconds):
            break
        if now - pushed > _PUSH_SECONDS:
            subvolumes.sync(directory)
            pushed = time.monotonic()
        else:
            time.sleep(_LOOK_SECONDS)
        left = subvolumes.dying(directory)
        state = _state(directory, left)
        if state != seen:
            seen, moved = state, time.monotonic()
    # Only now are the last extents given back.
    subvolumes.sync(directory)
    return len(begun.keys() - left.keys()), len(left)


def _state(directory: int, left: dict[int, bytes]) -> tuple[object, ...]:
    room = os.fstatvfs(directory)
    return room.f_bfree, room.f_bavail, left
