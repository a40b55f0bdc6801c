"""The D-Bus library's bus, on a local socket instead of the bus: it encodes and decodes for us."""

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

from dbus_next.aio.message_bus import MessageBus
from dbus_next.message import Message


class Library(MessageBus):
    """The library's bus: what it sends by itself goes through our queue, and it can be closed."""

    def __init__(self, address: str, queue: Callable[[Message], None]) -> None:
        super().__init__(bus_address=address)
        self._queue_ours = queue
        self._gone: asyncio.Future[None] | None = None

    def send(self, msg: Message) -> None:
        """Queue what the library says by itself."""
        self._queue_ours(msg)

    def encode(self, msg: Message) -> Any:
        """Write one message now; raises where it cannot be encoded. Await what comes back after
        the message has been read at the other end."""
        return super().send(msg)

    def gone(self) -> asyncio.Future[None]:
        """Done when the library has ended, which it does without a word to anybody else."""
        if self._gone is None:
            waiting: Any = super().wait_for_disconnect
            self._gone = asyncio.ensure_future(waiting())
        return self._gone

    async def close(self) -> None:
        """After the other end has been closed: wait until the library has seen it."""
        if self.unique_name is not None:
            await asyncio.gather(self.gone(), return_exceptions=True)
        # The library only shuts its socket down; the descriptors would stay until collected.
        asyncio.get_running_loop().remove_reader(self._fd)
        asyncio.get_running_loop().remove_writer(self._fd)
        self._stream.close()
        self._sock.close()


def local_bus(queue: Callable[[Message], None]) -> tuple[socket.socket, Library]:
    """The near end of a socket that the library takes for the bus, and the library.

    QUEUE gets what it wants to say by itself. The library opens its socket by an address; the
    kernel chooses a name for it, which exists until the end of this function, and whoever else
    should find it is turned away.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind("")
        # Room for more strangers than can come: were it full, our own would wait here for ever.
        listener.listen(4096)
        library = Library("unix:abstract=" + listener.getsockname()[1:].decode(), queue)
        while True:
            near, _ = listener.accept()
            credentials = near.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            if struct.unpack("3i", credentials)[0] == os.getpid():
                break
            near.close()
    near.setblocking(False)
    return near, library
