"""While a disk is held, plugging it in starts no backup; released, it gets the one it waits for."""

import pytest

from tests.unit.core.world import SECOND, UUIDS, World, device, disk, ready
from tetrasback.core import events, signals
from tetrasback.errors import Busy, UnknownDisk

HOUR = 3600


def hold(world: World, uuid: str = UUIDS[0], seconds: int = HOUR) -> None:
    world.happen(events.HoldRequested(uuid, seconds))


def plug(world: World, number: int = 0, seq: int = 7) -> None:
    world.happen(events.DeviceSeen(device(number, seq=seq)))
    world.settle()


@pytest.mark.parametrize("held", ["", UUIDS[0]])
def test_plug_of_a_held_disk_starts_nothing(held: str) -> None:
    world = ready()
    hold(world, held)
    plug(world)
    assert not world.ran
    assert disk(world) == ("plugged", "")
    assert not world.rows


def test_another_disk_is_not_held() -> None:
    world = ready(*UUIDS[:2])
    hold(world, UUIDS[0])
    plug(world, 1)
    assert [uuid for uuid, _ in world.ran] == [UUIDS[1]]


@pytest.mark.parametrize("release", ["", UUIDS[0]])
def test_released_disk_that_is_still_here_is_backed_up_once(release: str) -> None:
    world = ready()
    hold(world)
    plug(world)
    world.happen(events.UnholdRequested(release))
    world.settle()
    assert world.verdicts() == ["success"]
    world.happen(events.UnholdRequested(release))
    plug(world)
    assert world.verdicts() == ["success"]


def test_disk_that_has_left_is_not_backed_up_at_release() -> None:
    world = ready()
    hold(world)
    plug(world)
    world.happen(events.DeviceGone(device().syspath))
    world.happen(events.UnholdRequested(UUIDS[0]))
    world.settle()
    assert not world.ran


def test_served_plug_is_not_served_again_at_release() -> None:
    world = ready()
    plug(world)
    hold(world)
    world.happen(events.UnholdRequested(UUIDS[0]))
    world.settle()
    assert len(world.ran) == 1
    assert disk(world) == ("safe-to-unplug", "")


def test_plug_asked_for_while_held_waits_too() -> None:
    world = ready()
    plug(world)
    hold(world)
    world.happen(events.PlugRequested(device()))
    world.settle()
    assert len(world.ran) == 1
    world.happen(events.UnholdRequested(UUIDS[0]))
    world.settle()
    assert len(world.ran) == 2


def test_backup_that_is_asked_for_runs_all_the_same() -> None:
    world = ready()
    hold(world, "")
    plug(world)
    world.happen(events.RunRequested(UUIDS[0]))
    world.settle()
    assert world.verdicts() == ["success"]
    world.happen(events.UnholdRequested(""))
    world.settle()
    assert len(world.ran) == 1


def test_time_releases() -> None:
    world = ready()
    hold(world, seconds=60)
    plug(world)
    assert world.timers[f"hold:{UUIDS[0]}"] == 60
    world.fire("hold", after=60)
    world.settle()
    assert world.verdicts() == ["success"]
    assert not world.holds


def test_queued_plug_is_withdrawn_and_runs_after_the_release() -> None:
    world = ready(*UUIDS[:2])
    world.happen(events.DeviceSeen(device(0)))
    world.happen(events.DeviceSeen(device(1)))
    hold(world, "")
    assert world.verdicts() == ["cancelled"]
    world.settle()
    assert [uuid for uuid, _ in world.ran] == [UUIDS[0]]
    world.happen(events.UnholdRequested(""))
    world.settle()
    assert world.verdicts() == ["cancelled", "success", "success"]
    assert [uuid for uuid, _ in world.ran] == UUIDS[:2]


def test_hold_outlives_the_daemon() -> None:
    world = ready()
    hold(world, seconds=HOUR)
    world.now += 600 * SECOND
    world.start()
    plug(world)
    assert not world.ran
    assert 2990 < world.timers[f"hold:{UUIDS[0]}"] < 3000
    world.happen(events.UnholdRequested(""))
    world.settle()
    assert world.verdicts() == ["success"]


def test_time_that_was_up_meanwhile_holds_nothing() -> None:
    world = ready()
    hold(world, seconds=60)
    world.now += 600 * SECOND
    world.start()
    assert not world.holds
    plug(world)
    assert world.verdicts() == ["success"]


def test_clock_set_back_makes_no_hold_longer_than_a_week() -> None:
    world = ready()
    hold(world, seconds=7 * 24 * HOUR)
    world.now -= 900 * SECOND
    world.start()
    assert world.timers[f"hold:{UUIDS[0]}"] <= 7 * 24 * HOUR


def test_one_disk_cannot_be_released_while_all_are_held() -> None:
    world = ready()
    hold(world, "")
    with pytest.raises(Busy, match="release all"):
        world.happen(events.UnholdRequested(UUIDS[0]))


@pytest.mark.parametrize(
    "request_", [events.HoldRequested(UUIDS[3], 1), events.UnholdRequested(UUIDS[3])]
)
def test_unknown_disk_is_refused(request_: events.Request) -> None:
    with pytest.raises(UnknownDisk):
        ready().happen(request_)


def test_forgotten_disk_is_held_no_more() -> None:
    world = ready()
    hold(world)
    world.happen(events.ForgetRequested(UUIDS[0]))
    assert not world.holds
    assert world.of(signals.DiskForgotten)
