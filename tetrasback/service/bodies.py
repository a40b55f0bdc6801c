"""The body of a call judged before the library decodes it. Pure.

A variant can hold anything: the library keeps every signature it meets for ever, and decodes long
arrays slowly. So where the contract has arrays or variants in a call, what is in them is looked at
first: few elements, and nothing but plain values.

Format: https://dbus.freedesktop.org/doc/dbus-specification.html#message-protocol-marshaling
"""

import struct
from typing import Final

from tetrasback.service.gate import Malformed, body_of

MOST: Final = 2000
"""Elements of an array."""
PLAIN: Final = frozenset({"s", "b"})
"""What a variant may hold."""
_WIDTH: Final = {"u": 4, "b": 4, "t": 8}


def check(frame: bytes, signature: str) -> None:
    """Raise Malformed unless the whole message FRAME, whose body has this SIGNATURE (of ``s``,
    ``u``, ``b``, ``t``, ``as`` and ``a{sv}``), is of that form and small."""
    reader = _Reader(body_of(frame), "<" if frame[:1] == b"l" else ">")
    rest = signature
    try:
        while rest:
            if rest.startswith("as"):
                reader.array("s")
                rest = rest[2:]
            elif rest.startswith("a{sv}"):
                reader.array("{sv}")
                rest = rest[5:]
            else:
                reader.value(rest[0])
                rest = rest[1:]
        reader.end()
    except (struct.error, UnicodeDecodeError, KeyError) as error:
        raise Malformed("the arguments are cut off") from error


class _Reader:
    """Goes through a body; every step raises struct.error at its end."""

    def __init__(self, body: bytes, order: str) -> None:
        self._body = body
        self._order = order
        self._at = 0

    def value(self, signature: str) -> None:
        """Pass over one value."""
        if signature == "s":
            length = self._length()
            self._at += length + 1
        else:
            self._align(_WIDTH[signature])
            self._at += _WIDTH[signature]

    def array(self, element: str) -> None:
        """Pass over an array, whose elements are ``s`` or ``{sv}``."""
        size = self._length()
        if element == "{sv}":
            self._align(8)
        end, count = self._at + size, 0
        while self._at < end:
            count += 1
            if count > MOST:
                raise Malformed(f"more than {MOST} values in an array")
            if element == "{sv}":
                self._entry()
            else:
                self.value(element)

    def end(self) -> None:
        """Raise struct.error unless just all of it has been passed over."""
        if self._at != len(self._body):
            raise struct.error("too short or too long")

    def _entry(self) -> None:
        self._align(8)
        self.value("s")
        (length,) = struct.unpack_from("B", self._body, self._at)
        held = self._body[self._at + 1 : self._at + 1 + length].decode("ascii")
        self._at += length + 2
        if held not in PLAIN:
            raise Malformed("an option is a string or a boolean")
        self.value(held)

    def _length(self) -> int:
        self._align(4)
        (length,) = struct.unpack_from(self._order + "I", self._body, self._at)
        self._at += 4
        return int(length)

    def _align(self, width: int) -> None:
        self._at += -self._at % width
