"""Queues that strangers cannot grow, and in which nobody waits for another."""

from tetrasback.core.signals import DiskForgotten
from tetrasback.service import queues
from tetrasback.service.queues import Inbox, Item, Outbox, Rank


def to(destination: str, size: int = 100, message: object = None) -> Item:
    return Item(message, Rank.REPLY, size, destination)


async def test_inbox_takes_one_of_each_sender_in_turn() -> None:
    inbox = Inbox()
    for number in range(3):
        inbox.put(":1.1", b"flood%d" % number)
    inbox.put(":1.2", b"quiet")
    inbox.put("", b"own")
    assert [await inbox.get() for _ in range(5)] == [
        b"own",
        b"flood0",
        b"quiet",
        b"flood1",
        b"flood2",
    ]


async def test_inbox_bounds_each_sender_and_all() -> None:
    inbox = Inbox()
    taken = sum(inbox.put(":1.1", b"x") for _ in range(10_000))
    assert taken == queues.WAITING_FROM_ONE
    assert inbox.put(":1.2", b"x")
    assert not inbox.put(":1.3", bytes(queues.WAITING_BYTES_FROM_ONE + 1))
    large = bytes(queues.WAITING_BYTES_FROM_ONE)
    assert sum(inbox.put(f":2.{n}", large) for n in range(100)) < 16
    for _ in range(taken):
        await inbox.get()
    assert inbox.put(":1.1", b"x")


async def test_outbox_keeps_the_order() -> None:
    outbox = Outbox()
    items = [to(":1.1"), Item(None, Rank.SIGNAL), to(":1.2"), Item(None, Rank.OWN)]
    for item in items:
        assert outbox.put(item)
    assert [await outbox.get() for _ in items] == items
    assert len(outbox) == 0


async def test_outbox_bounds_each_destination() -> None:
    outbox = Outbox()
    assert sum(outbox.put(to(":1.1")) for _ in range(5000)) == queues.OUT_TO_ONE
    assert sum(outbox.put(to(":1.2", 1 << 20)) for _ in range(10)) == 4
    assert outbox.put(to(":1.3"))
    await outbox.get()
    assert outbox.put(to(":1.1"))


async def test_outbox_drops_replies_first_then_progress_and_never_what_matters() -> None:
    outbox = Outbox()
    matters = [Item(None, Rank.SIGNAL, signal=DiskForgotten(str(n))) for n in range(100)]
    for number in range(queues.OUT_MESSAGES):
        outbox.put(to(f":1.{number}"))
    for item in matters:
        assert outbox.put(item)
    assert len(outbox) == queues.OUT_MESSAGES
    while len(outbox) > 100:
        assert (await outbox.get()).rank is Rank.REPLY
    for item in matters:
        assert await outbox.get() is item
    for _ in range(queues.OUT_MESSAGES):
        assert outbox.put(Item(None, Rank.SIGNAL))
    assert not outbox.put(Item(None, Rank.PROGRESS))
    assert not outbox.put(to(":1.1"))


async def test_outbox_joins_bytes_that_are_ready() -> None:
    outbox = Outbox()
    for message in (b"a", b"b", "other", b"c"):
        outbox.put(to(":1.1", message=message))
    assert [item.message for item in outbox.ready_bytes()] == [b"a", b"b"]
    assert (await outbox.get()).message == "other"
