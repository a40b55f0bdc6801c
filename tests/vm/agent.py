#!/usr/bin/python3
"""Runs commands in the guest for the tests on the host; `channel.Channel` is its other end.

Both ways a message is four bytes of length (big-endian) and as much JSON. Asked:
``{"id": N, "argv": [...], "input": BASE64, "seconds": S}``; answered, in the order in which the
commands end: ``{"id": N, "status": S, "out": BASE64, "err": BASE64}``, where S is the exit status,
minus the signal, or null if the time was up.
"""

import base64
import json
import os
import signal
import subprocess
import threading
import time

PORT = "/dev/virtio-ports/vm.agent"


class Agent:
    def __init__(self, port: int) -> None:
        self.port = port
        self.writing = threading.Lock()

    def serve(self) -> None:
        """Answer for ever, each command in a thread of its own."""
        while True:
            size = int.from_bytes(self.read(4))
            message = json.loads(self.read(size))
            threading.Thread(target=self.answer, args=(message,), daemon=True).start()

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = os.read(self.port, size - len(data))
            data += part
            if not part:  # nobody is at the other end: a new one starts anew
                data = b""
                time.sleep(0.05)
        return data

    def answer(self, message: dict[str, object]) -> None:
        answer = json.dumps({"id": message["id"], **execute(message)}).encode()
        with self.writing:
            rest = len(answer).to_bytes(4) + answer
            while rest:
                rest = rest[os.write(self.port, rest) :]


def execute(message: dict[str, object]) -> dict[str, object]:
    try:
        process = subprocess.Popen(
            message["argv"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )
    except OSError as error:
        return {"status": 127, "out": "", "err": base64.b64encode(str(error).encode()).decode()}
    status: int | None
    try:
        out, err = process.communicate(base64.b64decode(message["input"]), message["seconds"])
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        status = None
    return {
        "status": status,
        "out": base64.b64encode(out).decode(),
        "err": base64.b64encode(err).decode(),
    }


if __name__ == "__main__":
    Agent(os.open(PORT, os.O_RDWR)).serve()
