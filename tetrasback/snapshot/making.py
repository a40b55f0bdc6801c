"""A whole snapshot: the team's work, then the files with several names, then the manifest."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

from tetrasback.snapshot import subvolumes
from tetrasback.snapshot.job import Job
from tetrasback.snapshot.late import Late
from tetrasback.snapshot.listing import written
from tetrasback.snapshot.manifest import Block, Manifest, Writer, decode_name, read_line
from tetrasback.snapshot.syncing import Disk
from tetrasback.snapshot.teamwork import Done, Listener, Outcome, Team
from tetrasback.snapshot.troubles import disk_trouble
from tetrasback.snapshot.worker import Worker

LONG: Final = 1000
"""So many entries make a directory a long one."""


def make(job: Job, manifest: Path, key: bytes, jobs: int, listener: Listener, disk: Disk) -> None:
    """Fill JOB's target, and write its MANIFEST (which must not exist), sealed with KEY.

    DISK has both, from before the first write; it is synced in the end.

    Raises DiskTrouble; what is half made is then the caller's to remove.
    """
    with ExitStack() as stack:
        try:
            files = [stack.enter_context(_nameless(manifest.parent)) for _ in range(jobs)]
            output = stack.enter_context(manifest.open("xb"))
        except OSError as error:
            raise disk_trouble(error, str(manifest)) from error
        long = _long_directories(job.manifest) if job.manifest is not None else {}
        with Team(files, lambda reporter: Worker(job, reporter), listener, long) as team:
            disk.keep_syncing()  # only now: a thread is not for a process that forks
            outcome = team.run()
        late = Late(job, listener)
        lines = _Lines(files, outcome, job.manifest)
        late.link(outcome, lines)
        disk.begin_sync()  # it takes long, and what is left does not
        try:
            writer = Writer(output, key)
            _write(writer, lines, late.lines)
            if subvolumes.is_subvolume(job.target.root):
                disk.await_sync()  # what is not written yet would be a change to come
            writer.close(subvolumes.state(job.target.root))
        except OSError as error:
            raise disk_trouble(error, str(manifest)) from error
        disk.sync()


def _long_directories(before: Manifest) -> dict[str, int]:
    """See `teamwork.Team`."""
    found: dict[str, int] = {}
    for place, block in before.blocks.items():
        if block.files >= LONG:
            path = decode_name(place.removeprefix("./"))
            while path and found.get(path, 0) < block.files:
                found[path] = block.files
                path = path.rpartition("/")[0]
    return found


def _nameless(directory: Path) -> BinaryIO:
    """A new file that is gone when it is closed. Raises OSError."""
    try:
        return open(os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600), "w+b")
    except OSError:  # not every file system has such
        import tempfile  # which takes long to load

        return tempfile.TemporaryFile(dir=directory)


class _Lines:
    """See `late.Lines`. What is new lies in the FILES of the workers."""

    def __init__(
        self, files: Sequence[BinaryIO], outcome: Outcome, before: Manifest | None
    ) -> None:
        self._files = files
        self.before = before
        self.new = {written(item.path): item for item in outcome.done}
        """By the directory's path, as written."""
        self.same = frozenset(outcome.same)

    def of(self, done: Done) -> bytes:
        return os.pread(self._files[done.worker].fileno(), done.length, done.offset)

    def _text(self, place: str) -> str:
        done = self.new.get(place)
        if done is not None:
            return self.of(done).decode("ascii")
        # One that was left out may have lines in the manifest before, but no copy.
        return self.before.text(place) if self.before is not None and place in self.same else ""

    def all(self) -> Iterator[str]:
        for place in (*self.new, *self.same):
            yield from self._text(place).splitlines()

    def directory(self, path: str) -> str:
        return self._text(written(path)).partition("\n")[0]


def _write(writer: Writer, lines: _Lines, late: Mapping[str, Sequence[str]]) -> None:
    """What the workers wrote, in order, with what came LATE in its place.

    Most often most stands in the manifest before, and that as far as the next change is one piece.
    """
    before = lines.before
    run: list[tuple[str, Block]] = []

    def end_run() -> None:
        if before is not None and run:
            writer.copy(before, run)
            run.clear()

    for place in sorted([*lines.new, *lines.same]):
        done = lines.new.get(place)
        if done is not None:
            end_run()
            writer.directory(place, *_with_late(done, lines.of(done), late.get(done.path)))
        elif before is not None:
            block = before.blocks[place]
            if run and run[-1][1].end != block.offset:
                end_run()
            run.append((place, block))
    end_run()


def _with_late(done: Done, lines: bytes, added: Sequence[str] | None) -> tuple[bytes, int, int]:
    """The LINES of a directory with those ADDED in their places; its files, and their bytes."""
    if not added:
        return lines, done.files, done.bytes
    head, *rest = lines.decode("ascii").splitlines()
    rest = sorted([*rest, *added], key=lambda line: line.partition(" ")[0])
    size = sum(read_line(line).size for line in added)
    text = "\n".join([head, *rest, ""]).encode("ascii")
    return text, done.files + len(added), done.bytes + size
