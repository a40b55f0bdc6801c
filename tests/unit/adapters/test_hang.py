"""Steps in threads: their results, giving up, and what becomes of late ones."""

import asyncio
import itertools
import threading

import pytest

from tetrasback.adapters import hang
from tetrasback.ports import Fault


def still() -> str:
    return "0"


async def test_the_result_and_the_error_of_a_step_come_back() -> None:
    assert await hang.run(lambda: 7, still, "counting") == 7
    with pytest.raises(ValueError, match="wrong"):
        await hang.run(lambda: _raise(ValueError("wrong")), still, "counting")
    with pytest.raises(Fault):
        await hang.run(lambda: _raise(Fault("disk-full", "full")), still, "counting")


async def test_a_step_on_a_disk_that_stands_still_is_given_up_and_undone_later() -> None:
    free, undone = threading.Event(), threading.Event()

    def step() -> int:
        free.wait(20)
        return 5

    results: list[int] = []

    def undo(result: int) -> None:
        results.append(result)
        undone.set()

    with pytest.raises(Fault) as caught:
        await hang.run(step, still, "unmounting /dev/sdx", patience=0.1, undo=undo)
    assert caught.value.code == "disk-error"
    assert "unmounting /dev/sdx" in caught.value.message
    assert results == []
    free.set()
    assert await asyncio.to_thread(undone.wait, 20)
    assert results == [5]


async def test_a_step_on_a_slow_disk_is_waited_for() -> None:
    free, counter = threading.Event(), itertools.count()

    def moving() -> str:
        count = next(counter)
        if count > 20:  # far beyond the patience of a disk that stands still
            free.set()
        return str(count)

    assert await hang.run(lambda: free.wait(20), moving, "syncing", patience=0.04)


async def test_a_cancelled_step_is_undone() -> None:
    begun, free, undone = threading.Event(), threading.Event(), threading.Event()

    def step() -> int:
        begun.set()
        free.wait(20)
        return 1

    waiting = asyncio.create_task(
        hang.run(step, still, "opening", undo=lambda result: undone.set())
    )
    assert await asyncio.to_thread(begun.wait, 20)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    free.set()
    assert await asyncio.to_thread(undone.wait, 20)


def test_a_step_that_ends_after_the_loop_is_no_error() -> None:
    free = threading.Event()

    async def begin() -> None:
        with pytest.raises(Fault):
            await hang.run(lambda: free.wait(20), still, "opening", patience=0.05)

    asyncio.run(begin())
    before = [thread for thread in threading.enumerate() if thread.name == "opening"]
    free.set()
    for thread in before:
        thread.join(20)
        assert not thread.is_alive()


def _raise(error: Exception) -> None:
    raise error
