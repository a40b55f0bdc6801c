"""What a person would notice of the core: who is backed up when, and what is said about it."""

from dataclasses import replace

import pytest

from tests.unit.core.world import UUIDS, World, config, device, well
from tetrasback.config.model import Config, DiskConfig, ScriptConfig
from tetrasback.core import effects, events, signals
from tetrasback.core.state import DiskState, Phase, Progress
from tetrasback.core.verdict import overall_fraction
from tetrasback.errors import Busy, NotPlugged, NotRunning, Rejected, UnknownDisk

ONE, TWO = UUIDS[0], UUIDS[1]


def ready(*uuids: str, **options: object) -> World:
    return World(config(*(uuids or (ONE,)), **options)).start()  # type: ignore[arg-type]


def disk(world: World, uuid: str = ONE) -> tuple[str, str]:
    found = world.state.disks[uuid]
    return str(found.state), found.reason


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


def test_unknown_disk_is_shown_and_left_alone() -> None:
    world = ready(TWO)
    world.happen(events.DeviceSeen(device()))
    assert disk(world) == ("unknown", "")
    assert not world.pending
    with pytest.raises(UnknownDisk, match="save it first"):
        world.happen(events.RunRequested(ONE))
    world.happen(events.DeviceGone(device().syspath))
    assert ONE not in world.state.disks


def test_same_event_fifty_times_starts_one_backup() -> None:
    world = ready()
    for _ in range(50):
        world.happen(events.DeviceSeen(device()))
    world.settle()
    for _ in range(50):
        world.happen(events.DeviceSeen(device()))
    world.settle()
    assert world.verdicts() == ["success"]


def test_partition_read_again_starts_no_other_backup() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle()
    world.happen(events.DeviceGone(device().syspath))
    world.happen(events.DeviceSeen(device()))
    world.settle()
    assert world.verdicts() == ["success"]
    assert disk(world)[0] == "safe-to-unplug"


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


def test_restart_repeats_no_backup_and_knows_the_disk_is_safe() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle()
    world.start()
    world.happen(events.DeviceSeen(device()))
    world.settle()
    assert world.verdicts() == ["success"]
    assert disk(world)[0] == "safe-to-unplug"


def test_death_of_the_daemon_interrupts_and_runs_again_at_most_twice() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    for _ in range(4):
        world.start()
        world.happen(events.DeviceSeen(device()))
    world.settle()
    assert world.verdicts() == ["interrupted"] * 3
    assert len(world.rows) == 3
    assert {row.verdict for row in world.rows.values()} == {"interrupted"}
    assert disk(world)[0] == "safe-to-unplug"


def test_clean_stop_interrupts_and_the_next_start_runs_it_again() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.answer(world.pending[0], events.DiskOpened(1))
    world.happen(events.StopRequested())
    world.settle()
    assert world.verdicts() == ["interrupted"]
    assert world.rows[1].code == "daemon-stopped"
    world.start()
    world.happen(events.DeviceSeen(device()))
    world.settle()
    assert world.verdicts() == ["interrupted", "success"]


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


def names_of(world: World) -> list[str]:
    return [type(item).__name__ for item in world.told]


@pytest.mark.parametrize(
    ("status", "warnings", "verdict", "code"),
    [
        (0, 0, "success", ""),
        (0, 2, "warning", "script-warning"),
        (3, 1, "warning", "script-warning"),
        (3, 0, "failed", "script-failed"),
        (1, 0, "failed", "script-failed"),
        (24, 5, "failed", "script-failed"),
        (-9, 0, "failed", "script-failed"),
        (None, 0, "failed", "script-failed"),
    ],
)
def test_exit_status_is_judged(status: int | None, warnings: int, verdict: str, code: str) -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    said = Progress(warnings=warnings)
    world.settle(RunScript=lambda item: events.ScriptFinished(item.backup_id, status, said))
    assert world.verdicts() == [verdict]
    assert world.rows[1].code == code
    good = verdict in ("success", "warning")
    assert bool(world.state.disks[ONE].last_success) is good


def test_next_script_runs_after_a_failed_one_and_the_worst_counts() -> None:
    world = ready(ONE, scripts=("bad.sh", "good.sh"))
    world.happen(events.DeviceSeen(device()))

    def run(effect: effects.RunScript) -> events.ScriptFinished:
        bad = effect.script.name == "bad.sh"
        return events.ScriptFinished(effect.backup_id, int(bad), Progress())

    world.settle(RunScript=run)
    assert [name for _, name in world.ran] == ["bad.sh", "good.sh"]
    assert world.verdicts() == ["failed"]


