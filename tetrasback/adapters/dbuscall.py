"""A D-Bus call with texts in and a boolean or a descriptor out, blocking, with a time limit.

No more of the protocol than that, https://dbus.freedesktop.org/doc/dbus-specification.html: for
threads, and for descriptors, which the library cannot take without leaking some.
"""

import array
import os
import socket
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Final
from urllib.parse import unquote

from tetrasback.names import DBUS_INTERFACE, DBUS_PATH, DBUS_SERVICE

SYSTEM_BUS: Final = "unix:path=/run/dbus/system_bus_socket"
MESSAGE_MAX: Final = 64 * 1024
"""Bytes of a message; answers meant for us are far smaller."""

_ORDER: Final = b"l" if sys.byteorder == "little" else b"B"
_CALL, _RETURN, _ERROR = 1, 2, 3
_NO_AUTO_START = 2
_PATH, _INTERFACE, _MEMBER, _REPLY_SERIAL, _DESTINATION, _SIGNATURE = 1, 2, 3, 5, 6, 8
_FDS_MAX = 16


class Refused(Exception):
    """An error, or an answer of another kind than asked for; the text is one line."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply: its signature, its body, the descriptors that came with it."""

    signature: str
    body: bytes
    descriptors: tuple[int, ...]

    def flag(self) -> bool:
        """Its only value, a boolean. Raises Refused."""
        self.drop()
        if self.signature != "b" or len(self.body) != 4:
            raise Refused("the answer is no yes or no")
        return bool(struct.unpack("=I", self.body)[0])

    def text(self) -> str:
        """Its first value, if that is a text; empty otherwise."""
        self.drop()
        if not self.signature.startswith("s"):
            return ""
        text = _string(self.body, 0)[0]
        return "".join(char if char.isprintable() else " " for char in text)[:300]

    def descriptor(self) -> int:
        """Its only value, a descriptor, which is the caller's from now on. Raises Refused."""
        if self.signature != "h" or len(self.descriptors) != 1:
            self.drop()
            raise Refused("the answer is no descriptor")
        return self.descriptors[0]

    def drop(self) -> None:
        """Close the descriptors."""
        for descriptor in self.descriptors:
            os.close(descriptor)


