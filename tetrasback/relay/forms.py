"""What a registration may say: the form of a path, the names of the formats."""

from collections.abc import Sequence
from typing import Final

from tetrasback.errors import InvalidArgs

EVENTS: Final = "events"
ORIGINAL: Final = "original"
FORMATS: Final = (EVENTS, ORIGINAL)

PATH_LIMIT: Final = 1024
"""Bytes: less than the kernel takes, since every registered path is told to everybody."""


def check_path(path: str) -> str:
    """PATH, if it has the form of a FIFO's path. Raises InvalidArgs."""
    if not path.startswith("/"):
        raise InvalidArgs("give an absolute path")
    if len(path.encode("utf-8", "surrogateescape")) > PATH_LIMIT:
        raise InvalidArgs(f"the path is longer than {PATH_LIMIT} bytes")
    if not path.isprintable():
        raise InvalidArgs("the path holds characters that cannot be shown; choose another name")
    if any(part in ("", ".", "..") for part in path.split("/")[1:]):
        raise InvalidArgs('give the path without "//", "/./", "/../" and a slash at its end')
    return path


def check_format(name: str) -> str:
    """NAME, if it is a format. Raises InvalidArgs."""
    if name not in FORMATS:
        raise InvalidArgs(f"the format must be one of: {', '.join(FORMATS)}")
    return name


def check(method: str, args: Sequence[object]) -> dict[str, str]:
    """The form of the arguments of METHOD, as the service wants it checked; the details for
    polkit."""
    path = str(args[0])
    check_path(path)
    if method == "Register":
        check_format(str(args[1]))
    return {"fifo": path}
