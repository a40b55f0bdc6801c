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

_TOO_LARGE: Final = frozenset({errno.E2BIG, errno.ERANGE})
_ROOM: Final = 1 << 24
"""Bytes; with more than that free, no attribute fails for want of room."""

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


def write_attributes(path: int | str, attributes: Attributes, *, follow: bool = True) -> Attributes:
    """Give an entry just made these attributes; those that it has now. Raises DiskTrouble.

    One that is too large for the file system (ext4 takes 4 KiB of them all) is left out: a user
    could end all backups with it otherwise.
    """
    written = attributes
    for item in attributes:
        name, value = item
        try:
            os.setxattr(path, name, value, follow_symlinks=follow)
        except OSError as error:
            if not _is_too_large(error, path):
                raise disk_trouble(error, f"attribute {name}") from error
            written = tuple(other for other in written if other is not item)
    if written is not attributes:
        remove_others(path, written, follow=follow)  # an older value may be there still
    return written


def _is_too_large(error: OSError, path: int | str) -> bool:
    """Whether it is the attribute's fault; ext4 and Btrfs say ENOSPC also where there is room."""
    if error.errno != errno.ENOSPC:
        return error.errno in _TOO_LARGE
    try:
        room = os.statvfs(path if isinstance(path, int) else os.path.dirname(path))
    except OSError:
        return False
    return room.f_bavail * room.f_frsize > _ROOM and (room.f_files == 0 or room.f_favail > 0)


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

    def dress(self, descriptor: int, status: Facts, attributes: Attributes) -> Attributes:
        """Give an open file or directory owner, attributes, mode and times; see `write`.

        In this order: a change of owner takes setuid and capabilities away. Raises DiskTrouble.
        """
        given = attributes
        try:
            os.fchown(descriptor, status.st_uid, status.st_gid)
            if attributes:
                given = self.write(descriptor, attributes)
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
            os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))
        except OSError as error:
            raise disk_trouble(error) from error
        return given

    def write(self, path: int | str, attributes: Attributes, *, follow: bool = True) -> Attributes:
        """Give it these attributes; those that it has now. Raises DiskTrouble."""
        return write_attributes(path, attributes, follow=follow)


class _Heir(Dresser):
    """For what is made in a directory that has its ACLs already, and hands them down."""

    def dress(self, descriptor: int, status: Facts, attributes: Attributes) -> Attributes:
        remove_others(descriptor, attributes)
        return super().dress(descriptor, status, attributes)

    def write(self, path: int | str, attributes: Attributes, *, follow: bool = True) -> Attributes:
        remove_others(path, attributes, follow=follow)
        return super().write(path, attributes, follow=follow)


EXACTLY: Final = Dresser()
WITHOUT_INHERITANCE: Final = _Heir()
