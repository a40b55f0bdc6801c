"""The rights that the relay needs on a user's FIFO, given and taken back by that user.

The relay is a system user without rights of its own: what it is to write into, its owner must let
it open, and what is private on the way there, let it pass. Both are done by an entry for it in the
access control list of just that file or directory; nobody else's rights change.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from tetrasback.errors import CannotWrite, NotAFifo, NotYours, TetrasBackError
from tetrasback.host.acl import PASS, READ, WRITE, XATTR, Acl
from tetrasback.host.walk import UntrustedLink, through, walk
from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean

_NO_LISTS: Final = (errno.EOPNOTSUPP, errno.ENOSYS)


def grant(path: str, relay: int) -> list[str]:
    """Let the user RELAY open the FIFO at the absolute PATH, and pass the directories of its owner.

    Comes back with the files whose lists were changed, the FIFO last; what the relay may do already
    is left alone. Raises NotAFifo, NotYours, CannotWrite where there is no way; then nothing is
    changed.
    """
    changed: list[_File] = []
    with contextlib.ExitStack() as stack:
        directories, fifo = _way(path, stack)
        if fifo is None or not stat.S_ISFIFO(fifo.status.st_mode):
            raise NotAFifo(
                _("there is no FIFO at {path}; make one with mkfifo").format(path=clean(path))
            )
        if os.geteuid() not in (0, fifo.status.st_uid):
            raise NotYours(_("{path} is not yours").format(path=clean(path)))
        try:
            for file, rights in [*((one, PASS) for one in directories), (fifo, READ | WRITE)]:
                acl = file.acl()
                if (
                    relay != 0
                    and acl.allows(relay) & rights != rights
                    and file.belongs_to(fifo.status.st_uid)
                ):
                    file.change(acl.letting_in(relay, rights))
                    changed.append(file)
        except TetrasBackError:
            for file in changed:
                _withdraw(file, relay)
            raise
    return [file.path for file in changed]


def revoke(path: str, relay: int, others: Collection[str] = ()) -> list[str]:
    """Take back what `grant` gave, but what OTHERS, the FIFOs still registered, need on their way.

    Comes back with the files whose lists were changed. What is not there or cannot be changed any
    more is passed over.
    """
    taken = []
    with contextlib.suppress(TetrasBackError), contextlib.ExitStack() as stack:
        directories, fifo = _way(path, stack)
        owner = fifo.status.st_uid if fifo else os.geteuid()
        needed = _shared(path, others, stack)
        for file in directories:
            if file.identity in needed or any(
                other.startswith(file.path.rstrip("/") + "/") for other in others
            ):
                continue
            if file.belongs_to(owner) and _withdraw(file, relay):
                taken.append(file.path)
        if fifo and path not in others and _withdraw(fifo, relay):
            taken.append(fifo.path)
    return taken


@dataclass(frozen=True, slots=True)
class _File:
    """A file on the way, held by an O_PATH descriptor: its name may lead elsewhere by now."""

    path: str
    descriptor: int
    status: os.stat_result

    @property
    def identity(self) -> tuple[int, int]:
        """What it is, by whatever name."""
        return self.status.st_dev, self.status.st_ino

    def acl(self) -> Acl:
        """Who may do what with it."""
        try:
            return Acl.decode(os.getxattr(through(self.descriptor), XATTR))
        except (OSError, ValueError):  # none, or none of this kind
            return Acl.of_mode(self.status.st_mode)

    def change(self, acl: Acl) -> None:
        """Set who may do what with it. Raises CannotWrite."""
        try:
            os.setxattr(through(self.descriptor), XATTR, acl.encode())
        except OSError as error:
            why = os.strerror(error.errno or 0)
            if error.errno in _NO_LISTS:
                why = _("its file system has no access control lists")
            raise CannotWrite(
                _(
                    "tetras-back-relay cannot be let to {path} ({why}); make the FIFO elsewhere,"
                    " for instance below /run/user or /tmp"
                ).format(path=clean(self.path), why=why)
            ) from None

    def belongs_to(self, owner: int) -> bool:
        """Whether it is ours to change: the caller's own, and for root OWNER's too."""
        return self.status.st_uid in {os.geteuid(), owner}


def _way(path: str, stack: contextlib.ExitStack) -> tuple[list[_File], _File | None]:
    """The directories on the way to PATH, and what lies there, if anything.

    STACK closes their descriptors. Raises NotYours for a link that may not be followed.
    """
    directories: list[_File] = []

    def visit(place: str, descriptor: int, status: os.stat_result) -> None:
        kept = os.dup(descriptor)
        stack.callback(os.close, kept)
        directories.append(_File(place, kept, status))

    try:
        last = walk(path, visit)
    except UntrustedLink as link:
        raise NotYours(
            _("{path} is a symbolic link; register the FIFO by its own path").format(
                path=clean(str(link))
            )
        ) from None
    except OSError:
        return directories, None
    stack.callback(os.close, last)
    return directories, _File(path, last, os.fstat(last))


def _shared(
    path: str, others: Collection[str], stack: contextlib.ExitStack
) -> set[tuple[int, int]]:
    """The directories on the way to PATH that OTHERS need as well, also behind a link of root's.

    Nobody else's way is walked for that: what they have in common with PATH is of its own way.
    """
    common = {os.path.commonpath([path, other]) for other in others}
    found = set()
    for place in common:
        directories, last = _way(place, stack)
        found |= {file.identity for file in (*directories, last) if file}
    return found


def _withdraw(file: _File, relay: int) -> bool:
    """Take the relay's entry out of a list; whether there was one and it could be."""
    acl = file.acl()
    if not acl.names(relay):
        return False
    try:
        file.change(acl.without(relay))
    except CannotWrite:
        return False
    return True
