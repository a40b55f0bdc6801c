"""A whole snapshot: the team's work, then the files with several names, then the manifest."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from tetrasback.snapshot.late import Late
from tetrasback.snapshot.listing import written
from tetrasback.snapshot.manifest import Writer, read_line
from tetrasback.snapshot.teamwork import Done, Listener, Outcome, Team
from tetrasback.snapshot.troubles import DiskTrouble, disk_trouble, words
from tetrasback.snapshot.worker import Job, Worker


def make(job: Job, manifest: Path, key: bytes, jobs: int, listener: Listener) -> None:
    """Fill JOB's target, and write its MANIFEST (which must not exist), sealed with KEY.

    Raises DiskTrouble; what is half made is then the caller's to remove.
    """
    with ExitStack() as stack:
        try:
            files = [
                stack.enter_context(tempfile.TemporaryFile(dir=manifest.parent))
                for _ in range(jobs)
            ]
            output = stack.enter_context(manifest.open("xb"))
        except OSError as error:
            raise disk_trouble(error, str(manifest)) from error
        with Team(files, lambda reporter: Worker(job, reporter), listener) as team:
            outcome = team.run()
        late = Late(job, listener)
        late.link(outcome, lambda: _all_lines(files, outcome))
        try:
            _write(output, files, outcome, late.lines, key)
            output.flush()
        except OSError as error:
            raise disk_trouble(error, str(manifest)) from error
        try:
            os.fsync(output.fileno())
        except OSError as error:
            # Room was given when it was written: whatever the kernel says, the disk took it back.
            raise DiskTrouble(f"{manifest}: cannot be synced: {words(error)}") from error


def _lines(files: Sequence[BinaryIO], done: Done) -> bytes:
    return os.pread(files[done.worker].fileno(), done.length, done.offset)


def _all_lines(files: Sequence[BinaryIO], outcome: Outcome) -> Iterator[str]:
    for done in outcome.done:
        yield from _lines(files, done).decode("ascii").splitlines()


def _write(
    output: BinaryIO,
    files: Sequence[BinaryIO],
    outcome: Outcome,
    late: Mapping[str, Sequence[str]],
    key: bytes,
) -> None:
    """What the workers wrote, in order, with what came LATE in its place."""
    writer = Writer(output, key)
    for path, done in sorted((written(item.path), item) for item in outcome.done):
        lines, count, size = _lines(files, done), done.files, done.bytes
        added = late.get(done.path)
        if added:
            head, *rest = lines.decode("ascii").splitlines()
            rest = sorted([*rest, *added], key=lambda line: line.partition(" ")[0])
            lines = "\n".join([head, *rest, ""]).encode("ascii")
            count += len(added)
            size += sum(read_line(line).size for line in added)
        writer.directory(path, lines, count, size)
    writer.close()
