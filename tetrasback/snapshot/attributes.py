"""Owner, mode, times, ACLs and extended attributes, from one tree to another.

ACLs are attributes to the kernel (``system.posix_acl_*``), in a form that all file systems share;
so are the capabilities of a program (``security.capability``).
"""

import errno
import hashlib
import os
import re
import stat
from itertools import combinations
from typing import Final, Protocol

from tetrasback.snapshot.troubles import disk_trouble, source_trouble

COPIED: Final = ("user.", "trusted.", "security.", "system.posix_acl_")
_REMOVED: Final = ("user.", "trusted.", "system.posix_acl_")
"""Not security.*: what the kernel's guards gave a new entry, they do not let go."""
_OWN: Final = "trusted.SGI_ACL_"
"""XFS's second view of ACLs."""

SUBSETS_MAX: Final = 10
"""Of so many attributes, every choice is tried for the one that was sealed."""

_ODD: Final = re.compile(rb"[\\=\n\r]")

Attributes = tuple[tuple[str, bytes], ...]


def read_attributes(path: int | str, *, follow: bool = True) -> Attributes:
    """The attributes of an open entry, or of that at PATH. Raises SourceTrouble, Vanished."""
    try:
        names = os.listxattr(path, follow_symlinks=follow)
        if not names:
            return ()
        return tuple(
            (name, os.getxattr(path, name, follow_symlinks=follow))
            for name in sorted(names)
            if name.startswith(COPIED) and not name.startswith(_OWN)
        )
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return ()
        raise source_trouble(error) from error


def write_attributes(path: int | str, attributes: Attributes, *, follow: bool = True) -> None:
    """Give an entry just made these attributes. Raises DiskTrouble."""
    for name, value in attributes:
        try:
            os.setxattr(path, name, value, follow_symlinks=follow)
        except OSError as error:
            raise disk_trouble(error, f"attribute {name}") from error


def remove_others(path: int | str, attributes: Attributes, *, follow: bool = True) -> None:
    """Take from an entry what it has besides these attributes. Raises DiskTrouble."""
    kept = dict(attributes)
    try:
        for name in os.listxattr(path, follow_symlinks=follow):
            if name.startswith(_REMOVED) and not name.startswith(_OWN) and name not in kept:
                os.removexattr(path, name, follow_symlinks=follow)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise disk_trouble(error) from error


# --- seals --------------------------------------------------------------------------------------


def canonical(attributes: Attributes) -> bytes:
    """ATTRIBUTES as lines NAME=0xVALUE, sorted as bytes: what getfattr(1) writes of them.

    Names have ``\\ooo`` for backslash, ``=`` and ends of lines; values are in hexadecimal.
    """
    return b"".join(
        sorted(
            _ODD.sub(lambda found: b"\\%03o" % found[0][0], os.fsencode(name))
            + f"=0x{value.hex()}\n".encode("ascii")
            for name, value in attributes
        )
    )


def seal(attributes: Attributes) -> str:
    """The word that stands for ATTRIBUTES, SHA-256 in hexadecimal; '' = there are none."""
    return hashlib.sha256(canonical(attributes)).hexdigest() if attributes else ""


def sealed_part(attributes: Attributes, word: str) -> Attributes | None:
    """Those of ATTRIBUTES for which WORD stands; None = it stands for others.

    Whoever added some to an entry does not make it lose those that it had.
    """
    if seal(attributes) == word:
        return attributes
    if not word:
        return ()
    if len(attributes) > SUBSETS_MAX:
        return None
    for count in range(len(attributes) - 1, 0, -1):
        for chosen in combinations(attributes, count):
            if seal(chosen) == word:
                return chosen
    return None


# --- giving -------------------------------------------------------------------------------------


class Facts(Protocol):
    """What an entry is given: os.stat_result, or what an archive says."""

    @property
    def st_mode(self) -> int:
        """Kind and permissions."""

    @property
    def st_uid(self) -> int: ...
    @property
    def st_gid(self) -> int: ...
    @property
    def st_rdev(self) -> int: ...
    @property
    def st_atime_ns(self) -> int: ...
    @property
    def st_mtime_ns(self) -> int: ...


class Dresser:
    """Gives what was just made all that it had; what it cannot have ends the copy."""

    def dress(self, descriptor: int, status: Facts, attributes: Attributes) -> None:
        """Give an open file or directory owner, attributes, mode and times.

        In this order: a change of owner takes setuid and capabilities away. Raises DiskTrouble.
        """
        try:
            os.fchown(descriptor, status.st_uid, status.st_gid)
            if attributes:
                self.write(descriptor, attributes)
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
            os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))
        except OSError as error:
            raise disk_trouble(error) from error

    def write(self, path: int | str, attributes: Attributes, *, follow: bool = True) -> None:
        """Give it these attributes. Raises DiskTrouble."""
        write_attributes(path, attributes, follow=follow)


class _Heir(Dresser):
    """For what is made in a directory that has its ACLs already, and hands them down."""

    def dress(self, descriptor: int, status: Facts, attributes: Attributes) -> None:
        remove_others(descriptor, attributes)
        super().dress(descriptor, status, attributes)

    def write(self, path: int | str, attributes: Attributes, *, follow: bool = True) -> None:
        remove_others(path, attributes, follow=follow)
        super().write(path, attributes, follow=follow)


EXACTLY: Final = Dresser()
WITHOUT_INHERITANCE: Final = _Heir()
