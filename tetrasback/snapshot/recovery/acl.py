"""Access control lists, from the text that tar(1) writes to the form that the kernel takes."""

import grp
import pwd
import struct
from typing import Final

_VERSION: Final = struct.pack("<I", 2)
_ENTRY: Final = struct.Struct("<HHI")
"""struct posix_acl_xattr_entry (linux/posix_acl_xattr.h): tag, permissions, id."""
_NOBODY: Final = 0xFFFFFFFF
_TAGS: Final = {
    ("user", False): 0x01,
    ("user", True): 0x02,
    ("group", False): 0x04,
    ("group", True): 0x08,
    ("mask", False): 0x10,
    ("other", False): 0x20,
}
_SHORT: Final = {"u": "user", "g": "group", "m": "mask", "o": "other"}
_BITS: Final = {"r": 4, "w": 2, "x": 1, "-": 0}


def encode_acl(text: str) -> bytes:
    """The attribute's value for TEXT such as ``user::rw-,user:33:r--,…``; see acl(5).

    Raises ValueError.
    """
    entries = []
    for item in text.replace("\n", ",").split(","):
        item = item.partition("#")[0].strip()
        if not item:
            continue
        kind, who, permissions, *_ = [*item.split(":"), "", ""]
        kind = _SHORT.get(kind, kind)
        tag = _TAGS.get((kind, bool(who)))
        bits = [_BITS.get(letter) for letter in permissions]
        if tag is None or None in bits or len(bits) != 3:
            raise ValueError(f"no entry of an access control list: {item[:60]!r}")
        entries.append((tag, _number(kind, who), sum(bit or 0 for bit in bits)))
    if not entries:
        raise ValueError("an empty access control list")
    return _VERSION + b"".join(_ENTRY.pack(tag, bits, who) for tag, who, bits in sorted(entries))


def _number(kind: str, who: str) -> int:
    if not who:
        return _NOBODY
    if who.isascii() and who.isdecimal():
        number = int(who[:11])
        if number >= _NOBODY:
            raise ValueError(f"no id: {who[:20]}")
        return number
    try:
        return pwd.getpwnam(who).pw_uid if kind == "user" else grp.getgrnam(who).gr_gid
    except KeyError as error:
        raise ValueError(f"nobody here is called {who[:60]!r}") from error
