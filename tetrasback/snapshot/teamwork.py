"""The processes of a snapshot: one that hands out work and writes the manifest, others that do it.

Threads would gain nothing: the work is many small system calls. Each worker takes a directory, does
it and what is below it, and gives directories away while another one has nothing to do.

Messages, each one datagram: a letter and its content. To a worker: ``d`` PATH (do it), ``e``
(end). From a worker: ``i`` (idle), ``g`` PATH (for somebody else), ``b`` (directories whose lines
are in its file, each: length of PATH, offset, length, files, bytes, PATH), ``s`` (directories whose
lines are as before, each: PLACE, NUL), ``l`` (left for later: device, inode, again, PATH), ``u``
``v`` ``c`` ``m`` ``a`` ``t`` (unreadable, vanished, changing, damaged, lacking attributes, touched:
PATH, and NUL WORDS),
``f`` (end of all: full, WORDS).
"""

import gc
import mmap
import os
import selectors
import signal
import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import BinaryIO, Final, Protocol

from tetrasback.snapshot.troubles import DiskTrouble

MESSAGE_MAX: Final = 1 << 16
"""Bytes; a path longer than about that is reported as unreadable."""

TICK: Final = 0.25
"""Seconds between two looks at the counters."""

BATCH: Final = 1 << 15
"""Bytes of reports that are sent together: each message wakes another process up."""

GARBAGE: Final = 100_000
"""Objects after which it is looked for circles of them: there are none, but long directories."""

_BLOCK: Final = struct.Struct("<HQQQQ")
_LINKED: Final = struct.Struct("<QQ?")
_COUNTERS: Final = struct.Struct("<QQ")
_SLOT: Final = 64


class Crew(Protocol):
    """What a worker runs: `worker.Worker`, or `plan.Planner`."""

    def directory(self, path: str) -> list[str]:
        """Do a directory; the paths of those in it."""


@dataclass(frozen=True, slots=True)
class Done:
    """A directory whose lines lie in the file of a worker."""

    path: str
    worker: int
    offset: int
    length: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Linked:
    """A name, left for later, of the file (device, inode)."""

    path: str
    file: tuple[int, int]
    again: bool


class Listener(Protocol):
    """Who hears what the workers meet."""

    def met(self, kind: str, path: str, why: str) -> None:
        """KIND is ``unreadable``, ``vanished``, ``changing``, ``damaged`` or ``lacking``."""

    def progress(self, size: int, files: int) -> None:
        """So many bytes copied and entries done by all, from time to time."""


@dataclass(slots=True)
class Outcome:
    """What the workers leave behind."""

    done: list[Done] = field(default_factory=list)
    linked: list[Linked] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    same: list[str] = field(default_factory=list)
    """Directories, as written, whose lines are those of the manifest before."""


_KINDS: Final = {
    "u": "unreadable",
    "v": "vanished",
    "c": "changing",
    "m": "damaged",
    "a": "lacking",
}


class Reporter:
    """A worker's side of the channel; implements `job.Reports`."""

    def __init__(self, channel: socket.socket, board: mmap.mmap, number: int, file: BinaryIO):
        self._channel = channel
        self._board = board
        self._slot = _SLOT * (number + 1)
        self._file = file
        self._offset = 0
        self._bytes = 0
        self._files = 0
        self._blocks = bytearray()
        self._same = bytearray()

    def _send(self, kind: str, path: str, why: str = "") -> None:
        data = kind.encode() + os.fsencode(path)
        self._channel.send(data[:MESSAGE_MAX] + (b"\0" + os.fsencode(why) if why else b""))

    def unreadable(self, path: str, why: str) -> None:
        self._send("u", path, why)

    def vanished(self, path: str) -> None:
        self._send("v", path)

    def changing(self, path: str) -> None:
        self._send("c", path)

    def lacking(self, path: str, names: str) -> None:
        self._send("a", path, names)

    def damaged(self, path: str) -> None:
        self._send("m", path)

    def touched(self, path: str) -> None:
        self._send("t", path)

    def linked(self, path: str, status: os.stat_result, again: bool) -> None:
        head = _LINKED.pack(status.st_dev, status.st_ino, again)
        self._channel.send(b"l" + head + os.fsencode(path))

    def block(self, path: str, lines: bytes, files: int, size: int) -> None:
        self._file.write(lines)
        name = os.fsencode(path)
        self._blocks += _BLOCK.pack(len(name), self._offset, len(lines), files, size) + name
        self._offset += len(lines)
        if len(self._blocks) > BATCH:
            self._send_blocks()

    def same(self, place: str) -> None:
        self._same += place.encode("ascii") + b"\0"
        if len(self._same) > BATCH:
            self._send_blocks()

    def _send_blocks(self) -> None:
        for kind, reports in ((b"b", self._blocks), (b"s", self._same)):
            if reports:
                self._channel.send(kind + reports)
                reports.clear()

    def count(self, size: int) -> None:
        self._bytes += size
        _COUNTERS.pack_into(self._board, self._slot, self._bytes, self._files)

    def count_files(self, files: int) -> None:
        self._files += files
        _COUNTERS.pack_into(self._board, self._slot, self._bytes, self._files)

    def work(self, crew: Crew, long: Mapping[str, int]) -> None:
        """Take directories until there are none. What ends it all is told, not raised.

        The LONG ones, and those above them, have a number of entries; they are done first.
        """
        try:
            while True:
                self._send_blocks()
                self._channel.send(b"i")
                message = self._channel.recv(2 * MESSAGE_MAX)
                if message[:1] != b"d":
                    self._file.flush()
                    return
                self._below(crew, os.fsdecode(message[1:]), long)
        except DiskTrouble as error:
            self._channel.send(b"f" + bytes([error.full]) + os.fsencode(str(error)))

    def _below(self, crew: Crew, path: str, long: Mapping[str, int]) -> None:
        stack = [path]
        while stack:
            path = stack.pop()
            while path in long and stack:
                self._send("g", stack.pop())  # or others would wait for the end of this one
            below = crew.directory(path)
            if long:
                below.sort(key=lambda path: -long.get(path, 0))
            for path in reversed(below):
                if len(os.fsencode(path)) >= MESSAGE_MAX:
                    self.unreadable(path[:1000] + "…", "its path is too long")
                else:
                    stack.append(path)
            if len(stack) > 1 and self._board[0]:
                self._send("g", stack.pop(0))  # the one nearest to the root is the largest


