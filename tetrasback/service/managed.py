"""GetManagedObjects: with many disks its answer is large, so it is encoded once for all callers."""

from typing import Final

from dbus_next.message import Message

from tetrasback.errors import LimitsExceeded
from tetrasback.service import gate
from tetrasback.service.connection import Connection
from tetrasback.service.published import Published

SIGNATURE: Final = "a{oa{sa{sv}}}"
_WAITING: Final = 256


class Managed:
    """Answers from the encoded objects as long as nothing has changed.

    While one answer is being encoded, later callers wait for it; those who asked after a change
    get the next one, never an older state than was announced when they asked.
    """

    def __init__(self, published: Published) -> None:
        self._published = published
        self._version = -1
        self._body = b""
        self._busy: Connection | None = None
        self._waiting: list[tuple[Connection, Message, int]] = []

    def answer(self, connection: Connection, call: Message) -> None:
        """Answer CALL, at once or when the objects have been encoded. Raises LimitsExceeded."""
        if self._version == self._published.version:
            connection.reply_bytes(call, SIGNATURE, self._body)
        elif self._busy is connection:
            if len(self._waiting) >= _WAITING:
                raise LimitsExceeded("too many ask for all objects at once; try again")
            self._waiting.append((connection, call, self._published.version))
        else:
            self._encode(connection, call)

    def _encode(self, connection: Connection, call: Message) -> None:
        version = self._published.version
        objects = self._published.managed()

        def sent(frame: bytes | None) -> None:
            self._busy = None
            waiting, self._waiting = self._waiting, []
            if frame is not None:
                self._version, self._body = version, gate.body_of(frame)
            for other, later, wanted in waiting:
                if frame is None:
                    other.refuse(later, LimitsExceeded("there is too much to say; try again"))
                elif wanted <= version:
                    other.reply_bytes(later, SIGNATURE, self._body)
                else:
                    self.answer(other, later)

        if connection.reply(call, SIGNATURE, [objects], 600 * len(objects), sent):
            self._busy = connection
