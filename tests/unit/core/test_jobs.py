"""What is done with the backups on a disk: one thing at a time, with one verdict."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.core.world import SNAPSHOT, UUIDS, World, device, disk, ready
from tetrasback.core import effects, events, signals
from tetrasback.core.alerts import alerts
from tetrasback.core.state import DiskJob, DiskState, Progress
from tetrasback.core.task import Kind, Task
from tetrasback.errors import Busy, NotPlugged, NotRunning, Rejected, UnknownDisk, UnknownJob


def plugged(*uuids: str, **changes: Any) -> World:
    """The first disk is here and was backed up, with nothing left to do."""
    world = ready(*uuids)
    world.happen(events.DeviceSeen(device(**changes)))
    world.settle()
    world.told.clear()
    return world


def ask(world: World, kind: Kind = Kind.RESTORE, uuid: str = UUIDS[0]) -> None:
    world.happen(events.JobRequested(Task(kind, uuid)))


def last(world: World) -> DiskJob:
    return world.jobs[max(world.jobs)]


def running(kind: Kind = Kind.RESTORE) -> World:
    """The disk is open and the work goes on."""
    world = plugged()
    ask(world, kind)
    world.settle_one()
    return world


def kinds(world: World) -> list[str]:
    return [type(signal).__name__ for signal in world.told]


def test_disk_is_read_only_and_released_again() -> None:
    world = plugged()
    ask(world)
    assert world.pending == [effects.OpenDisk(2, device(), "read")]
    assert disk(world) == ("held", "job")
    world.settle()
    assert last(world).verdict == "success"
    assert last(world).snapshot == SNAPSHOT.snapshot
    assert kinds(world) == ["JobStarted", "JobFinished", "SafeToUnplug"]
    assert disk(world) == ("safe-to-unplug", "")
    assert world.seen == {UUIDS[0]: (SNAPSHOT,)}


def test_what_is_complained_of_while_the_disk_leaves_is_no_damage() -> None:
    world = running(Kind.VERIFY)
    (run,) = world.pending
    world.answer(run, events.TaskFinished(run.job_id, 3, Progress(warnings=900)))
    (close,) = world.pending
    world.answer(close, events.DiskClosed(close.backup_id, present=False))
    assert (last(world).verdict, last(world).code) == ("interrupted", "disk-gone")


@pytest.mark.parametrize(("unproved", "code"), [(True, "unproved"), (False, "content-damaged")])
def test_backup_that_may_be_another_is_not_called_damaged(unproved: bool, code: str) -> None:
    world = running(Kind.VERIFY)
    (run,) = world.pending
    said = Progress(warnings=1)
    world.answer(run, events.TaskFinished(run.job_id, 3, said, unproved=unproved))
    world.settle()
    assert (last(world).verdict, last(world).code) == ("warning", code)


def test_disk_that_is_only_looked_at_is_safe_again_without_a_word() -> None:
    world = plugged()
    ask(world, Kind.LIST)
    world.settle()
    assert disk(world) == ("safe-to-unplug", "")
    assert not world.told
    assert not world.jobs


def test_pin_is_brought_onto_the_disk() -> None:
    world = plugged()
    ask(world, Kind.PIN)
    assert [effect.mode for effect in world.pending] == ["mount"]
    world.settle_one()
    world.settle_one()
    assert [type(effect) for effect in world.pending] == [effects.SyncDisk]
    world.settle()
    assert disk(world) == ("safe-to-unplug", "")


def test_pin_on_a_disk_that_left_before_it_was_there_is_no_success() -> None:
    world = running(Kind.PIN)
    world.settle_one()
    world.happen(events.DeviceGone(device().syspath))
    world.settle()
    job = world.state.jobs[max(world.state.jobs)]
    assert (job.verdict, job.code) == ("interrupted", "disk-gone")


def test_disk_that_nobody_saved_is_restored_from_but_not_pinned_on() -> None:
    world = ready(UUIDS[1])
    world.happen(events.DeviceSeen(device()))
    with pytest.raises(UnknownDisk):
        ask(world, Kind.PIN)
    ask(world)
    world.settle()
    assert last(world).verdict == "success"
    assert disk(world) == ("unknown", "")


def test_write_protected_disk_is_read() -> None:
    world = plugged(read_only=True)
    assert disk(world) == ("rejected", "read-only")
    ask(world)
    world.settle()
    assert last(world).verdict == "success"
    assert disk(world) == ("rejected", "read-only")


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ((events.DeviceGone(device().syspath),), NotPlugged),
        ((events.DeviceSeen(device(1, uuid=UUIDS[0])),), Rejected),
        ((events.RunRequested(UUIDS[0]),), Busy),
        ((events.JobRequested(Task(Kind.VERIFY, UUIDS[0])),), Busy),
        ((events.StopRequested(),), Busy),
    ],
)
def test_what_is_in_the_way(told: tuple[Any, ...], error: type[Exception]) -> None:
    world = plugged()
    for event in told:
        world.happen(event)
    with pytest.raises(error):
        ask(world)


def test_disk_is_opened_after_the_check_of_it() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    while not isinstance(world.pending[0], effects.CheckRelease):
        world.settle_one()
    ask(world)
    assert [type(effect) for effect in world.pending] == [effects.CheckRelease]
    world.settle()
    assert last(world).verdict == "success"


def test_plug_of_another_disk_waits() -> None:
    world = plugged(*UUIDS[:2])
    ask(world)
    world.happen(events.DeviceSeen(device(1)))
    assert disk(world, UUIDS[1]) == ("queued", "")
    world.settle()
    order = kinds(world)
    assert order.index("JobFinished") < order.index("BackupStarted")
    assert world.verdicts() == ["success"]


def test_disk_torn_out_interrupts() -> None:
    world = running()
    world.happen(events.DeviceGone(device().syspath))
    world.settle()
    assert (last(world).verdict, last(world).code) == ("interrupted", "disk-gone")
    assert world.state.disks[UUIDS[0]].state == "absent"


def test_disk_that_answers_no_more_at_the_end_interrupts() -> None:
    world = running()
    world.settle(
        RunTask=lambda effect: events.TaskFinished(effect.job_id, 1, Progress()),
        CloseDisk=lambda effect: events.DiskClosed(effect.backup_id, present=False),
    )
    assert last(world).verdict == "interrupted"


def failing(world: World) -> None:
    """The disk cannot be read, and says that it is still there."""
    world.settle(
        RunTask=lambda effect: events.TaskFinished(
            effect.job_id, 74, Progress(), "disk-error", "the disk could not be read"
        )
    )


def test_disk_that_failed_and_leaves_a_moment_later_was_pulled() -> None:
    world = running()
    failing(world)
    assert not last(world).verdict
    world.happen(events.DeviceGone(device().syspath))
    world.settle()
    assert last(world).verdict == "interrupted"
    assert not [key for key in world.timers if key.startswith("job-grace")]


def test_disk_that_failed_and_stays_has_failed() -> None:
    world = running()
    failing(world)
    assert world.timers["job-grace:2"] == 10
    world.fire("job-grace")
    world.settle()
    assert (last(world).verdict, last(world).code) == ("failed", "disk-error")


@pytest.mark.parametrize("event", [events.StopRequested(), events.UnplugRequested(UUIDS[0])])
def test_nobody_waits_for_a_failed_disk_when_all_is_to_end(event: Any) -> None:
    world = running()
    failing(world)
    world.happen(event)
    world.settle()
    assert last(world).verdict == "failed"


def test_disk_that_leaves_after_all_was_read_changes_nothing() -> None:
    world = running()
    world.settle(CloseDisk=lambda effect: events.DiskClosed(effect.backup_id, present=False))
    assert last(world).verdict == "success"


def test_disk_that_cannot_be_let_go_of_is_told() -> None:
    def stuck(effect: Any) -> Any:
        return events.DiskClosed(effect.backup_id, "unmount-failed", "somebody uses it")

    world = running()
    world.settle(CloseDisk=stuck)
    assert (last(world).verdict, last(world).code) == ("warning", "unmount-failed")


@pytest.mark.parametrize("steps", [0, 1])
def test_cancel(steps: int) -> None:
    world = plugged()
    ask(world)
    for _ in range(steps):
        world.settle_one()
    world.happen(events.JobCancelRequested(2))
    world.settle()
    assert last(world).verdict == "cancelled"
    assert not [item for item in world.ran if item[1] != "a.sh"]
    with pytest.raises(NotRunning):
        world.happen(events.JobCancelRequested(2))
    with pytest.raises(UnknownJob):
        world.happen(events.JobCancelRequested(1))


def test_cancel_too_late_is_refused_and_changes_nothing() -> None:
    world = running()
    world.settle_one()
    with pytest.raises(NotRunning):
        world.happen(events.JobCancelRequested(2))
    world.settle()
    assert last(world).verdict == "success"


def test_unplug_cancels_and_tells_that_it_is_safe() -> None:
    world = running()
    world.happen(events.UnplugRequested(UUIDS[0]))
    world.settle()
    assert last(world).verdict == "cancelled"
    assert world.of(signals.SafeToUnplug)


def test_held_disk_stays_without_backup_after_the_job() -> None:
    world = ready()
    world.happen(events.HoldRequested(UUIDS[0], 3600))
    world.happen(events.DeviceSeen(device()))
    ask(world)
    world.settle()
    assert last(world).verdict == "success"
    assert not world.ran
    assert disk(world) == ("plugged", "")
    world.happen(events.UnholdRequested(""))
    world.settle()
    assert world.verdicts() == ["success"]


def test_death_of_the_daemon_is_told_at_its_next_start() -> None:
    world = running(Kind.VERIFY)
    world.told.clear()
    world.start()
    assert [(item.kind, item.verdict) for item in world.of(signals.JobFinished)] == [
        ("verify", "interrupted")
    ]
    assert last(world).code == "daemon-died"
    world.happen(events.DeviceSeen(device()))
    world.settle()
    ask(world)
    world.settle()
    assert last(world).verdict == "success"
    assert last(world).id == 3


def test_progress_is_told_with_what_is_known() -> None:
    world = running()
    said = Progress(step="home", bytes_done=5, bytes_total=10)
    world.happen(events.ScriptProgressed(2, said))
    world.happen(events.ScriptProgressed(2, replace(said, fraction=0.9)))
    told = [(item.fraction, item.step) for item in world.of(signals.JobProgress)]
    assert told == [(0.5, "home"), (0.9, "home")]


def browsing(*uuids: str) -> World:
    """The first disk is shown."""
    world = plugged(*uuids)
    ask(world, Kind.BROWSE)
    world.settle_one()
    world.happen(events.ViewShown(2, "/run/x", 3600))
    return world


@pytest.mark.parametrize("kind", [Kind.LIST, Kind.PIN, Kind.VERIFY, Kind.BROWSE])
@pytest.mark.parametrize("before", [DiskState.SAFE, DiskState.HELD])
def test_look_of_a_moment_alerts_nobody(kind: Kind, before: DiskState) -> None:
    world = plugged()
    first = world.state.disks[UUIDS[0]]
    world.state = replace(world.state, disks={UUIDS[0]: replace(first, state=before)})
    ask(world, kind)
    assert disk(world) == ("held", "job")
    told = {item.code for item in alerts(world.state, world.config, world.now)}
    quiet = kind.is_brief and before is not DiskState.HELD
    assert ("held" in told) is not quiet
    assert "safe-to-unplug" not in told


def test_view_is_held_and_ends_with_a_word_that_the_disk_is_safe() -> None:
    world = browsing()
    assert disk(world) == ("held", "job")
    assert world.state.disks[UUIDS[0]].browse_until == world.now + 3_600_000_000
    with pytest.raises(Busy, match="browse --close"):
        ask(world)
    world.happen(events.BrowseEndRequested(UUIDS[0]))
    world.settle()
    assert world.state.disks[UUIDS[0]].browse_until == 0
    assert kinds(world) == ["SafeToUnplug"]
    with pytest.raises(NotRunning):
        world.happen(events.BrowseEndRequested(UUIDS[0]))


@pytest.mark.parametrize("other", [False, True])
def test_backup_ends_a_view(other: bool) -> None:
    world = browsing(*UUIDS[:2])
    if other:
        world.happen(events.DeviceSeen(device(1)))
    else:
        world.happen(events.RunRequested(UUIDS[0]))
    world.settle()
    assert world.verdicts() == ["success"]
    assert world.state.disks[UUIDS[0]].browse_until == 0


def test_disk_torn_out_ends_a_view() -> None:
    world = browsing()
    world.happen(events.DeviceGone(device().syspath))
    world.settle()
    assert world.state.job is None
    assert world.state.disks[UUIDS[0]].browse_until == 0
