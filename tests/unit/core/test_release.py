"""When a disk may be taken away; partitions and doubles."""

import pytest

from tests.unit.core.world import UUIDS, World, config, device, disk, ready, well
from tetrasback.core import effects, events, signals
from tetrasback.core.state import Progress
from tetrasback.errors import NotPlugged, Rejected

ONE, TWO = UUIDS[0], UUIDS[1]


def names_of(world: World) -> list[str]:
    return [type(item).__name__ for item in world.told]


def fails_to_open(effect: effects.OpenDisk, uuid: str) -> events.DiskOpened:
    fault = "read-only" if effect.device.uuid == uuid else ""
    return events.DiskOpened(effect.backup_id, fault, "so it is")


def test_saved_disk_that_appears_is_backed_up_and_then_safe() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    assert disk(world) == ("running", "")
    world.settle()
    assert world.verdicts() == ["success"]
    assert disk(world) == ("safe-to-unplug", "")
    assert [type(item) for item in world.told] == [
        signals.DiskPlugged,
        signals.BackupStarted,
        signals.BackupFinished,
        signals.SafeToUnplug,
    ]
    assert not world.state.busy


def test_partition_read_again_starts_no_other_backup() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle()
    world.happen(events.DeviceGone(device().syspath))
    world.happen(events.DeviceSeen(device()))
    world.settle()
    assert world.verdicts() == ["success"]
    assert disk(world)[0] == "safe-to-unplug"


def test_restart_repeats_no_backup_and_knows_the_disk_is_safe() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle()
    world.start()
    world.happen(events.DeviceSeen(device()))
    world.settle()
    assert world.verdicts() == ["success"]
    assert disk(world)[0] == "safe-to-unplug"


def test_two_partitions_of_one_disk_are_safe_together_after_the_last() -> None:
    world = ready(ONE, TWO)
    first, second = device(0, part=1), device(0, part=2, uuid=TWO)
    world.happen(events.DeviceSeen(first))
    world.happen(events.DeviceSeen(second))
    seen = []

    def second_script(effect: effects.RunScript) -> events.ScriptFinished:
        if effect.device.uuid == TWO:
            seen.append(disk(world, ONE))
        return events.ScriptFinished(effect.backup_id, 0, Progress())

    world.settle(RunScript=second_script)
    assert seen == [("held", "other-partition")]
    assert names_of(world)[-2:] == ["SafeToUnplug", "SafeToUnplug"]
    assert names_of(world)[:-2].count("SafeToUnplug") == 0


def test_held_disk_becomes_safe_when_it_is_let_go_of() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle(CheckRelease=lambda item: events.ReleaseChecked(ONE, item.device.whole, "in-use"))
    assert world.verdicts() == ["success"]
    assert disk(world) == ("held", "in-use")
    assert not world.of(signals.SafeToUnplug)
    world.fire("release")
    world.settle()
    assert disk(world) == ("safe-to-unplug", "")
    assert len(world.of(signals.SafeToUnplug)) == 1


def test_duplicates_are_both_rejected() -> None:
    world = World(config(ONE)).start(ready=False)
    world.happen(events.DeviceSeen(device(0)))
    world.happen(events.DeviceSeen(device(1, uuid=ONE)))
    assert disk(world) == ("rejected", "duplicate-uuid")
    assert [item.device for item in world.of(signals.DiskRejected)] == ["/dev/sdb1", "/dev/sdc1"]
    assert world.verdicts() == ["failed"]  # the queued one
    with pytest.raises(Rejected):
        world.happen(events.RunRequested(ONE))
    world.happen(events.SystemReady())
    world.settle()
    world.happen(events.DeviceGone(device(1).syspath))
    world.settle()
    assert disk(world) == ("safe-to-unplug", "")
    assert world.verdicts() == ["failed", "success"]  # alone again, it is served


