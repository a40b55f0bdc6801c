"""A mail server for one connection, on standard input and output: keeps what it is given.

QEMU starts it for each connection of the guest: ``sink.py DIRECTORY``. A mail becomes the file
DIRECTORY/TIME.eml, of SMTP (RFC 5321) there is as much as a sendmail needs.
"""

import sys
import time
from pathlib import Path
from typing import BinaryIO


def serve(asked: BinaryIO, said: BinaryIO, directory: Path) -> None:
    def say(line: str) -> None:
        said.write(f"{line}\r\n".encode())
        said.flush()

    say("220 mail ready")
    while line := asked.readline():
        verb = line[:4].upper()
        if verb == b"DATA":
            say("354 go on")
            mail = read_mail(asked)
            name = directory / f"{time.time_ns()}.eml"
            part = name.with_suffix(".part")
            part.write_bytes(mail)
            part.rename(name)
            say("250 kept")
        elif verb == b"QUIT":
            say("221 bye")
            return
        else:
            say("250 mail")


def read_mail(asked: BinaryIO) -> bytes:
    """Up to the line that is a dot alone; other lines that begin with one have it doubled."""
    lines = []
    while (line := asked.readline()) and line.rstrip(b"\r\n") != b".":
        lines.append(line.removeprefix(b".").replace(b"\r\n", b"\n"))
    return b"".join(lines)


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer, Path(sys.argv[1]))
