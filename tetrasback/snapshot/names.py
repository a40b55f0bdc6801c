"""Which files of a snapshot have several names there, as its manifest tells.

The file system cannot be asked: the copy has a name in every snapshot that shares it.
"""

import re
from typing import Final

from tetrasback.snapshot.manifest import Manifest

_INODE: Final = re.compile(r" tags=[0-9a-f]+-?:([0-9a-f]+)")
_BITS: Final = 1 << 27
"""Of memory: a set of all inode numbers would grow with the tree."""


class Names:
    """Inode numbers that a manifest has more than once; few others are taken for such."""

    def __init__(self, manifest: Manifest) -> None:
        """Read all of MANIFEST. Raises OSError."""
        once = bytearray(_BITS // 8)
        self._again = bytearray(_BITS // 8)
        for place in manifest.blocks:
            for number in _INODE.findall(manifest.text(place)):
                at, bit = _place(number)
                if once[at] & bit:
                    self._again[at] |= bit
                once[at] |= bit

    def may_be_several(self, rest: str) -> bool:
        """Whether the file with this line, REST, may have had more names."""
        found = _INODE.search(f" {rest}")
        if found is None:
            return False
        at, bit = _place(found[1])
        return bool(self._again[at] & bit)


def _place(number: str) -> tuple[int, int]:
    at = int(number, 16) % _BITS
    return at >> 3, 1 << (at & 7)
