"""What taking some snapshots away would free, told by manifests.

A file is shared by all snapshots in which it stands at the same path with the same facts and the
same content, be it as a hard link, in a snapshot of a subvolume or as a clone. What is in any
snapshot that stays frees nothing.
"""

from collections.abc import Sequence
from typing import Final

from tetrasback.snapshot.manifest import Manifest

BLOCK: Final = 4096
"""Bytes; files take whole ones."""


def weigh(go: Sequence[Manifest], stay: Sequence[Manifest]) -> int:
    """Bytes that only the snapshots that GO hold. Raises OSError.

    A file with several names counts for each, holes count, and what the file system itself needs
    for names does not. One directory at a time is held in memory.
    """
    directories = {directory for manifest in go for directory in manifest.blocks}
    return sum(_directory(directory, go, stay) for directory in directories)


def _directory(directory: str, go: Sequence[Manifest], stay: Sequence[Manifest]) -> int:
    kept = {manifest.text(directory) for manifest in stay}
    gone = {manifest.text(directory) for manifest in go} - kept
    if not gone:
        return 0
    files = _files(gone)
    for name in _files(kept):
        files.pop(name, None)
    return sum(files.values())


def _files(texts: set[str]) -> dict[str, int]:
    """What tells a file's content and place from all others → the room that it takes."""
    found = {}
    for text in texts:
        for line in text.splitlines():
            place, _, rest = line.partition(" ")
            if not rest.startswith("type=file "):
                continue
            words = [word for word in rest.split(" ") if not word.startswith("tags=")]
            size = next((word[5:] for word in words if word.startswith("size=")), "")
            if size.isdecimal() and len(size) < 20:
                found[" ".join((place, *words))] = -(-int(size) // BLOCK) * BLOCK
    return found
