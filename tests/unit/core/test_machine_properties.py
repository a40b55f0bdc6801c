"""Whatever happens, in whatever order: the rules that may never break."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.world import UUIDS, World, config, device, well
from tetrasback.core import effects, events, signals
from tetrasback.core.alerts import MAX_ALERTS, alerts
from tetrasback.core.devices import BlockDevice
from tetrasback.core.news import BackupEnded
from tetrasback.core.state import Progress, State
from tetrasback.core.task import Kind, Task
from tetrasback.core.wholes import Order, WholeDisk
from tetrasback.errors import TetrasBackError

FAULTS = ["disk-full", "disk-error", "disk-gone", "damaged", "in-use", "odd word"]


def any_device(pick: Random) -> BlockDevice:
    number = pick.choice([0, 0, 0, 1, 2])
    odd = pick.random() < 0.04
    return device(
        number,
        part=pick.choice([1, 1, 1, 1, 1, 1, 2]),
        seq=pick.choice([8, 9]) if odd else 7,
        uuid=pick.choice(UUIDS[:3]) if pick.random() < 0.04 else UUIDS[number],
        fstype=pick.choice(["ext4"] * 8 + ["btrfs", "vfat", "crypto_LUKS"]),
        system=pick.random() < 0.02,
    )


def any_request(pick: Random) -> Any:
    uuid = pick.choice(UUIDS)
    return pick.choice(
        [
            events.SaveRequested(uuid, pick.choice(["bleu", "rouge"])),
            events.ForgetRequested(uuid),
            events.PlugRequested(any_device(pick)),
            events.UnplugRequested(uuid),
            events.RunRequested(uuid),
            events.RunRequested(uuid),
            events.CancelRequested(uuid),
            events.PrepareRequested(any_order(pick), pick.random() < 0.5),
            events.HoldRequested(pick.choice(["", uuid]), pick.choice([1, 3600])),
            events.UnholdRequested(pick.choice(["", uuid])),
            events.JobRequested(Task(pick.choice(list(Kind)), uuid)),
            events.JobRequested(Task(pick.choice([Kind.VERIFY, Kind.RESTORE]), uuid)),
            events.JobCancelRequested(pick.randrange(20)),
            events.BrowseEndRequested(uuid),
        ]
    )


def any_order(pick: Random) -> Order:
    node = pick.choice(["/dev/sdb", "/dev/sdc", "/dev/sdd"])
    whole = WholeDisk(f"/sys/block/{node[5:]}", node, size=10**9, diskseq=7)
    return Order(whole, pick.choice(["bleu", "vert"]), "ext4", UUIDS[3])


def any_fact(pick: Random) -> Any:
    """Something from outside, or a late, repeated or invented answer."""
    if pick.random() < 0.03:
        return events.DeviceGone(any_device(pick).syspath)
    stale = pick.choice([0, 98, 99])
    return pick.choice(
        [
            events.DeviceSeen(any_device(pick)),
            events.DeviceSeen(any_device(pick)),
            events.DeviceSeen(any_device(pick)),
            events.SystemReady(),
            events.TimerFired(
                pick.choice(["grace:1", "grace:x", "release:/dev/sdb", "hold:", "job-grace:2", ""])
            ),
            events.ConfigChanged(pick.choice(["", "line 3: odd"])),
            events.DiskOpened(stale),
            events.DiskSynced(stale),
            events.DiskClosed(stale),
            events.ScriptProgressed(1, any_progress(pick)),
            events.TaskFinished(stale, 0, any_progress(pick)),
            events.SnapshotsSeen(UUIDS[0], ()),
            events.ViewShown(pick.randrange(9), "/run/x", 60),
            events.ReleaseChecked(pick.choice(UUIDS), "/dev/sdb", "in-use"),
            events.WholeSeen(any_order(pick).whole),
            events.WholeGone(any_order(pick).whole.syspath),
            events.PreparationMoved(UUIDS[3], "format"),
            events.PreparationMade(device(pick.randrange(3), uuid=UUIDS[3])),
            events.PreparationEnded(UUIDS[3]),
        ]
    )


def any_progress(pick: Random) -> Progress:
    return Progress(
        fraction=pick.choice([-1.0, 0.0, 0.5, 1.0]),
        warnings=pick.choice([0, 0, 0, 1, 2]),
        files_done=pick.randrange(5),
    )


def any_answer(pick: Random, effect: Any) -> Any:
    """Nine times of ten all is well."""
    fault = pick.choice(FAULTS) if pick.random() < 0.1 else ""
    status = pick.choice([1, 3, -9, None]) if pick.random() < 0.15 else 0
    return reply(effect, fault, status, any_progress(pick), present=pick.random() > 0.03)


def reply(effect: object, fault: str, status: int | None, said: Progress, present: bool) -> object:
    match effect:
        case effects.OpenDisk(backup_id):
            return events.DiskOpened(backup_id, fault, "message")
        case effects.RunScript(backup_id):
            return events.ScriptFinished(backup_id, status, said)
        case effects.RunTask(job_id):
            code = "timed-out" if fault else ""
            return events.TaskFinished(job_id, status, said, code, "message")
        case effects.ProbeDisk(backup_id):
            return events.DiskProbed(backup_id, fault, "message")
        case effects.SyncDisk(backup_id):
            return events.DiskSynced(backup_id, fault, "message")
        case effects.CloseDisk(backup_id):
            return events.DiskClosed(backup_id, fault, "message", present=present)
        case effects.CheckRelease(uuid, item):
            return events.ReleaseChecked(uuid, item.whole, fault and "in-use")
    raise AssertionError(effect)


def look(world: World) -> None:
    """One backup at a time; what is queued has not begun."""
    begun = [item for item in world.state.backups.values() if item.started_at]
    assert sum(not item.over for item in begun) <= 1
    assert all(not world.state.backups[item].started_at for item in world.state.queue)
    # Never a backup while a disk is read, never the reverse.
    job = world.state.current_job
    assert job is None or (world.state.running is None and not job.over)
    assert sum(not item.over for item in world.state.jobs.values()) <= 1
    opened = [
        item for item in world.pending if isinstance(item, effects.OpenDisk | effects.RunTask)
    ]
    assert len(opened) <= 1
    shown = {item.uuid for item in world.state.disks.values() if item.browse_until}
    assert shown <= ({job.task.uuid} if job is not None else set())
    if job is not None and not job.gone:
        there = world.state.disks[job.task.uuid]
        assert there.state in ("held", "queued", "rejected")
    for item in world.state.queue:
        backup = world.state.backups[item]
        held = {"", backup.uuid} & world.state.holds.keys()
        assert not held or backup.trigger == "request"
    assert world.state.holds == world.holds  # what a new start would know
    assert len(alerts(world.state, world.config, world.now)) <= MAX_ALERTS


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))  # a seed: true chance reaches deeper than shrinkable choices
def test_rules_hold(seed: int) -> None:
    pick = Random(seed)
    world = World(config(*UUIDS[:2], scripts=("a.sh", "b.sh"))).start()
    awaited: list[object] = []
    for _ in range(pick.randrange(120)):
        kind = pick.random()
        if kind < 0.01:
            world.start()
            continue
        if kind < 0.75 and world.pending:
            effect = world.pending.pop(0)
            event = any_answer(pick, effect)
            awaited.append(event)
        else:
            event = any_request(pick) if kind > 0.85 else any_fact(pick)
        before = (world.state, len(world.told))
        try:
            world.happen(event)
        except TetrasBackError:
            assert isinstance(event, events.Request)
            assert (world.state, len(world.told)) == before
        look(world)
    check_verdicts(world, awaited)
    come_to_rest(world)


def check_verdicts(world: World, awaited: list[object]) -> None:
    """One verdict a backup, and no success without everything that a success needs."""
    told = [item.backup_id for item in world.of(signals.BackupFinished)]
    assert len(told) == len(set(told))
    jobs = [item.job_id for item in world.of(signals.JobFinished)]
    assert len(jobs) == len(set(jobs))
    assert set(jobs) <= {item.job_id for item in world.of(signals.JobStarted)}
    for row in world.jobs.values():
        assert bool(row.verdict) == (row.id in jobs)
        mine = [item for item in awaited if getattr(item, "backup_id", None) == row.id]
        done = [item for item in mine if isinstance(item, events.TaskFinished)]
        if row.verdict in ("success", "warning"):
            assert any(item.status in (0, 3) and not item.code for item in done)
        if row.verdict == "success":
            assert not any(item.status or item.progress.warnings for item in done)
    letters = [item.backup for item in world.letters if isinstance(item, BackupEnded)]
    assert [item.id for item in letters] == told
    assert [item.verdict for item in letters] == world.verdicts()
    for row in world.rows.values():
        assert bool(row.verdict) == (row.id in told)
        if row.verdict not in ("success", "warning"):
            continue
        mine = [item for item in awaited if getattr(item, "backup_id", None) == row.id]
        scripts = [item for item in mine if isinstance(item, events.ScriptFinished)]
        assert len(scripts) == 2
        assert all(item.status in (0, 3) for item in scripts)
        warned = any(item.progress.warnings for item in scripts)
        assert (row.verdict == "warning") == warned
        synced = [item for item in mine if isinstance(item, events.DiskSynced)]
        closed = [item for item in mine if isinstance(item, events.DiskClosed)]
        assert synced
        assert closed
        assert not any(item.fault for item in [*synced, *closed])
        assert all(item.present for item in closed)
    safe = len(world.of(signals.SafeToUnplug))
    free = sum(isinstance(item, events.ReleaseChecked) and not item.reason for item in awaited)
    assert bool(safe) <= bool(free)


def come_to_rest(world: World) -> None:
    """However it stands: once everything is answered, nothing hangs and nobody waits."""
    for _ in range(50):
        if world.pending:
            effect = world.pending.pop(0)
            world.happen(well(effect))
        elif any(key.startswith("grace") for key in world.timers):
            world.fire("grace")
        elif any(key.startswith("job-grace") for key in world.timers):
            world.fire("job-grace")
        else:
            break
    assert not world.state.busy
    assert not world.state.checking
    assert world.state.job is None
    assert all(row.verdict for row in world.jobs.values())
    told = {item.backup_id for item in world.of(signals.BackupFinished)}
    assert told == set(world.rows)
    for disk in world.state.disks.values():
        assert disk.state not in ("queued", "running"), disk
        assert disk.reason != "job", disk
        if disk.device is None:
            assert disk.state == "absent"


@given(st.integers(0, 2**32))
def test_facts_are_total_even_before_the_start(seed: int) -> None:
    pick = Random(seed)
    world = World(config(), state=State())
    for _ in range(20):
        world.happen(any_fact(pick))