class Team:
    """COUNT forked workers that write into FILES, one for each. Use it as a context."""

    def __init__(
        self,
        files: Iterable[BinaryIO],
        crew: Callable[[Reporter], Crew],
        listener: Listener,
        long: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """LONG directories (those that have most entries) and those above them → number of entries
        of the longest. Those that come last should be short, so that all end together."""
        self._files = list(files)
        self._long = long
        self._crew = crew
        self._listener = listener
        self._board = mmap.mmap(-1, _SLOT * (len(self._files) + 1))
        self._most = [(0, 0)] * len(self._files)
        self._channels: list[socket.socket] = []
        self._processes: list[int] = []

    def __enter__(self) -> "Team":
        gc.freeze()  # what there is by now is shared, as long as nobody looks at it
        for number, file in enumerate(self._files):
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            process = os.fork()
            if process == 0:
                self._be_worker(number, theirs, file, ours)
            theirs.close()
            self._channels.append(ours)
            self._processes.append(process)
        return self

    def _be_worker(
        self, number: int, channel: socket.socket, file: BinaryIO, ours: socket.socket
    ) -> None:
        status = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            gc.set_threshold(GARBAGE)
            for other in (*self._channels, ours):
                other.close()
            reporter = Reporter(channel, self._board, number, file)
            reporter.work(self._crew(reporter), self._long)
            status = 0
        except (BrokenPipeError, ConnectionResetError):
            pass  # whom we work for has gone
        except BaseException:
            import traceback  # which takes long to load, and is hardly ever needed

            traceback.print_exc()
        finally:
            os._exit(status)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for channel in self._channels:
            channel.close()
        for process in self._processes:
            if kind is not None:
                os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        self._board.close()

    def run(self) -> Outcome:
        """Have the root and everything below it done. Raises DiskTrouble, or what a worker met."""
        outcome = Outcome()
        waiting = [""]
        idle: list[int] = []
        with selectors.DefaultSelector() as selector:
            for number, channel in enumerate(self._channels):
                selector.register(channel, selectors.EVENT_READ, number)
            while waiting or len(idle) < len(self._channels):
                for key, _ in selector.select(TICK):
                    self._heed(key.data, outcome, waiting, idle)
                while waiting and idle:
                    self._channels[idle.pop()].send(b"d" + os.fsencode(waiting.pop(0)))
                self._board[0] = len(idle) if not waiting else 0
                self._listener.progress(*self._counted())
        for channel in self._channels:
            channel.send(b"e")
        for channel in self._channels:
            channel.recv(1)  # its end: its file is written
        return outcome

    def _counted(self) -> tuple[int, int]:
        slots = (
            _COUNTERS.unpack_from(self._board, _SLOT * (number + 1))
            for number in range(len(self._channels))
        )
        # A slot may be read while it is written; nothing ever becomes less.
        self._most = [
            (max(size, most[0]), max(files, most[1]))
            for (size, files), most in zip(slots, self._most, strict=True)
        ]
        return sum(size for size, _ in self._most), sum(files for _, files in self._most)

    def _heed(self, number: int, outcome: Outcome, waiting: list[str], idle: list[int]) -> None:
        message = self._channels[number].recv(4 * MESSAGE_MAX)
        kind, content = message[:1].decode(), message[1:]
        if kind == "i":
            idle.append(number)
        elif kind == "g":
            waiting.append(os.fsdecode(content))
        elif kind == "b":
            outcome.done += _blocks(number, content)
        elif kind == "s":
            outcome.same += content[:-1].decode("ascii").split("\0")
        elif kind == "l":
            device, inode, again = _LINKED.unpack_from(content)
            path = os.fsdecode(content[_LINKED.size :])
            outcome.linked.append(Linked(path, (device, inode), again))
        elif kind == "t":
            outcome.touched.add(os.fsdecode(content))
        elif kind == "f":
            raise DiskTrouble(os.fsdecode(content[1:]), full=bool(content[0]))
        elif kind in _KINDS:
            path, _, why = os.fsdecode(content).partition("\0")
            self._listener.met(_KINDS[kind], path, why)
        else:
            raise ChildProcessError("a process of the snapshot ended before its work")


def _blocks(number: int, content: bytes) -> Iterator[Done]:
    position = 0
    while position < len(content):
        length, *figures = _BLOCK.unpack_from(content, position)
        position += _BLOCK.size
        path = os.fsdecode(content[position : position + length])
        position += length
        yield Done(path, number, *figures)
