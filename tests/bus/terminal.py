"""A command on a terminal of its own, with somebody who answers."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Mapping, Sequence


def converse(
    argv: Sequence[str], environment: Mapping[str, str], typed: str, question: str = "):"
) -> tuple[int, str]:
    """Run ARGV, and type when what is shown ends with QUESTION; its exit code, what was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "-c", "-w", *argv],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=dict(environment),
        cwd="/",
    )
    os.close(theirs)
    shown, asked = "", False
    end = time.monotonic() + 30
    try:
        while time.monotonic() < end:
            if shown.rstrip().endswith(question) and not asked:
                asked = True
                os.write(ours, typed.encode())
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                shown += os.read(ours, 4096).decode(errors="replace")
            except OSError:
                break  # it has left the terminal
        return process.wait(10), shown
    finally:
        process.kill()
        process.wait()
        os.close(ours)
