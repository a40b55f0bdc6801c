"""One connection to the bus, with the D-Bus library kept behind it as encoder and decoder.

::

    bus socket → _read → gate → inbox → _feed → library → handler
    bus socket ← _write ← library ← outbox ← call, send, reply, refuse

The library is given one end of a local socket of its own and never sees the bus. So it meets no
message that `gate` has not let through, no full socket (it writes one message at a time, which
`_write` reads at once), and no end of file in the middle of a handshake.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final, Protocol

from dbus_next.constants import MessageFlag, MessageType
from dbus_next.message import Message

from tetrasback import names
from tetrasback.errors import Failed, LimitsExceeded, TetrasBackError, Unreachable
from tetrasback.service import gate, link
from tetrasback.service.gate import Head
from tetrasback.service.library import local_bus
from tetrasback.service.queues import Inbox, Item, Outbox, Rank
from tetrasback.service.text import safe_text

log = logging.getLogger(__name__)

CONNECT_LIMIT: Final = 10.0
"""Seconds for the bus to let us in."""

_CHUNK: Final = 1 << 16
_SEND_BUFFER: Final = 1 << 12
ANSWERS: Final = frozenset({"", "s", "u", "(bba{ss})"})
"""Signatures of the answers to what a service asks the bus and polkit."""

_RAW_SERIALS: Final = 1 << 31
"""Messages written here count from this number on, those of the library from 1."""


class Handler(Protocol):
    """What the messages are for: `dispatch`."""

    def admit(self, head: Head, frame: bytes) -> None:
        """Raise a TetrasBackError for a call, the whole of it FRAME, not to be decoded."""
        ...

    def handle(self, connection: "Connection", message: Message) -> None:
        """Answer a call, now or later. Never raises."""
        ...

    def hears(self, head: Head, frame: bytes) -> bool:
        """Whether a signal is to be decoded: only those of known form and origin."""
        ...

    def heard(self, message: Message) -> None:
        """A signal that it wanted to hear. Never raises."""
        ...


class Connection:
    """A connection that is let in and has a unique name; `open` makes one."""

    def __init__(
        self,
        handler: Handler,
        sock: socket.socket,
        answers: frozenset[str] = ANSWERS,
        frame_limit: int = gate.FRAME_LIMIT,
    ) -> None:
        self._handler = handler
        self._answers = answers
        self._frame_limit = frame_limit
        self._sock = sock
        # A busy bus takes 2 KiB of it in each of its rounds, which may last a quarter of a second:
        # what waits should wait where it can be overtaken.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._near, self._library = local_bus(self._queue)
        self._encoded = bytearray()
        self._inbox, self._outbox = Inbox(), Outbox()
        self._pending: dict[int, asyncio.Future[Message]] = {}
        self._serials = count(_RAW_SERIALS)
        self._tasks: list[asyncio.Task[None]] = []
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._writing: Item | None = None

    @classmethod
    async def open(
        cls,
        handler: Handler,
        address: str,
        answers: frozenset[str] = ANSWERS,
        frame_limit: int = gate.FRAME_LIMIT,
    ) -> "Connection":
        """A connection to the bus at ADDRESS. Raises Unreachable.

        ANSWERS are the signatures of all answers that will be waited for, FRAME_LIMIT the bytes of
        the largest message that is decoded."""
        try:
            async with asyncio.timeout(CONNECT_LIMIT):
                connection = cls(handler, await link.connect(address), answers, frame_limit)
                try:
                    await connection._say_hello()
                except BaseException:
                    await connection.close()
                    raise
        except TimeoutError:
            raise Unreachable(
                f"the system bus has not answered for {CONNECT_LIMIT:g} s; is dbus-daemon stopped?"
            ) from None
        return connection

    # --- what is said ------------------------------------------------------------------------

    async def call(self, message: Message, limit: float, behalf: str = "") -> Message | None:
        """Send a call and wait for its answer, at most LIMIT seconds; see `api.Call`.

        BEHALF: the stranger that it is about, see `Item`."""
        if message.flags & MessageFlag.NO_REPLY_EXPECTED:
            self.send(Item(message, Rank.OWN, behalf=behalf))
            return None
        message.serial = self._library.next_serial()
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pending[message.serial] = answer
        try:
            if self._lost.done() or not self.send(Item(message, Rank.OWN, behalf=behalf)):
                raise ConnectionError("the bus is lost")
            async with asyncio.timeout(limit):
                return await answer
        finally:
            del self._pending[message.serial]

    def send(self, item: Item) -> bool:
        """Queue a message; False where there is no room for it or nobody to take it."""
        return not self._lost.done() and self._outbox.put(item)

    def reply(
        self,
        call: Message,
        signature: str = "",
        body: Sequence[Any] = (),
        size: int = 256,
        sent: Callable[[bytes | None], None] | None = None,
    ) -> bool:
        """Answer a call that wants an answer. SIZE is an estimate, SENT as in `Item`; whether it
        has been queued. A caller who does not read what they asked for gets an error instead."""
        if call.flags & MessageFlag.NO_REPLY_EXPECTED:
            return False
        message = Message.new_method_return(call, signature, list(body))
        return self._reply(call, Item(message, Rank.REPLY, size, call.sender, sent=sent))

    def reply_bytes(self, call: Message, signature: str, body: bytes) -> None:
        """Answer a call with a body that has been encoded before."""
        if not call.flags & MessageFlag.NO_REPLY_EXPECTED:
            frame = gate.return_frame(
                call.sender, call.serial, next(self._serials), signature, body
            )
            self._reply(call, Item(frame, Rank.REPLY, len(frame), call.sender))

    def refuse(self, call: Message, error: TetrasBackError) -> None:
        """Answer a call with an error."""
        if not call.flags & MessageFlag.NO_REPLY_EXPECTED:
            self._refuse(call.sender, call.serial, error)

    def watch(self, name: str, watching: bool) -> None:
        """Hear from the bus when the connection with this unique name goes, or no more."""
        self.send(
            Item(
                Message(
                    destination=names.DBUS_SERVICE,
                    path=names.DBUS_PATH,
                    interface=names.DBUS_INTERFACE,
                    member="AddMatch" if watching else "RemoveMatch",
                    signature="s",
                    body=[
                        f"type='signal',sender='{names.DBUS_SERVICE}',path='{names.DBUS_PATH}',"
                        f"interface='{names.DBUS_INTERFACE}',member='NameOwnerChanged',"
                        f"arg0='{name}'"
                    ],
                    flags=MessageFlag.NO_REPLY_EXPECTED,
                ),
                Rank.OWN,
                behalf=name,
            )
        )

    async def lost(self) -> str:
        """Waits until the connection is lost; the reason."""
        return await asyncio.shield(self._lost)

    def unsent(self) -> list[Any]:
        """The signals that the bus has not taken, oldest first."""
        items = [self._writing] if self._writing else []
        while len(self._outbox):
            items.append(self._outbox.take())
        return [item.signal for item in items if item.signal]

    async def close(self) -> None:
        """End it at once; what is queued is not sent any more."""
        self._lose("closed")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._near.close()
        self._sock.close()
        await self._library.close()

    # --- what moves the bytes ----------------------------------------------------------------

    async def _say_hello(self) -> None:
        connecting = asyncio.create_task(self._library.connect())
        try:
            await self._welcome()
            self._library.add_message_handler(self._decoded)
            for work in (self._read(), self._feed(), self._write(), self._outlive()):
                task = asyncio.create_task(work)
                task.add_done_callback(self._ended)
                self._tasks.append(task)
            either: list[asyncio.Future[Any]] = [connecting, self._lost]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._lost.done():
                raise Unreachable(f"the system bus does not answer ({self._lost.result()})")
            await connecting
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)

    async def _welcome(self) -> None:
        """Play the bus in the library's handshake."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._near, b"OK 0\r\n")
        begin = b"BEGIN\r\n"
        while begin not in self._encoded:
            self._encoded += await loop.sock_recv(self._near, _CHUNK)
        del self._encoded[: self._encoded.index(begin) + len(begin)]

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        splitter = gate.Splitter(self._frame_limit)
        while data := await loop.sock_recv(self._sock, _CHUNK):
            for frame, whole in splitter.feed(data):
                self._judge(frame, whole)
            await asyncio.sleep(0)  # data that is there already is read without a pause
        raise EOFError("it hung up")

    def _judge(self, frame: bytes, whole: bool) -> None:
        try:
            head = gate.read_head(frame)
        except gate.Malformed:
            return
        if head.kind != gate.CALL:
            if whole and self._is_ours(head, frame) and not self._inbox.put("", frame):
                raise EOFError("more is told than can be heard")
            return
        try:
            if not whole:
                raise LimitsExceeded("the message is too large; nothing here needs so much")
            self._handler.admit(head, frame)
            if not self._inbox.put(head.sender, frame):
                raise LimitsExceeded("too many requests at once; wait for the answers to some")
        except TetrasBackError as error:
            if head.wants_reply:
                self._refuse(head.sender, head.serial, error)

    def _is_ours(self, head: Head, frame: bytes) -> bool:
        """Whether it is an answer that we wait for, in a known form, or news that are heard."""
        if head.kind == gate.SIGNAL:
            return self._handler.hears(head, frame)
        hello = self._library.unique_name is None and head.sender == names.DBUS_SERVICE
        return head.signature in self._answers and (hello or head.reply_serial in self._pending)

    async def _feed(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._outbox.few()
            await loop.sock_sendall(self._near, await self._inbox.get())
            await asyncio.sleep(0)  # what came in is looked at in turn with all other work

    def _decoded(self, message: Message) -> bool:
        """The library's one message handler; False lets the library have what it asked for."""
        if message.message_type is MessageType.METHOD_CALL:
            self._handler.handle(self, message)
        elif message.message_type is MessageType.SIGNAL:
            self._handler.heard(message)
        elif message.reply_serial in self._pending:
            answer = self._pending[message.reply_serial]
            if not answer.done():
                answer.set_result(message)
        else:
            return False
        return True

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._sock, await self._next_encoded())  # Hello
        while True:
            self._writing = item = await self._outbox.get()
            data = await self._encode(item)
            await loop.sock_sendall(self._sock, data)
            self._writing = None
            await asyncio.sleep(0)

    async def _encode(self, item: Item) -> bytes:
        """The bytes of ITEM, which is told about them."""
        if isinstance(item.message, bytes):
            return item.message
        try:
            written = self._library.encode(item.message)
        except (ValueError, TypeError, AttributeError, struct.error):
            log.exception("a message could not be encoded: %s", item.message.member or "an answer")
            if item.sent:
                item.sent(None)
            if not item.destination:
                return b""
            return self._error(item.destination, item.message.reply_serial, INTERNAL)
        data = await self._next_encoded()
        await written
        if item.sent:
            item.sent(data)
        return data

    async def _outlive(self) -> None:
        """A message that the library cannot decode ends it without a word to anybody."""
        await asyncio.shield(self._library.gone())

    async def _next_encoded(self) -> bytes:
        """The next message out of the library."""
        loop = asyncio.get_running_loop()
        while not (size := gate.length_of(self._encoded)) or len(self._encoded) < size:
            data = await loop.sock_recv(self._near, _CHUNK)
            if not data:
                raise EOFError("the library hung up")
            self._encoded += data
        frame = bytes(self._encoded[:size])
        del self._encoded[:size]
        return frame

    def _queue(self, message: Message) -> None:
        """What the library says by itself, should it ever."""
        self.send(Item(message, Rank.REPLY, destination=message.destination or ""))

    def _reply(self, call: Message, item: Item) -> bool:
        queued = self.send(item)
        if not queued:
            self.refuse(call, LimitsExceeded("too many answers are waiting; read them first"))
        return queued

    def _refuse(self, destination: str, serial: int, error: TetrasBackError) -> None:
        frame = self._error(destination, serial, error)
        self.send(Item(frame, Rank.REPLY, len(frame), destination, behalf=destination))

    def _error(self, destination: str, serial: int, error: TetrasBackError) -> bytes:
        text = safe_text(str(error))
        return gate.error_frame(destination, serial, next(self._serials), error.dbus_name, text)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if not isinstance(error, (OSError, EOFError, gate.Malformed)):
            log.error("the connection to the bus failed", exc_info=error)
        self._lose(str(error))

    def _lose(self, reason: str) -> None:
        if self._lost.done():
            return
        self._lost.set_result(reason)
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the bus is lost"))


INTERNAL: Final = Failed("internal error; the journal has the details")
"""What a caller is told about a fault of ours."""
