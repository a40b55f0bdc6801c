"""What is said about a backup: scripts, faults, verdicts."""

from dataclasses import replace

import pytest

from tests.unit.core.world import UUIDS, World, config, device, disk, ready, well
from tetrasback.config.model import Config, DiskConfig, ScriptConfig
from tetrasback.core import effects, events, signals
from tetrasback.core.state import Phase, Progress
from tetrasback.errors import UnknownDisk

ONE, TWO = UUIDS[0], UUIDS[1]


def test_unknown_disk_is_shown_and_left_alone() -> None:
    world = ready(TWO)
    world.happen(events.DeviceSeen(device()))
    assert disk(world) == ("unknown", "")
    assert not world.pending
    with pytest.raises(UnknownDisk, match="save it first"):
        world.happen(events.RunRequested(ONE))
    world.happen(events.DeviceGone(device().syspath))
    assert ONE not in world.state.disks


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
