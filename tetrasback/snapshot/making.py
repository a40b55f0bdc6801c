"""A whole snapshot: the team's work, then the files with several names, then the manifest."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from tetrasback.snapshot.late import Late
from tetrasback.snapshot.listing import written
from tetrasback.snapshot.manifest import Block, Manifest, Writer, read_line
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
        late.link(outcome, lambda: _all_lines(files, outcome, job.manifest))
        try:
            _write(output, files, outcome, late.lines, job.manifest, key)
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


def _all_lines(
    files: Sequence[BinaryIO], outcome: Outcome, before: Manifest | None
) -> Iterator[str]:
    for done in outcome.done:
        yield from _lines(files, done).decode("ascii").splitlines()
    if before is not None:
        for place in outcome.same:
            yield from before.text(place).splitlines()


def _write(
    output: BinaryIO,
    files: Sequence[BinaryIO],
    outcome: Outcome,
    late: Mapping[str, Sequence[str]],
    before: Manifest | None,
    key: bytes,
) -> None:
    """What the workers wrote, in order, with what came LATE in its place.

    Most often most stands in the manifest BEFORE, and that as far as the next change is one piece.
    """
    writer = Writer(output, key)
    fresh = {written(item.path): item for item in outcome.done}
    old = before.blocks if before is not None else {}
    run: list[tuple[str, Block]] = []

    def end_run() -> None:
        if before is not None and run:
            writer.copy(before, run)
            run.clear()

    for place in sorted([*fresh, *outcome.same]):
        done = fresh.get(place)
        if done is None:
            block = old[place]
            if run and run[-1][1].end != block.offset:
                end_run()
            run.append((place, block))
        else:
            end_run()
            writer.directory(place, *_with_late(done, _lines(files, done), late.get(done.path)))
    end_run()
    writer.close()


def _with_late(done: Done, lines: bytes, added: Sequence[str] | None) -> tuple[bytes, int, int]:
    """The LINES of a directory with those ADDED in their places, the number of files, their bytes."""
    if not added:
        return lines, done.files, done.bytes
    head, *rest = lines.decode("ascii").splitlines()
    rest = sorted([*rest, *added], key=lambda line: line.partition(" ")[0])
    size = sum(read_line(line).size for line in added)
    text = "\n".join([head, *rest, ""]).encode("ascii")
    return text, done.files + len(added), done.bytes + size
