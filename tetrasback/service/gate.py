"""A message judged by its header, before anything decodes its body. Pure: bytes in, bytes out.

The library decodes whatever comes, in the event loop: a large array holds it for half a minute,
and every signature it meets is kept for ever. So frames are split and their headers read here, and
only what the contract knows, in a bounded size, is handed on. Refusals are written here too, since
a flood of them must cost little.

Format: https://dbus.freedesktop.org/doc/dbus-specification.html#message-protocol-messages
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

FRAME_LIMIT: Final = 512 * 1024
"""Bytes of a message that is handed on."""

_HEADER_LIMIT: Final = 16 * 1024
_FIXED: Final = 16

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_REPLY_EXPECTED: Final = 1

_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_SERIAL, _DESTINATION, _SENDER, _SIGNATURE = range(
    1, 9
)


class Malformed(ValueError):
    """No header of a message that the contract can know."""


@dataclass(frozen=True, slots=True)
class Head:
    """The header of a message; empty or 0 where a field is missing."""

    kind: int
    flags: int
    serial: int
    reply_serial: int = 0
    path: str = ""
    interface: str = ""
    member: str = ""
    sender: str = ""
    signature: str = ""
    body: int = 0
    """Bytes after the header."""

    @property
    def wants_reply(self) -> bool:
        """Whether the sender waits for an answer."""
        return self.kind == CALL and not self.flags & NO_REPLY_EXPECTED


def read_head(frame: bytes) -> Head:
    """The header at the beginning of FRAME. Raises Malformed.

    Fields of a kind that the specification does not know are taken as malformed: no client sends
    them, and the library would keep their signatures.
    """
    try:
        order = {ord("l"): "<", ord("B"): ">"}[frame[0]]
        body, serial, length = struct.unpack_from(order + "III", frame, 4)
        word = struct.Struct(order + "I")
        found: dict[int, str | int] = {}
        at, end = _FIXED, _FIXED + length
        while at < end:
            at = (at + 7) & ~7
            code, count, kind = frame[at], frame[at + 1], frame[at + 2]
            if count != 1 or not 1 <= code <= 9:
                raise Malformed("unknown field")
            at += 4
            if kind in b"so":
                start = at + 4
                at = start + word.unpack_from(frame, at)[0]
                found[code] = frame[start:at].decode()
                at += 1
            elif kind in b"g":
                start = at + 1
                at = start + frame[at]
                found[code] = frame[start:at].decode()
                at += 1
            elif kind in b"u":
                found[code] = word.unpack_from(frame, at)[0]
                at += 4
            else:
                raise Malformed("field of an unknown type")
    except (IndexError, KeyError, struct.error, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from error
    reply_serial = found.get(_REPLY_SERIAL, 0)
    return Head(
        frame[1],
        frame[2],
        serial,
        reply_serial if isinstance(reply_serial, int) else 0,
        str(found.get(_PATH, "")),
        str(found.get(_INTERFACE, "")),
        str(found.get(_MEMBER, "")),
        str(found.get(_SENDER, "")),
        str(found.get(_SIGNATURE, "")),
        body,
    )


class Splitter:
    """A stream of bytes cut into messages. Holds at most one message of LIMIT bytes."""

    def __init__(self, limit: int = FRAME_LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._skip = 0

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Each message that DATA completes, and True; of one that is too large only the header
        (nothing if that is too large as well), and False. Raises Malformed where the stream makes
        no sense: it cannot be followed any further."""
        buffer = self._buffer
        buffer += data
        at = 0
        try:
            while True:
                dropped = min(self._skip, len(buffer) - at)
                self._skip -= dropped
                at += dropped
                if self._skip or len(buffer) - at < _FIXED:
                    return
                header, total = _lengths(buffer, at)
                large = total > self._limit
                wanted = min(header, _HEADER_LIMIT) if large else total
                if len(buffer) - at < wanted:
                    return
                if large:
                    self._skip = total
                    if header <= _HEADER_LIMIT:
                        yield bytes(buffer[at : at + header]), False
                else:
                    yield bytes(buffer[at : at + total]), True
                    at += total
        finally:
            del buffer[:at]


def _lengths(buffer: bytes | bytearray, at: int) -> tuple[int, int]:
    """Bytes of the header (padded) and of the whole message."""
    order = {ord("l"): "<", ord("B"): ">"}.get(buffer[at])
    if order is None or buffer[at + 3] != 1:
        raise Malformed("this is no D-Bus message")
    body, _, fields = struct.unpack_from(order + "III", buffer, at + 4)
    header = _FIXED + ((fields + 7) & ~7)
    return header, header + body


def length_of(buffer: bytes | bytearray) -> int:
    """Bytes of the whole message that begins BUFFER; 0 while too little of it is there."""
    return _lengths(buffer, 0)[1] if len(buffer) >= _FIXED else 0


def body_of(frame: bytes) -> bytes:
    """The body of a whole message."""
    return frame[_lengths(frame, 0)[0] :]


def strings(frame: bytes) -> list[str]:
    """The body of a whole message that consists of strings. Raises Malformed."""
    body, found, at = body_of(frame), [], 0
    order = "<" if frame[0] == ord("l") else ">"
    try:
        while at < len(body):
            at = (at + 3) & ~3
            (length,) = struct.unpack_from(order + "I", body, at)
            found.append(body[at + 4 : at + 4 + length].decode())
            at += 5 + length
    except (struct.error, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from error
    return found


def error_frame(destination: str, reply_to: int, serial: int, name: str, text: str) -> bytes:
    """The refusal of the call REPLY_TO of DESTINATION, as bytes for the bus.

    NAME must be an error's name, TEXT must be safe.
    """
    data = text.encode()
    body = struct.pack("<I", len(data)) + data + b"\0"
    more = _field(_ERROR_NAME, b"s", name) + _field(_SIGNATURE, b"g", "s")
    return _frame(ERROR, destination, reply_to, serial, more, body)


def return_frame(
    destination: str, reply_to: int, serial: int, signature: str, body: bytes
) -> bytes:
    """The answer to a call, with a body that has been encoded before (little-endian)."""
    return _frame(RETURN, destination, reply_to, serial, _field(_SIGNATURE, b"g", signature), body)


def _frame(
    kind: int, destination: str, reply_to: int, serial: int, more: bytes, body: bytes
) -> bytes:
    fields = more + _field(_DESTINATION, b"s", destination)
    # A number needs no padding after it, so it comes last: the length counts none at the end.
    fields += struct.pack("<B3sI", _REPLY_SERIAL, b"\1u\0", reply_to)
    start = struct.pack(
        "<cBBBIII", b"l", kind, NO_REPLY_EXPECTED, 1, len(body), serial, len(fields)
    )
    return start + fields + body


def _field(code: int, kind: bytes, value: str) -> bytes:
    """One header field, padded to the next one."""
    data = value.encode()
    length = struct.pack("<I" if kind == b"s" else "<B", len(data))
    field = bytes((code, 1)) + kind + b"\0" + length + data + b"\0"
    return field + bytes(-len(field) % 8)
