import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tetrasback.adapters.inotify import COALESCE_SECONDS, DirectoryWatch

NAME = "configuration.toml"
LIMIT = 10


class Heard:
    """Counts the calls and lets a test wait for the next one."""

    def __init__(self) -> None:
        self.calls = 0
        self._event = asyncio.Event()

    def __call__(self) -> None:
        self.calls += 1
        self._event.set()

    async def once(self) -> None:
        """The next call; there may have been one since the last time."""
        async with asyncio.timeout(LIMIT):
            await self._event.wait()
        self._event.clear()


def queue_length() -> int:
    """How many events the kernel keeps for a reader."""
    return int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())


@contextmanager
def watching(directory: Path) -> Iterator[Heard]:
    heard = Heard()
    watch = DirectoryWatch(directory, {NAME}, heard)
    try:
        yield heard
    finally:
        watch.close()
        watch.close()


async def test_writing_renaming_and_deleting_are_told(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with watching(tmp_path) as heard:
        path.write_text("a")
        await heard.once()
        path.write_text("b")
        await heard.once()
        (tmp_path / "new").write_text("c")
        (tmp_path / "new").rename(path)
        await heard.once()
        path.rename(tmp_path / "old")
        await heard.once()
        (tmp_path / "old").rename(path)
        await heard.once()
        path.unlink()
        await heard.once()
        assert heard.calls == 6


async def test_other_files_are_not_told(tmp_path: Path) -> None:
    with watching(tmp_path) as heard:
        for number in range(100):
            (tmp_path / f"other{number}").write_text("x")
        (tmp_path / NAME).write_text("x")
        await heard.once()
        assert heard.calls == 1


async def test_a_burst_is_told_once(tmp_path: Path) -> None:
    with watching(tmp_path) as heard:
        for number in range(50):
            (tmp_path / NAME).write_text(str(number))
        await heard.once()
        assert heard.calls == 1


async def test_writing_without_end_is_told_all_the_same(tmp_path: Path) -> None:
    with watching(tmp_path) as heard:

        async def write() -> None:
            while True:
                (tmp_path / NAME).write_text("x")
                await asyncio.sleep(COALESCE_SECONDS / 4)

        writing = asyncio.create_task(write())
        await heard.once()
        writing.cancel()
        await asyncio.wait([writing])


async def test_a_directory_that_comes_later_is_watched(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    with watching(directory) as heard:
        (tmp_path / "a").mkdir()
        await heard.once()
        directory.mkdir()
        await heard.once()
        (directory / NAME).write_text("x")
        await heard.once()


async def test_a_directory_that_comes_at_once_with_its_file_is_told(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    with watching(directory) as heard:
        directory.mkdir(parents=True)
        (directory / NAME).write_text("x")
        await heard.once()
        (directory / NAME).write_text("y")
        await heard.once()


async def test_a_replaced_directory_is_watched(tmp_path: Path) -> None:
    directory = tmp_path / "etc"
    directory.mkdir()
    with watching(directory) as heard:
        directory.rename(tmp_path / "old")
        await heard.once()
        directory.mkdir()
        await heard.once()
        (tmp_path / "old" / NAME).write_text("of no interest")
        (directory / NAME).write_text("x")
        await heard.once()
        shutil.rmtree(directory)
        await heard.once()
        directory.mkdir()
        await heard.once()
        (directory / NAME).write_text("x")
        await heard.once()


async def test_lost_events_are_told(tmp_path: Path) -> None:
    limit = queue_length()
    with watching(tmp_path) as heard:
        # More events than the queue holds, in one turn of the loop, none of them about our file.
        one, two = tmp_path / "1", tmp_path / "2"
        one.touch()
        for _ in range(limit // 4 + 1):
            one.rename(two)
            two.rename(one)
        await heard.once()


async def test_close_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with watching(tmp_path) as heard:
            (tmp_path / NAME).write_text("x")
    await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) == before
    assert heard.calls == 0
