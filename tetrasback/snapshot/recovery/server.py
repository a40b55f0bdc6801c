"""The archive of a backup, back in the server's directories, in the order in which it is read."""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from tetrasback.snapshot.attributes import Attributes
from tetrasback.snapshot.copying import make_special
from tetrasback.snapshot.recovery.archive import (
    Archive,
    BadArchive,
    BadMember,
    Member,
    MemberFacts,
)
from tetrasback.snapshot.recovery.destination import Destination, NotRestored, per_entry
from tetrasback.snapshot.recovery.dressing import Lenient
from tetrasback.snapshot.recovery.tally import INCOMPLETE, LEFT_OUT, Tally
from tetrasback.snapshot.recovery.wanted import Wanted

_MAKE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_USUAL: Final = MemberFacts(stat.S_IFDIR | 0o755, 0, 0, 0, 0, 0, 0)
"""Of a directory that the archive leads through and does not hold, such as var of var/www."""


class Server:
    """Restores what is WANTED; OPEN_ARCHIVE begins it anew."""

    def __init__(
        self,
        open_archive: Callable[[], Archive],
        destination: Destination,
        tally: Tally,
        wanted: Wanted,
    ) -> None:
        self._open = open_archive
        self._to = destination
        self._tally = tally
        self._wanted = wanted
        self._dresser = Lenient()
        self._above: dict[str, tuple[MemberFacts, Attributes]] = {}
        """Directories that lead to what is wanted."""
        self._pending: dict[str, tuple[tuple[int, int], MemberFacts, Attributes]] = {}
        """Directories that get owner, mode and times at the end, and which they are."""
        self._links: dict[str, list[str]] = {}
        """File in the archive → its other names, of which it was not restored itself."""
        self._last = ""

    def restore(self, archive: Archive) -> None:
        """Read it to the end. Raises BadArchive, DiskTrouble."""
        for item in archive.members():
            if isinstance(item, Member):
                self._member(item)
            else:
                self._tally.met(LEFT_OUT, *item)

    @property
    def last(self) -> str:
        """The entry that was read last."""
        return self._last

    def finish(self) -> None:
        """Give the directories what they had, now that all is in them. Raises DiskTrouble."""
        for path in sorted(self._pending, reverse=True):
            self._dress_directory(path)

    # --- entries --------------------------------------------------------------------------------

    def _member(self, member: Member) -> None:
        path = member.path
        self._last = path
        if not path:
            return
        if self._wanted.leads(path):
            with suppress(BadMember):
                self._above[path] = member.facts(), member.attributes()[0]
            return
        if self._wanted.has(path):
            self._restore(member, path)

    def _restore(self, member: Member, path: str) -> None:
        parent, _, name = path.rpartition("/")
        try:
            facts = member.facts()
            self._go(parent)
            if member.is_hard_link:
                self._hard_link(member.target, path, name, facts)
            elif stat.S_ISDIR(facts.st_mode):
                self._directory(member, path, name, facts)
            else:
                self._make(member, path, name, facts)
                self._to.place(name)
        except (NotRestored, BadMember) as error:
            self._to.discard(name)
            self._tally.met(LEFT_OUT, path, str(error))
        self._tally.entry()

    def _go(self, parent: str) -> None:
        """To the directory PARENT; what is missing on the way is made. Raises NotRestored."""
        try:
            self._to.go(parent)
        except NotRestored:
            self._to.go("")
        else:
            return
        path = ""
        for part in parent.split("/"):
            path = f"{path}/{part}" if path else part
            if self._to.directory(part):
                self._pending[path] = (self._to.identity, *self._above.get(path, (_USUAL, ())))

    def _directory(self, member: Member, path: str, name: str, facts: MemberFacts) -> None:
        attributes = self._attributes(member, path)
        made = self._to.directory(name)
        if made or self._to.replace or path in self._pending:
            self._pending[path] = self._to.identity, facts, attributes

    def _make(self, member: Member, path: str, name: str, facts: MemberFacts) -> None:
        """Have it in `staging`. Raises NotRestored, BadMember, BadArchive, DiskTrouble."""
        attributes = self._attributes(member, path)
        try:
            with per_entry():
                if not stat.S_ISREG(facts.st_mode):
                    if stat.S_ISLNK(facts.st_mode) and not member.text:
                        raise NotRestored("a symbolic link that leads nowhere")
                    make_special(
                        self._to.staging, name, facts, member.text, attributes, self._dresser
                    )
                else:
                    self._make_file(member, name, facts, attributes)
        except BadArchive:
            self._to.discard(name)
            raise
        self._tell_lost(path)

    def _make_file(
        self, member: Member, name: str, facts: MemberFacts, attributes: Attributes
    ) -> None:
        writer = os.open(name, _MAKE, 0o600, dir_fd=self._to.staging)
        try:
            for position, data in member.stretches():
                os.lseek(writer, position, os.SEEK_SET)
                written = os.write(writer, data)
                while written < len(data):
                    written += os.write(writer, data[written:])
                self._tally.count(len(data))
            os.ftruncate(writer, member.size)
            self._dresser.dress(writer, facts, attributes)
        finally:
            os.close(writer)

    def _attributes(self, member: Member, path: str) -> Attributes:
        attributes, wrong = member.attributes()
        if wrong:
            self._tally.met(INCOMPLETE, path, wrong)
        return attributes

    def _tell_lost(self, path: str) -> None:
        lost = self._dresser.lost()
        if lost:
            self._tally.met(INCOMPLETE, path, f"without its attributes {lost}")

    # --- files with several names ---------------------------------------------------------------

    def _hard_link(self, target: str, path: str, name: str, facts: MemberFacts) -> None:
        """Make PATH another name of what was restored as TARGET, or remember to."""
        if self._wanted.has(target) and self._link(target, name, facts):
            self._to.place(name)
        else:
            self._links.setdefault(target, []).append(path)

    def _link(self, target: str, name: str, facts: MemberFacts) -> bool:
        """Have it in `staging`, if TARGET is the file that the archive means."""
        try:
            found = self._to.stage_link(target, name)
        except NotRestored:
            return False
        same = (
            stat.S_IMODE(found.st_mode) == stat.S_IMODE(facts.st_mode)
            and (found.st_uid, found.st_gid) == (facts.st_uid, facts.st_gid)
            and found.st_mtime_ns == facts.st_mtime_ns
        )
        if not same:
            self._to.discard(name)
        return same

    def restore_links(self) -> None:
        """Of files of which only other names are wanted: their content, out of a second reading.

        Raises BadArchive, DiskTrouble.
        """
        if not self._links:
            return
        archive = self._open()
        try:
            for item in archive.members():
                if isinstance(item, Member) and not item.is_hard_link:
                    names = self._links.pop(item.path, [])
                    if names:
                        self._restore_names(item, names)
                if not self._links:
                    break
        finally:
            archive.close()
        for names in self._links.values():
            for path in names:
                self._tally.met(LEFT_OUT, path, "the archive lacks what it is another name of")

    def _restore_names(self, member: Member, names: list[str]) -> None:
        first = ""
        for path in names:
            parent, _, name = path.rpartition("/")
            try:
                facts = member.facts()
                if stat.S_ISDIR(facts.st_mode):
                    raise NotRestored("it is another name of a directory, which cannot be")
                self._go(parent)
                if not first:
                    self._make(member, path, name, facts)
                elif not self._link(first, name, facts):
                    raise NotRestored("its other names were taken away meanwhile")
                self._to.place(name)
                first = first or path
            except (NotRestored, BadMember) as error:
                self._to.discard(name)
                self._tally.met(LEFT_OUT, path, str(error))

    # --- the end --------------------------------------------------------------------------------

    def _dress_directory(self, path: str) -> None:
        identity, facts, attributes = self._pending[path]
        try:
            self._to.go(path)
            if self._to.identity != identity:
                raise NotRestored("somebody put another directory in its place")
            with per_entry():
                self._dresser.dress(self._to.here, facts, attributes)
        except NotRestored as error:
            self._tally.met(INCOMPLETE, path, str(error))
        self._tell_lost(path)
