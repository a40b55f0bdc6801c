"""Queues that strangers cannot grow, and in which nobody waits for another."""

from tetrasback.core.signals import DiskForgotten
from tetrasback.service import queues
from tetrasback.service.queues import Inbox, Item, Outbox, Rank, Turns


def to(destination: str, size: int = 100, message: object = None) -> Item:
    return Item(message, Rank.REPLY, size, destination)


async def test_inbox_takes_one_of_each_sender_in_turn() -> None:
    inbox = Inbox()
    for number in range(queues.NEW_TURNS + 2):
        inbox.put(":1.1", b"flood")
        if number < queues.NEW_TURNS:
            assert await inbox.get() == b"flood"
            inbox.put(":1.1", b"flood")
    for _ in range(3):
        inbox.put(":1.2", b"quiet")
    inbox.put("", b"own")
    found = [await inbox.get() for _ in range(7)]
    assert found[0] == b"own"
    assert found[1:].count(b"quiet") == 3
    assert found.index(b"quiet") <= 2


async def test_turns_a_newcomer_comes_before_hundreds() -> None:
    turns: Turns[int] = Turns()
    for number in range(1000):
        for stranger in range(200):
            turns.put(f":1.{stranger}", number)
        turns.take()
    turns.put(":2.1", -1)
    assert ":2.1" in [turns.take()[0] for _ in range(2)]


async def test_turns_newcomers_without_end_make_nobody_wait_for_ever() -> None:
    turns: Turns[int] = Turns()
    for stranger in range(10):
        turns.put(f":1.{stranger}", 0)
    taken = []
    for newcomer in range(30):
        turns.put(f":2.{newcomer}", 0)
        taken.append(turns.take()[0])
    assert {f":1.{stranger}" for stranger in range(10)} <= set(taken)


async def test_turns_keep_the_order_of_each_and_drop_of_who_has_most() -> None:
    turns: Turns[int] = Turns()
    for number in range(10):
        turns.put(":1.1", number)
    for number in range(3):
        turns.put(":1.2", number)
    assert turns.drop() == 0
    taken = [turns.take() for _ in range(len(turns))]
    assert [number for whose, number in taken if whose == ":1.1"] == list(range(1, 10))
    assert [number for whose, number in taken if whose == ":1.2"] == list(range(3))
    assert len(turns) == 0


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


async def test_outbox_lets_what_is_on_behalf_of_strangers_overtake() -> None:
    outbox = Outbox()
    ordered = [to(":1.1", message=number) for number in range(100)]
    for item in ordered:
        assert outbox.put(item)
    refusal = Item(b"", Rank.REPLY, 100, ":1.2", behalf=":1.2")
    assert outbox.put(refusal)
    assert refusal in [await outbox.get() for _ in range(2)]
    assert [await outbox.get() for _ in range(99)] == ordered[1:]


async def test_outbox_full_of_refusals_drops_those_of_who_has_most() -> None:
    outbox = Outbox()
    for number in range(queues.OUT_MESSAGES + 5000):
        whose = f":1.{number % 30}"
        outbox.put(Item(b"", Rank.REPLY, 100, whose, behalf=whose))
    assert len(outbox) == queues.OUT_MESSAGES
    quiet = Item(b"", Rank.REPLY, 100, ":2.1", behalf=":2.1")
    matters = Item(None, Rank.SIGNAL)
    assert outbox.put(quiet)
    assert outbox.put(matters)
    assert len(outbox) == queues.OUT_MESSAGES
    taken = [await outbox.get() for _ in range(3)]
    assert quiet in taken
    assert matters in taken
