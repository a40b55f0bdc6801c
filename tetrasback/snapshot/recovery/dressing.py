"""Owner, mode, times and attributes, as far as the place that is restored to can hold them."""

import errno
import os
import stat
from dataclasses import dataclass
from typing import Final

from tetrasback.snapshot.attributes import Attributes, Dresser, Facts, sealed_part
from tetrasback.snapshot.recovery.archive import MemberFacts
from tetrasback.snapshot.troubles import disk_trouble, words

_CANNOT: Final = frozenset(
    {errno.ENOTSUP, errno.EPERM, errno.EACCES, errno.EINVAL, errno.ERANGE, errno.E2BIG}
)
CAPABILITY: Final = "security.capability"
SPECIAL_RIGHTS: Final = 0o6000
"""setuid and setgid."""


class Lenient(Dresser):
    """Goes on without an attribute that the file system there does not take."""

    def __init__(self) -> None:
        self._lost: list[str] = []

    def write(self, path: int | str, attributes: Attributes, *, follow: bool = True) -> Attributes:
        """As `Dresser.write`; what could not be given, `lost` tells."""
        for name, value in attributes:
            try:
                os.setxattr(path, name, value, follow_symlinks=follow)
            except OSError as error:
                if error.errno not in _CANNOT:
                    raise disk_trouble(error, f"attribute {name}") from error
                self._lost.append(f"{name} ({words(error)})")
            except ValueError:
                self._lost.append("one of an impossible name")
        return attributes

    def lost(self) -> str:
        """What the entries since the last question had to go without; '' = nothing."""
        text = ", ".join(self._lost[:10])
        self._lost.clear()
        return text


@dataclass(frozen=True, slots=True)
class Proved:
    """What of an entry's attributes may come back: those that the server wrote, by their seal."""

    attributes: Attributes = ()
    others: tuple[str, ...] = ()
    """Names of those that may not."""
    lacking: bool = False
    """Some that it had are not there: its mode alone may let in whom its list kept out."""

    @property
    def wrong(self) -> str:
        """What is wrong with them; '' = nothing."""
        if self.lacking:
            what = "its attributes are not what was written, and are left out"
        elif self.others:
            what = "it has attributes that were not written, which are left out"
        else:
            return ""
        names = ", ".join(self.others[:10])
        return f"{what}: {names}" if names else what

    def mode(self, mode: int) -> int:
        """MODE as it may be given: where a list is lacking, the group's part was its mask."""
        return mode & ~stat.S_IRWXG if self.lacking and not stat.S_ISLNK(mode) else mode

    def facts(self, facts: Facts, *, keep: int = ~0) -> Facts:
        """FACTS with such a mode, of which KEEP is kept."""
        mode = self.mode(facts.st_mode) & keep
        if mode == facts.st_mode:
            return facts
        return MemberFacts(
            *(mode, facts.st_uid, facts.st_gid, facts.st_rdev, 0),
            *(facts.st_atime_ns, facts.st_mtime_ns),
        )


def proved(attributes: Attributes, word: str | None) -> Proved:
    """What of ATTRIBUTES is sealed by WORD (`attributes.seal`); None = there is no seal at all."""
    if word is None:
        return Proved(attributes)
    kept = sealed_part(attributes, word)
    known = {name for name, _ in kept or ()}
    others = tuple(name for name, _ in attributes if name not in known)
    return Proved(kept or (), others, lacking=kept is None)
