"""The host's end of the line to `agent.py` in the guest."""

import base64
import json
import select
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.harness.process import HarnessError

Done = subprocess.CompletedProcess[str]


class Channel:
    """A connection to the agent behind the socket PATH; commands may overlap."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._buffer = b""
        self._asked: dict[int, Sequence[str]] = {}
        self._done: dict[int, Done] = {}
        self._next = 1

    def close(self) -> None:
        self._socket.close()

    def start(self, argv: Sequence[str], data: bytes = b"", seconds: float = 240) -> int:
        """Have ARGV started, with DATA as its input; a number for `wait`."""
        number, self._next = self._next, self._next + 1
        message = json.dumps(
            {
                "id": number,
                "argv": argv,
                "input": base64.b64encode(data).decode(),
                "seconds": seconds,
            }
        ).encode()
        self._asked[number] = argv
        self._socket.sendall(len(message).to_bytes(4) + message)
        return number

    def wait(self, number: int, seconds: float = 300) -> Done:
        """How the command NUMBER ended; a status of -9 also stands for one that took too long."""
        end = time.monotonic() + seconds
        while number not in self._done:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                raise HarnessError(f"no answer from the guest: {' '.join(self._asked[number])}")
            self._receive()
        return self._done.pop(number)

    def ended(self, number: int) -> bool:
        """Whether the command NUMBER has ended."""
        while number not in self._done and select.select([self._socket], [], [], 0)[0]:
            self._receive()
        return number in self._done

    def _receive(self) -> None:
        data = self._socket.recv(1 << 16)
        if not data:
            raise HarnessError("the guest has gone away")
        self._buffer += data
        while len(self._buffer) >= 4:
            size = int.from_bytes(self._buffer[:4])
            if len(self._buffer) < 4 + size:
                return
            message = json.loads(self._buffer[4 : 4 + size])
            self._buffer = self._buffer[4 + size :]
            out, err = (
                base64.b64decode(message[name]).decode(errors="surrogateescape")
                for name in ("out", "err")
            )
            status = -9 if message["status"] is None else message["status"]
            number = message["id"]
            self._done[number] = subprocess.CompletedProcess(
                self._asked.pop(number), status, out, err
            )