@pytest.mark.parametrize("fault", ["disk-full", "disk-error"])
def test_full_or_failing_disk_ends_all_scripts(fault: str) -> None:
    world = ready(ONE, scripts=("bad.sh", "good.sh"))
    world.happen(events.DeviceSeen(device()))
    world.settle(
        RunScript=lambda item: events.ScriptFinished(item.backup_id, 1, Progress()),
        ProbeDisk=lambda item: events.DiskProbed(item.backup_id, fault, "so it is"),
    )
    if fault == "disk-error":
        world.fire("grace")
        world.settle()
    assert [name for _, name in world.ran] == ["bad.sh"]
    assert world.verdicts() == ["failed"]
    assert world.rows[1].code == fault


def test_sync_error_is_failed_even_if_every_script_was_content() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle(SyncDisk=lambda item: events.DiskSynced(item.backup_id, "disk-error", "EIO"))
    assert world.verdicts() == []  # it may still turn out to have been pulled
    world.fire("grace")
    world.settle()
    assert world.verdicts() == ["failed"]


def test_disk_that_leaves_soon_after_its_first_error_was_pulled() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle(SyncDisk=lambda item: events.DiskSynced(item.backup_id, "disk-error", "EIO"))
    world.happen(events.DeviceGone(device().syspath))
    world.settle()
    assert world.verdicts() == ["interrupted"]
    assert not any(key.startswith("grace") for key in world.timers)


def test_failed_unmount_is_never_a_success() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle(CloseDisk=lambda item: events.DiskClosed(item.backup_id, "unmount-failed", "busy"))
    world.fire("grace")
    world.settle(CheckRelease=lambda item: events.ReleaseChecked(ONE, item.device.whole, "in-use"))
    assert world.verdicts() == ["failed"]
    assert disk(world) == ("held", "in-use")


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


def test_disk_pulled_in_the_middle_is_interrupted_and_the_next_plug_clean() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.answer(world.pending[0], events.DiskOpened(1))
    world.happen(events.DeviceGone(device().syspath))
    assert any(isinstance(item, effects.StopScript) for item in world.done)
    world.settle()
    assert world.verdicts() == ["interrupted"]
    assert disk(world)[0] == "absent"
    world.happen(events.DeviceSeen(device(seq=8)))
    world.settle()
    assert world.verdicts() == ["interrupted", "success"]


def test_disk_replugged_while_the_old_backup_winds_down_gets_its_own() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.happen(events.DeviceGone(device().syspath))
    world.happen(events.DeviceSeen(device(seq=8)))
    world.settle()
    assert world.verdicts() == ["interrupted", "success"]
    assert disk(world)[0] == "safe-to-unplug"
    assert world.plugs[ONE].diskseq == 8


def test_disk_that_left_without_an_event_is_noticed_when_it_is_closed() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle(
        CloseDisk=lambda item: events.DiskClosed(item.backup_id, present=False),
        CheckRelease=lambda item: events.ReleaseChecked(
            ONE, item.device.whole, events.GONE, item.device.diskseq
        ),
    )
    assert world.verdicts() == ["interrupted"]
    assert disk(world)[0] == "absent"


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


def test_disk_refused_when_opened_is_rejected_and_failed() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle(OpenDisk=lambda item: events.DiskOpened(1, "mounted-elsewhere", "at /media"))
    assert world.verdicts() == ["failed"]
    assert disk(world) == ("rejected", "mounted-elsewhere")
    assert world.of(signals.DiskRejected)
    world.happen(events.RunRequested(ONE))
    world.settle()
    assert world.verdicts() == ["failed", "success"]
    assert disk(world) == ("safe-to-unplug", "")


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


def test_run_waits_for_the_exclusive_open_to_end() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    while not isinstance(world.pending[0], effects.CheckRelease):
        world.answer(world.pending[0], well(world.pending[0]))
    world.happen(events.RunRequested(ONE))
    assert [type(item) for item in world.pending] == [effects.CheckRelease]
    world.settle()
    assert world.verdicts() == ["success", "success"]


def test_forgetting_by_hand_lets_a_running_backup_end() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.config = config()
    world.happen(events.ConfigChanged())
    world.settle()
    assert world.verdicts() == ["success"]
    assert disk(world)[0] == "unknown"
    assert world.of(signals.DiskForgotten)


