"""POSIX access control lists, so far as one more user is let in, or no longer. Pure.

Format of the extended attribute: version 2, then entries of tag, permissions and id, little-endian;
see acl(5) and linux/posix_acl_xattr.h.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

XATTR: Final = "system.posix_acl_access"

READ, WRITE, PASS = 4, 2, 1

_VERSION: Final = struct.pack("<I", 2)
_ENTRY: Final = struct.Struct("<HHI")
_OWNER, _USER, _GROUP, _NAMED_GROUP, _MASK, _OTHERS = 1, 2, 4, 8, 16, 32
_NOBODY: Final = 0xFFFFFFFF
"""The id of an entry that needs none."""

_Entries = dict[tuple[int, int], int]
"""(tag, id) → permissions."""


@dataclass(frozen=True, slots=True)
class Acl:
    """Who may do what with a file."""

    entries: _Entries

    @classmethod
    def of_mode(cls, mode: int) -> "Acl":
        """What a file without a list has."""
        return cls(
            {
                (_OWNER, _NOBODY): mode >> 6 & 7,
                (_GROUP, _NOBODY): mode >> 3 & 7,
                (_OTHERS, _NOBODY): mode & 7,
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> "Acl":
        """The list in an extended attribute. Raises ValueError where it is none."""
        if data[:4] != _VERSION or (len(data) - 4) % _ENTRY.size:
            raise ValueError("an access control list of an unknown form")
        return cls({(tag, who): allowed for tag, allowed, who in _ENTRY.iter_unpack(data[4:])})

    def encode(self) -> bytes:
        """The extended attribute."""
        packed = (_ENTRY.pack(tag, p, who) for (tag, who), p in sorted(self.entries.items()))
        return _VERSION + b"".join(packed)

    def allows(self, uid: int) -> int:
        """What a user may do who is neither the owner nor in any group."""
        named = self.entries.get((_USER, uid))
        return self.entries[_OTHERS, _NOBODY] if named is None else named & self._mask()

    def letting_in(self, uid: int, allowed: int) -> "Acl":
        """The list with one more user; what all others may do stays as it is."""
        entries = self._effective()
        entries[_USER, uid] = entries.get((_USER, uid), 0) | allowed
        return Acl(_with_mask(entries))

    def without(self, uid: int) -> "Acl":
        """The list without a user; what all others may do stays as it is."""
        entries = self._effective()
        entries.pop((_USER, uid), None)
        named = any(tag in (_USER, _NAMED_GROUP) for tag, _ in entries)
        return Acl(_with_mask(entries) if named else entries)

    def names(self, uid: int) -> bool:
        """Whether there is an entry for this user."""
        return (_USER, uid) in self.entries

    def _mask(self) -> int:
        return self.entries.get((_MASK, _NOBODY), 7)

    def _effective(self) -> _Entries:
        """The entries, each with what it allows in truth: a wider mask must not give more to those
        whom the mask had kept out."""
        mask = self._mask()
        return {
            (tag, who): allowed & mask if tag in (_USER, _GROUP, _NAMED_GROUP) else allowed
            for (tag, who), allowed in self.entries.items()
            if tag != _MASK
        }


def _with_mask(entries: _Entries) -> _Entries:
    return entries | {(_MASK, _NOBODY): _union(entries)}


def _union(entries: _Entries) -> int:
    bits: Iterable[int] = (
        allowed for (tag, _), allowed in entries.items() if tag in (_USER, _GROUP, _NAMED_GROUP)
    )
    union = 0
    for allowed in bits:
        union |= allowed
    return union
