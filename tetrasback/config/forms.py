"""The form of the words people give us: UUIDs, names of disks, names of scripts.

Pure functions: the text comes back as it is to be kept, or InvalidArgs says in one line what is
wrong with it. Nothing here looks at the system.
"""

import re
import unicodedata
from typing import Final

from tetrasback.errors import InvalidArgs

DISK_NAME_MAX: Final = 64
"""Characters in the name of a disk."""

SCRIPT_NAME_MAX: Final = 255
"""Bytes in the name of a script: NAME_MAX of every file system we meet."""

_RFC_4122: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_FAT: Final = re.compile(r"[0-9a-f]{4}-[0-9a-f]{4}", re.IGNORECASE)
_NTFS: Final = re.compile(r"[0-9a-f]{16}", re.IGNORECASE)

# Cc: C0, DEL and C1; Cs: halves of odd bytes, which no bus can carry; Zl, Zp: they break a line.
_REFUSED_CATEGORIES: Final = frozenset(("Cc", "Cs", "Zl", "Zp"))
# The bidirectional controls: they make a terminal show another text than the one that is there.
_REFUSED: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def shown(text: str) -> str:
    """TEXT in quotes for a message: one line, printable, at most some 40 characters."""
    cut = text if len(text) <= 40 else text[:39] + "…"
    quoted = "".join(char if _is_printable(char) else ascii(char)[1:-1] for char in cut)
    return f'"{quoted}"'


def has_control(text: str) -> bool:
    """Whether TEXT holds a character that breaks lines, steers a terminal or cannot be encoded."""
    return any(
        char in _REFUSED or unicodedata.category(char) in _REFUSED_CATEGORIES for char in text
    )


def normalise_uuid(text: str) -> str:
    """The UUID of a file system as it is kept: as blkid prints it.

    RFC 4122 form comes back in lower case, FAT's ``XXXX-XXXX`` and NTFS's 16 hexadecimal digits in
    upper case. Anything else raises InvalidArgs.
    """
    if _RFC_4122.fullmatch(text):
        return text.lower()
    if _FAT.fullmatch(text) or _NTFS.fullmatch(text):
        return text.upper()
    raise InvalidArgs(
        f"{shown(text)} is not the UUID of a file system; give one as tetras-backctl disks shows it"
    )


def check_disk_name(text: str) -> str:
    """TEXT unchanged if it can name a disk: 1 to 64 visible characters, no leading "-".

    Whether another disk has the name already is not looked at. Raises InvalidArgs.
    """
    if not text or text.isspace():
        raise InvalidArgs("a disk needs a name that can be seen; give 1 to 64 characters")
    if len(text) > DISK_NAME_MAX:
        raise InvalidArgs(
            f"the name {shown(text)} has {len(text)} characters; give at most {DISK_NAME_MAX}"
        )
    if text.startswith("-"):
        raise InvalidArgs(f'the name {shown(text)} begins with "-"; give one that does not')
    if has_control(text):
        raise InvalidArgs(f"the name {shown(text)} holds a control character; leave it out")
    return text


def check_script_name(text: str) -> str:
    """TEXT unchanged if it is a plain file name that a script can have. Raises InvalidArgs."""
    if not text:
        raise InvalidArgs("a script's name is empty; give the name of its file")
    if "/" in text:
        raise InvalidArgs(
            f"{shown(text)} is a path; give the script's file name alone, it is looked for in the"
            " script directories"
        )
    if text.startswith(("-", ".")):
        raise InvalidArgs(f'a script\'s name may not begin with "{text[0]}": {shown(text)}')
    if has_control(text):
        raise InvalidArgs(f"the script's name {shown(text)} holds a control character")
    if len(text.encode("utf-8")) > SCRIPT_NAME_MAX:
        raise InvalidArgs(f"the script's name {shown(text)} is longer than {SCRIPT_NAME_MAX} bytes")
    return text


def _is_printable(char: str) -> bool:
    return char.isprintable() and char not in _REFUSED