def test_duplicate_of_a_running_disk_is_the_only_one_rejected() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device(0)))
    world.happen(events.DeviceSeen(device(1, uuid=ONE)))
    world.settle()
    assert [item.device for item in world.of(signals.DiskRejected)] == ["/dev/sdc1"]
    assert world.verdicts() == ["success"]


def test_unplug_cancels_everything_on_the_whole_disk() -> None:
    world = ready(ONE, TWO)
    world.happen(events.DeviceSeen(device(0)))
    world.happen(events.DeviceSeen(device(0, part=2, uuid=TWO)))
    world.happen(events.UnplugRequested(TWO))
    world.settle()
    assert sorted(world.verdicts()) == ["cancelled", "cancelled"]
    assert {item.uuid for item in world.of(signals.SafeToUnplug)} == {ONE, TWO}


def test_unplug_without_a_backup_checks_and_says_so() -> None:
    world = ready(TWO)
    world.happen(events.DeviceSeen(device()))
    world.happen(events.UnplugRequested(ONE))
    world.settle()
    assert len(world.of(signals.SafeToUnplug)) == 1
    assert disk(world)[0] == "unknown"
    with pytest.raises(NotPlugged):
        world.happen(events.UnplugRequested(TWO))


def test_unplug_during_a_refused_open_is_answered() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.happen(events.UnplugRequested(ONE))
    world.answer(world.pending[0], events.DiskOpened(1, "damaged", "broken"))
    for _ in range(2):
        world.settle()
        if any(key.startswith("grace") for key in world.timers):
            world.fire("grace")
    assert len(world.of(signals.SafeToUnplug)) == 1


def test_run_waits_for_the_exclusive_open_to_end() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    while not isinstance(world.pending[0], effects.CheckRelease):
        world.answer(world.pending[0], well(world.pending[0]))
    world.happen(events.RunRequested(ONE))
    assert [type(item) for item in world.pending] == [effects.CheckRelease]
    world.settle()
    assert world.verdicts() == ["success", "success"]


def test_rejected_neighbour_does_not_hold_the_good_partition() -> None:
    world = ready(ONE, TWO)
    world.happen(events.DeviceSeen(device(0)))
    world.happen(events.DeviceSeen(device(0, part=2, uuid=TWO)))
    world.settle(OpenDisk=lambda item: fails_to_open(item, TWO))
    assert disk(world, ONE)[0] == "safe-to-unplug"
    assert disk(world, TWO) == ("rejected", "read-only")


def test_unplug_of_one_partition_is_answered_when_the_other_is_rejected() -> None:
    world = ready(TWO)
    world.happen(events.DeviceSeen(device(0)))
    world.happen(events.DeviceSeen(device(0, part=2, uuid=TWO)))
    world.happen(events.UnplugRequested(ONE))
    world.settle(OpenDisk=lambda item: fails_to_open(item, TWO))
    assert ONE in {item.uuid for item in world.of(signals.SafeToUnplug)}
    assert not world.state.letting_go


def test_double_that_is_left_behind_is_a_plug_of_its_own() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device(0)))
    world.happen(events.DeviceSeen(device(1, uuid=ONE, seq=9)))
    world.settle()
    world.happen(events.DeviceGone(device(0).syspath))
    world.settle()
    assert world.verdicts() == ["success", "success"]
    assert world.of(signals.SafeToUnplug)[-1].device == "/dev/sdc1"


def test_late_news_of_the_last_disk_do_not_unplug_the_next_one() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    while not isinstance(world.pending[0], effects.CheckRelease):
        world.answer(world.pending[0], well(world.pending[0]))
    old = world.pending.pop(0)
    world.happen(events.DeviceGone(device().syspath))
    world.happen(events.DeviceSeen(device(seq=8)))
    world.happen(events.ReleaseChecked(ONE, old.device.whole, events.GONE, old.device.diskseq))
    world.settle()
    assert world.verdicts() == ["success", "success"]