def test_scripts_that_take_the_device_get_it_unmounted() -> None:
    world = World(
        Config(
            backup=config(scripts=("m.sh", "d.sh", "m2.sh")).backup,
            scripts={"d.sh": ScriptConfig(takes="device")},
            disks={ONE: DiskConfig("bleu")},
        )
    ).start()
    world.happen(events.DeviceSeen(device()))
    order = []
    while world.pending:
        effect = world.pending[0]
        order.append(type(effect).__name__ + getattr(effect, "mode", ""))
        world.answer(effect, well(effect))
    one = ["SyncDisk", "CloseDisk"]
    assert order == [
        "OpenDiskmount", "RunScript", *one,
        "OpenDiskdevice", "RunScript", *one,
        "OpenDiskmount", "RunScript", *one,
        "CheckRelease",
    ]  # fmt: skip
    assert world.verdicts() == ["success"]


def test_no_script_is_a_failure_that_says_so() -> None:
    world = ready(ONE, scripts=())
    world.happen(events.DeviceSeen(device()))
    world.settle()
    assert world.verdicts() == ["failed"]
    assert world.rows[1].code == "no-scripts"


def test_units_that_stay_down_are_a_warning_and_an_alert() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle(
        RunScript=lambda item: events.ScriptFinished(
            1, 0, Progress(), units_failed=("apache2.service",)
        )
    )
    assert world.verdicts() == ["warning"]
    assert world.state.units_stopped == ("apache2.service",)


def test_progress_is_told_and_shown_over_all_scripts() -> None:
    world = ready(ONE, scripts=("a.sh", "b.sh"))
    world.happen(events.DeviceSeen(device()))
    world.answer(world.pending[0], events.DiskOpened(1))
    world.answer(world.pending[0], events.ScriptFinished(1, 0, Progress(bytes_done=5)))
    world.happen(events.ScriptProgressed(1, Progress(fraction=0.5, step="home", bytes_done=7)))
    said = world.of(signals.BackupProgress)[-1]
    assert (said.fraction, said.step) == (0.75, "home")
    assert world.state.backups[1].phase is Phase.RUNNING
    world.happen(events.ScriptProgressed(99, Progress(fraction=0.9)))
    assert len(world.of(signals.BackupProgress)) == 1


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


def fails_to_open(effect: effects.OpenDisk, uuid: str) -> events.DiskOpened:
    fault = "read-only" if effect.device.uuid == uuid else ""
    return events.DiskOpened(effect.backup_id, fault, "so it is")


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


def test_a_script_that_failed_long_before_does_not_use_up_the_disk_s_grace() -> None:
    world = ready(ONE, scripts=("bad.sh", "good.sh"))
    world.happen(events.DeviceSeen(device()))

    def run(effect: effects.RunScript) -> events.ScriptFinished:
        world.now += 3600 * 1_000_000
        status = int(effect.script.name == "bad.sh")
        return events.ScriptFinished(effect.backup_id, status, Progress())

    world.settle(
        RunScript=run,
        SyncDisk=lambda item: events.DiskSynced(item.backup_id, "disk-error", "EIO"),
    )
    world.happen(events.DeviceGone(device().syspath))
    assert world.verdicts() == ["interrupted"]


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


def test_disk_seen_while_the_service_stops_is_left_for_the_next_start() -> None:
    world = ready()
    world.happen(events.StopRequested())
    world.happen(events.DeviceSeen(device()))
    assert not world.state.busy
    world.start()
    world.happen(events.DeviceSeen(device()))
    world.settle()
    assert world.verdicts() == ["success"]


def test_units_that_start_again_later_are_no_alert_any_more() -> None:
    world = World(
        Config(
            backup=config(scripts=("a.sh",)).backup,
            scripts={"a.sh": ScriptConfig(interrupt=("db.service",))},
            disks={ONE: DiskConfig("bleu")},
        )
    ).start()
    for seq, failed in ((7, ("db.service",)), (8, ())):
        world.happen(events.DeviceSeen(device(seq=seq)))
        world.settle(
            RunScript=lambda item, failed=failed: events.ScriptFinished(
                item.backup_id, 0, Progress(), units_failed=failed
            )
        )
        assert world.state.units_stopped == failed
    assert world.verdicts() == ["warning", "success"]


def test_unit_that_keeps_running_is_a_warning() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle(
        RunScript=lambda item: events.ScriptFinished(
            1, 0, Progress(), units_running=("db.service",)
        )
    )
    assert world.verdicts() == ["warning"]


def test_old_row_without_verdict_says_nothing_of_a_newer_backup() -> None:
    world = ready()
    for seq in (7, 8):
        world.happen(events.DeviceSeen(device(seq=seq)))
        world.settle()
        world.happen(events.DeviceGone(device().syspath))
    world.rows[1] = replace(world.rows[1], verdict="")
    world.start()
    assert world.rows[1].verdict == "interrupted"
    assert world.state.disks[ONE].last_verdict == "success"
    assert list(world.state.backups) == [2]


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
