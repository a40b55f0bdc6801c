"""GetManagedObjects: with many disks its answer is large, so it is encoded once for all callers."""

from dbus_next.message import Message

from tetrasback.service import gate
from tetrasback.service.connection import Connection
from tetrasback.service.published import Published

SIGNATURE = "a{oa{sa{sv}}}"


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
        """Answer CALL, at once or when the objects have been encoded."""
        if self._version == self._published.version:
            connection.reply_bytes(call, SIGNATURE, self._body)
        elif self._busy is connection:
            self._waiting.append((connection, call, self._published.version))
        else:
            self._encode(connection, call)

    def _encode(self, connection: Connection, call: Message) -> None:
        version = self._published.version
        objects = self._published.managed()

        def sent(frame: bytes) -> None:
            self._busy = None
            self._version, self._body = version, gate.body_of(frame)
            waiting, self._waiting = self._waiting, []
            for other, later, wanted in waiting:
                if wanted <= version:
                    other.reply_bytes(later, SIGNATURE, self._body)
                else:
                    self.answer(other, later)

        if connection.reply(call, SIGNATURE, [objects], 600 * len(objects), sent):
            self._busy = connection