class Connection:
    """A nameless connection to the bus that ENVIRONMENT names, for LIMIT seconds in all.

    Everything raises OSError (TimeoutError when time is up), EOFError when the bus hangs up,
    ValueError for a message that is none, Refused.
    """

    def __init__(self, environment: Mapping[str, str], limit: float) -> None:
        self._end = monotonic() + limit
        self._serial = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._until_end()
            address = environment.get("DBUS_SYSTEM_BUS_ADDRESS", SYSTEM_BUS)
            self._socket.connect(_socket_name(address))
            self._authenticate()
            self.call(DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE, "Hello").drop()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def call(self, service: str, path: str, interface: str, member: str, *texts: str) -> Answer:
        """Call a method with TEXTS as its arguments. The service is not started for it."""
        self._serial += 1
        self._until_end()
        self._socket.sendall(_message(self._serial, service, path, interface, member, texts))
        while True:
            kind, serial, answer = self._receive()
            if serial == self._serial and kind == _RETURN:
                return answer
            if serial == self._serial and kind == _ERROR:
                raise Refused(answer.text() or "an error without a text")
            answer.drop()  # a signal, or somebody who wants something of us

    def _authenticate(self) -> None:
        identity = str(os.geteuid()).encode().hex().encode()
        self._socket.sendall(b"\0AUTH EXTERNAL " + identity + b"\r\n")
        self._expect(b"OK ")
        self._socket.sendall(b"NEGOTIATE_UNIX_FD\r\n")
        self._expect(b"AGREE_UNIX_FD")
        self._socket.sendall(b"BEGIN\r\n")

    def _expect(self, begin: bytes) -> None:
        line = b""
        while not line.endswith(b"\r\n") and len(line) < 1024:
            line += self._exactly(1)[0]
        if not line.startswith(begin):
            raise Refused("the bus does not let us in")

    def _receive(self) -> tuple[int, int, Answer]:
        """The next message: its type, the serial that it answers, the rest."""
        fixed, descriptors = self._exactly(16)
        order, kind, _, version, size, _, fields = struct.unpack("=cBBBIII", fixed)
        rest = (fields + 7) // 8 * 8 + size
        answer = Answer("", b"", descriptors)
        try:
            if order != _ORDER or version != 1 or rest > MESSAGE_MAX:
                raise ValueError("the bus speaks another language")
            data, more = self._exactly(rest)
            answer = Answer("", b"", descriptors + more)
            serial, signature = _fields(fixed[12:] + data[:fields])
        except BaseException:
            answer.drop()
            raise
        return kind, serial, Answer(signature, data[rest - size :], answer.descriptors)

    def _exactly(self, size: int) -> tuple[bytes, tuple[int, ...]]:
        """SIZE bytes, and the descriptors that came with them."""
        data, descriptors = b"", array.array("i")
        space = socket.CMSG_SPACE(_FDS_MAX * descriptors.itemsize)
        try:
            while len(data) < size:
                self._until_end()
                got, ancillary, _, _ = self._socket.recvmsg(
                    size - len(data), space, socket.MSG_CMSG_CLOEXEC
                )
                for level, kind, content in ancillary:
                    if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                        descriptors.frombytes(content[: len(content) // 4 * 4])
                if not got:
                    raise EOFError("the bus hung up")
                data += got
        except BaseException:
            Answer("", b"", tuple(descriptors)).drop()
            raise
        return data, tuple(descriptors)

    def _until_end(self) -> None:
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError("time is up")
        self._socket.settimeout(left)


def _socket_name(address: str) -> str:
    """The Unix socket of the first address that has one. Raises ValueError."""
    for one in address.split(";"):
        transport, _, options = one.partition(":")
        values = dict(part.split("=", 1) for part in options.split(",") if "=" in part)
        if transport == "unix" and "path" in values:
            return unquote(values["path"])
        if transport == "unix" and "abstract" in values:
            return "\0" + unquote(values["abstract"])
    raise ValueError("DBUS_SYSTEM_BUS_ADDRESS names no Unix socket")


def _padded(data: bytes, to: int) -> bytes:
    return data + bytes(-len(data) % to)


def _text(text: str) -> bytes:
    data = text.encode("utf-8", "replace").replace(b"\0", b" ")
    return struct.pack("=I", len(data)) + data + b"\0"


def _message(
    serial: int, service: str, path: str, interface: str, member: str, texts: tuple[str, ...]
) -> bytes:
    body = b""
    for text in texts:
        body = _padded(body, 4) + _text(text)
    values = [(_PATH, b"o", path), (_INTERFACE, b"s", interface), (_MEMBER, b"s", member)]
    values.append((_DESTINATION, b"s", service))
    fields = b""
    for code, kind, value in values:
        fields = _padded(fields, 8) + bytes((code, 1)) + kind + b"\0" + _text(value)
    if texts:
        signature = b"s" * len(texts)
        fields = _padded(fields, 8) + bytes((_SIGNATURE, 1)) + b"g\0"
        fields += bytes((len(signature),)) + signature + b"\0"
    flags = _NO_AUTO_START
    head = struct.pack("=cBBBIII", _ORDER, _CALL, flags, 1, len(body), serial, len(fields))
    return _padded(head + fields, 8) + body


def _string(data: bytes, at: int) -> tuple[str, int]:
    """The text at an offset, and the offset behind it. Raises ValueError."""
    at = (at + 3) // 4 * 4
    if at + 4 > len(data):
        raise ValueError("a text is cut off")
    (size,) = struct.unpack_from("=I", data, at)
    return data[at + 4 : at + 4 + size].decode("utf-8", "replace"), at + 5 + size


def _fields(data: bytes) -> tuple[int, str]:
    """Reply serial and signature from a header's fields, DATA beginning with their length."""
    serial, signature, at = 0, "", 4
    while at < len(data):
        at = (at + 4 + 7) // 8 * 8 - 4  # DATA begins 12 bytes into the message
        if at + 4 > len(data):
            break
        code, kind = data[at], data[at + 2 : at + 3]
        at += 4
        if kind == b"u" and at + 4 <= len(data):
            (value,) = struct.unpack_from("=I", data, at)
            serial = value if code == _REPLY_SERIAL else serial
            at += 4
        elif kind == b"g" and at < len(data):
            text = data[at + 1 : at + 1 + data[at]].decode("ascii", "replace")
            signature = text if code == _SIGNATURE else signature
            at += data[at] + 2
        elif kind in (b"s", b"o"):
            _, at = _string(data, at)
        else:
            raise ValueError("a header that is none")
    return serial, signature
