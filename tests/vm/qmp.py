"""QEMU's machine protocol: commands, and the events that tell of their end.

The format is that of QEMU's docs/interop/qmp-spec: one JSON object a line, a greeting first.
"""

import json
import socket
import time
from pathlib import Path
from typing import Any

from tests.harness.process import HarnessError


class Qmp:
    """A connection to the QMP socket at PATH."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._socket.settimeout(60)
        self._lines = self._socket.makefile("rb")
        self._events: list[dict[str, Any]] = []
        self._message()  # the greeting
        self.do("qmp_capabilities")

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def do(self, command: str, **arguments: Any) -> Any:
        """What COMMAND returns; in the names of ARGUMENTS a "_" stands for "-"."""
        words = {name.replace("_", "-"): value for name, value in arguments.items()}
        line = json.dumps({"execute": command, "arguments": words})
        self._socket.sendall(line.encode() + b"\n")
        while True:
            message = self._message()
            if "error" in message:
                raise HarnessError(f"QEMU, {command}: {message['error']['desc']}")
            if "return" in message:
                return message["return"]
            self._events.append(message)

    def event(self, name: str, seconds: float = 60, **data: Any) -> dict[str, Any]:
        """The first event NAME with DATA among its data that nobody has waited for yet."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for message in self._events:
                found = message.get("data", {})
                if message["event"] == name and data.items() <= found.items():
                    self._events.remove(message)
                    return found
            self._events.append(self._message())
        raise HarnessError(f"no event {name} of QEMU in {seconds:g} s")

    def _message(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise HarnessError("QEMU has gone away")
        return json.loads(line)
