"""Who is backed up when: plugs, the queue, requests."""

import pytest

from tests.unit.core.world import UUIDS, World, config, device, disk, ready
from tetrasback.core import events, signals
from tetrasback.core.state import DiskState, Progress
from tetrasback.core.verdict import overall_fraction
from tetrasback.errors import Busy, NotPlugged, NotRunning, Rejected, UnknownDisk

ONE, TWO = UUIDS[0], UUIDS[1]


def test_same_event_fifty_times_starts_one_backup() -> None:
    world = ready()
    for _ in range(50):
        world.happen(events.DeviceSeen(device()))
    world.settle()
    for _ in range(50):
        world.happen(events.DeviceSeen(device()))
    world.settle()
    assert world.verdicts() == ["success"]


def test_next_plug_starts_the_next_backup() -> None:
    world = ready()
    for seq in (7, 8):
        world.happen(events.DeviceSeen(device(seq=seq)))
        world.settle()
        world.happen(events.DeviceGone(device().syspath))
    assert world.verdicts() == ["success", "success"]
    assert disk(world)[0] == "absent"


def test_saving_starts_nothing_not_even_after_a_restart() -> None:
    world = ready(TWO)
    world.happen(events.DeviceSeen(device()))
    world.happen(events.SaveRequested(ONE, "bleu"))
    assert disk(world) == ("plugged", "")
    world.start()
    world.happen(events.DeviceSeen(device()))
    world.settle()
    assert world.verdicts() == []
    assert disk(world) == ("plugged", "")


def test_nothing_starts_before_the_system_is_up() -> None:
    world = World(config(ONE)).start(ready=False)
    world.happen(events.DeviceSeen(device()))
    assert not world.pending
    assert disk(world)[0] == "queued"
    world.happen(events.SystemReady())
    world.settle()
    assert world.verdicts() == ["success"]


def test_disks_queue_and_one_backup_runs_at_a_time() -> None:
    world = ready(ONE, TWO)
    world.happen(events.DeviceSeen(device(0)))
    world.happen(events.DeviceSeen(device(1)))
    assert (disk(world, ONE)[0], disk(world, TWO)[0]) == ("running", "queued")
    world.settle()
    assert world.verdicts() == ["success", "success"]
    assert (disk(world, ONE)[0], disk(world, TWO)[0]) == ("safe-to-unplug", "safe-to-unplug")


def test_disk_replugged_while_the_old_backup_winds_down_gets_its_own() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.happen(events.DeviceGone(device().syspath))
    world.happen(events.DeviceSeen(device(seq=8)))
    world.settle()
    assert world.verdicts() == ["interrupted", "success"]
    assert disk(world)[0] == "safe-to-unplug"
    assert world.plugs[ONE].diskseq == 8


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fstype": "vfat"}, "unsupported-filesystem"),
        ({"fstype": "crypto_LUKS"}, "encrypted"),
        ({"read_only": True}, "read-only"),
    ],
)
def test_unusable_disk_is_rejected_with_its_reason(changes: dict[str, object], reason: str) -> None:
    world = ready()
    world.happen(events.DeviceSeen(device(**changes)))
    assert disk(world) == ("rejected", reason)
    assert not world.pending
    with pytest.raises(Rejected):
        world.happen(events.RunRequested(ONE))


def test_cancel_queued_running_and_nothing() -> None:
    world = ready(ONE, TWO)
    world.happen(events.DeviceSeen(device(0)))
    world.happen(events.DeviceSeen(device(1)))
    world.happen(events.CancelRequested(TWO))
    assert world.verdicts() == ["cancelled"]
    world.answer(world.pending[0], events.DiskOpened(1))
    world.happen(events.CancelRequested(ONE))
    world.settle()
    assert world.verdicts() == ["cancelled", "cancelled"]
    assert disk(world)[0] == "safe-to-unplug"
    with pytest.raises(NotRunning):
        world.happen(events.CancelRequested(ONE))
    with pytest.raises(UnknownDisk):
        world.happen(events.CancelRequested(UUIDS[3]))


def test_cancel_while_only_finishing_changes_nothing() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.answer(world.pending[0], events.DiskOpened(1))
    world.answer(world.pending[0], events.ScriptFinished(1, 0, Progress()))
    before = world.state
    with pytest.raises(NotRunning):
        world.happen(events.CancelRequested(ONE))
    assert world.state is before
    world.settle()
    assert world.verdicts() == ["success"]


def test_plug_by_name_runs_again_unless_one_is_under_way() -> None:
    world = ready()
    world.happen(events.PlugRequested(device()))
    world.happen(events.PlugRequested(device()))
    world.settle()
    assert world.verdicts() == ["success"]
    world.happen(events.PlugRequested(device()))
    world.settle()
    assert world.verdicts() == ["success", "success"]
    with pytest.raises(Rejected, match="this system runs from"):
        world.happen(events.PlugRequested(device(3, system=True)))


def test_run_is_refused_while_busy_and_without_the_disk() -> None:
    world = ready()
    with pytest.raises(NotPlugged):
        world.happen(events.RunRequested(ONE))
    world.happen(events.DeviceSeen(device()))
    with pytest.raises(Busy):
        world.happen(events.RunRequested(ONE))
    with pytest.raises(Busy):
        world.happen(events.ForgetRequested(ONE))


def test_forgetting_by_hand_lets_a_running_backup_end() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.config = config()
    world.happen(events.ConfigChanged())
    world.settle()
    assert world.verdicts() == ["success"]
    assert disk(world)[0] == "unknown"
    assert world.of(signals.DiskForgotten)


@pytest.mark.parametrize(("status", "fraction"), [(0, 1.0), (1, -1.0)])
def test_only_what_is_complete_is_shown_as_whole(status: int, fraction: float) -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle(RunScript=lambda effect: events.ScriptFinished(1, status, Progress(fraction=0.9)))
    assert overall_fraction(world.state.backups[1]) == fraction


def test_size_is_the_devices_and_what_is_not_known_changes_nothing() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device(size=10**9)))
    world.settle()
    assert (world.state.disks[ONE].size, world.state.disks[ONE].free) == (10**9, 40)
    world.happen(events.RunRequested(ONE))
    world.settle(
        OpenDisk=lambda effect: events.DiskOpened(effect.backup_id),
        SyncDisk=lambda effect: events.DiskSynced(effect.backup_id),
    )
    assert (world.state.disks[ONE].size, world.state.disks[ONE].free) == (10**9, 40)


def test_newest_finished_backup_of_each_disk_stays() -> None:
    world = ready()
    for seq in range(5):
        world.happen(events.DeviceSeen(device(seq=seq + 7)))
        world.settle()
        world.happen(events.DeviceGone(device().syspath))
    assert list(world.state.backups) == [5]


def test_states_are_the_contract_s() -> None:
    assert {str(item) for item in DiskState} == {
        "absent", "unknown", "plugged", "queued", "running", "held", "safe-to-unplug", "rejected",
    }  # fmt: skip


def test_forgotten_disk_leaves_no_backup_behind() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle()
    world.happen(events.DeviceGone(device().syspath))
    world.happen(events.ForgetRequested(ONE))
    assert not world.state.backups


def test_plug_of_a_disk_that_somebody_has_mounted_is_rejected_at_once() -> None:
    world = ready()
    world.happen(events.PlugRequested(device(), mounted=True))
    assert disk(world) == ("rejected", "mounted-elsewhere")
    assert not world.pending
    world.happen(events.PlugRequested(device()))
    world.settle()
    assert world.verdicts() == ["success"]
