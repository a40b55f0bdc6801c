"""Owner, mode, times and attributes, as far as the place that is restored to can hold them."""

import errno
import os
from typing import Final

from tetrasback.snapshot.attributes import Attributes, Dresser
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

    def write(self, path: int | str, attributes: Attributes, *, follow: bool = True) -> None:
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

    def lost(self) -> str:
        """What the entries since the last question had to go without; '' = nothing."""
        text = ", ".join(self._lost[:10])
        self._lost.clear()
        return text


def without_rights(attributes: Attributes) -> Attributes:
    """ATTRIBUTES without those that let a program do more than who starts it."""
    return tuple(item for item in attributes if item[0] != CAPABILITY)
