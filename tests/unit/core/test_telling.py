"""What is mailed and called out: once, for each thing that somebody must hear of."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.core.world import UUIDS, World, device, ready
from tetrasback.config.model import MAIL_WORDS, AlertsConfig, MailConfig
from tetrasback.core import effects, events, signals
from tetrasback.core.alerts import alerts
from tetrasback.core.news import BackupEnded, DiskRefused, DiskSafe
from tetrasback.core.state import Progress

ONE, TWO = UUIDS[0], UUIDS[1]
VFAT = {"fstype": "vfat"}


def mailing(
    world: World, to: tuple[str, ...] = ("root",), on: tuple[str, ...] = MAIL_WORDS
) -> None:
    world.config = replace(world.config, mail=MailConfig(to=to, on=on))
    world.happen(events.ConfigChanged())


def verdicts(world: World) -> list[str]:
    """Of the letters about backups, in order."""
    return [item.backup.verdict for item in world.letters if isinstance(item, BackupEnded)]


def refusals(world: World) -> list[str]:
    """Reasons of the letters about refused disks, in order."""
    return [item.reason for item in world.letters if isinstance(item, DiskRefused)]


def plugged(world: World) -> None:
    world.happen(events.DeviceSeen(device()))


def running(world: World) -> None:
    plugged(world)
    world.answer(world.pending[0], events.DiskOpened(1))


# Every way in which a backup can end: what happens, the verdict, the code.
def _full(world: World) -> None:
    plugged(world)
    world.settle(SyncDisk=lambda it: events.DiskSynced(it.backup_id, "disk-full"))


def _dying(world: World) -> None:
    plugged(world)
    world.settle(SyncDisk=lambda it: events.DiskSynced(it.backup_id, "disk-error"))
    world.fire("grace")


def _script(status: int | None, ended: str = "", **said: Any) -> Callable[[World], None]:
    def happens(world: World) -> None:
        plugged(world)
        world.settle(
            RunScript=lambda it: events.ScriptFinished(
                it.backup_id, status, Progress(**said), ended, "why"
            )
        )

    return happens


def _no_scripts(world: World) -> None:
    world.config = replace(world.config, backup=replace(world.config.backup, scripts=()))
    plugged(world)
    world.settle()


def _not_unmounted(world: World) -> None:
    plugged(world)
    world.settle(CloseDisk=lambda it: events.DiskClosed(it.backup_id, "unmount-failed", "busy"))
    world.fire("grace")


def _not_opened(world: World) -> None:
    plugged(world)
    world.settle(OpenDisk=lambda it: events.DiskOpened(it.backup_id, "mounted-elsewhere", "so"))


def _cancelled_in_the_queue(world: World) -> None:
    world.state = replace(world.state, ready=False)
    plugged(world)
    world.happen(events.CancelRequested(ONE))


def _cancelled(world: World) -> None:
    running(world)
    world.happen(events.CancelRequested(ONE))
    world.settle()


def _unplugged(world: World) -> None:
    running(world)
    world.happen(events.UnplugRequested(ONE))
    world.settle()


def _forgotten(world: World) -> None:
    world.state = replace(world.state, ready=False)
    plugged(world)
    world.config = replace(world.config, disks={})
    world.happen(events.ConfigChanged())


def _pulled(world: World) -> None:
    running(world)
    world.happen(events.DeviceGone(device().syspath))
    world.settle()


def _pulled_in_the_queue(world: World) -> None:
    world.state = replace(world.state, ready=False)
    plugged(world)
    world.happen(events.DeviceGone(device().syspath))


def _stopped(world: World) -> None:
    running(world)
    world.happen(events.StopRequested())
    world.settle()


def _killed(world: World) -> None:
    running(world)
    world.start()


def _twin(world: World) -> None:
    world.state = replace(world.state, ready=False)
    plugged(world)
    world.happen(events.DeviceSeen(device(1, uuid=ONE)))


ENDINGS: dict[str, tuple[Callable[[World], None], str, str]] = {
    "all is well": (_script(0), "success", ""),
    "a warning": (_script(3, warnings=1), "warning", "script-warning"),
    "a shrunken source": (_script(3, warnings=1, code="source-shrunk"), "warning", "source-shrunk"),
    "a failed script": (_script(1), "failed", "script-failed"),
    "a killed script": (_script(-9), "failed", "script-failed"),
    "a time-out": (_script(None, "timed-out"), "failed", "timed-out"),
    "a refused script": (_script(None, "script-refused"), "failed", "script-refused"),
    "a script that found the disk full": (
        _script(1, warnings=1, code="disk-full"),
        "failed",
        "disk-full",
    ),
    "no script": (_no_scripts, "failed", "no-scripts"),
    "a full disk": (_full, "failed", "disk-full"),
    "a dying disk": (_dying, "failed", "disk-error"),
    "a disk that is not let go of": (_not_unmounted, "failed", "unmount-failed"),
    "a disk that cannot be opened": (_not_opened, "failed", "mounted-elsewhere"),
    "a cancel in the queue": (_cancelled_in_the_queue, "cancelled", "cancelled"),
    "a cancel": (_cancelled, "cancelled", "cancelled"),
    "an unplug": (_unplugged, "cancelled", "unplug-requested"),
    "a forgotten disk": (_forgotten, "cancelled", "forgotten"),
    "a disk that is pulled": (_pulled, "interrupted", "disk-gone"),
    "a disk that is pulled in the queue": (_pulled_in_the_queue, "interrupted", "disk-gone"),
    "a stop of the service": (_stopped, "interrupted", "daemon-stopped"),
    "a death of the service": (_killed, "interrupted", "daemon-died"),
    "a twin": (_twin, "failed", "duplicate-uuid"),
}


@pytest.mark.parametrize(("happens", "verdict", "code"), ENDINGS.values(), ids=list(ENDINGS))
def test_every_ending_has_one_letter(
    happens: Callable[[World], None], verdict: str, code: str
) -> None:
    world = ready()
    happens(world)
    (letter,) = world.letters
    assert isinstance(letter, BackupEnded)
    assert (letter.backup.verdict, letter.backup.code) == (verdict, code)
    assert letter.backup.name == "disk-0"
    assert all(row.mailed for row in world.rows.values())


@pytest.mark.parametrize(("happens", "verdict", "code"), ENDINGS.values(), ids=list(ENDINGS))
def test_no_letter_about_what_nobody_wants_to_hear(
    happens: Callable[[World], None], verdict: str, code: str
) -> None:
    del code
    world = ready()
    mailing(world, on=tuple(word for word in MAIL_WORDS if word not in (verdict, "rejected")))
    happens(world)
    assert world.letters == []
    assert all(row.mailed for row in world.rows.values())


def test_no_address_no_letter() -> None:
    world = ready()
    mailing(world, to=())
    running(world)
    world.settle()
    assert (world.verdicts(), world.letters) == (["success"], [])


def test_a_letter_says_what_the_script_said_and_the_state_forgets_it() -> None:
    world = ready()
    _script(3, warnings=1, warned=("a",), pruned=("old",), notes=2)(world)
    (letter,) = world.letters
    assert letter.backup.earlier.warned == ("a",)
    assert letter.backup.earlier.pruned == ("old",)
    assert letter.disk.last_success
    kept = world.state.backups[1]
    assert (kept.earlier.warned, kept.earlier.pruned, kept.earlier.warnings) == ((), (), 1)


def test_a_letter_that_was_not_kept_is_written_by_the_next_life() -> None:
    world = ready()
    world.keeps_letters = False
    running(world)
    world.settle()
    assert verdicts(world) == ["success"]
    world.start()
    assert verdicts(world) == ["success", "success"]
    world.happen(events.MailKept(world.letters[-1]))
    world.start()
    assert verdicts(world) == ["success", "success"]


def test_a_letter_nobody_wants_any_more_is_not_written_by_the_next_life() -> None:
    world = ready()
    world.keeps_letters = False
    running(world)
    world.settle()
    world.config = replace(world.config, mail=MailConfig(to=()))
    world.start()
    assert verdicts(world) == ["success"]
    assert world.rows[1].mailed


# --- refused disks ------------------------------------------------------------------------------


def test_a_refused_disk_is_told_once_for_each_plug() -> None:
    world = ready()
    for _ in range(3):
        world.happen(events.DeviceSeen(device(**VFAT)))
    world.happen(events.PlugRequested(device(**VFAT)))
    assert refusals(world) == ["unsupported-filesystem"]
    world.start()
    world.happen(events.DeviceSeen(device(**VFAT)))
    assert refusals(world) == ["unsupported-filesystem"]
    world.happen(events.DeviceGone(device().syspath))
    world.happen(events.DeviceSeen(device(seq=8, **VFAT)))
    assert refusals(world) == ["unsupported-filesystem"] * 2


def test_a_refused_disk_is_told_again_for_another_reason_and_in_another_boot() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device(**VFAT)))
    world.happen(events.DeviceSeen(device(fstype="crypto_LUKS")))
    assert refusals(world) == ["unsupported-filesystem", "encrypted"]
    world.start(boot="other")
    world.happen(events.DeviceSeen(device(fstype="crypto_LUKS")))
    assert refusals(world) == ["unsupported-filesystem", "encrypted", "encrypted"]


def test_a_refusal_whose_letter_was_not_kept_is_told_by_the_next_life() -> None:
    world = ready()
    world.keeps_letters = False
    for _ in range(2):
        world.happen(events.DeviceSeen(device(**VFAT)))
    assert len(world.letters) == 1
    world.start()
    world.happen(events.DeviceSeen(device(**VFAT)))
    assert len(world.letters) == 2


def test_two_devices_of_one_uuid_are_one_refusal_in_every_life() -> None:
    world = ready()
    plugged(world)
    world.settle()
    world.letters.clear()
    for _ in range(2):
        world.happen(events.DeviceSeen(device(1, uuid=ONE, seq=9)))
        world.start()
        plugged(world)
    assert refusals(world) == ["duplicate-uuid"]


def test_twin_of_a_disk_that_is_written_to_is_told_and_so_is_the_backup() -> None:
    world = ready()
    running(world)
    world.happen(events.DeviceSeen(device(1, uuid=ONE)))
    world.settle()
    assert refusals(world) == ["duplicate-uuid"]
    assert verdicts(world) == ["success"]


def test_refusal_is_told_where_the_failure_it_caused_is_not() -> None:
    world = ready()
    mailing(world, on=("rejected",))
    _not_opened(world)
    assert refusals(world) == ["mounted-elsewhere"]
    assert verdicts(world) == []


def test_a_disk_that_nobody_saved_is_no_news() -> None:
    world = ready(TWO)
    world.happen(events.DeviceSeen(device(**VFAT)))
    assert world.letters == []


# --- the console --------------------------------------------------------------------------------


def listening() -> World:
    world = ready()
    world.config = replace(world.config, alerts=AlertsConfig(console=True))
    return world


def calls(world: World) -> list[str]:
    return [
        item.backup.verdict if isinstance(item, BackupEnded) else type(item).__name__
        for item in world.calls
    ]


@pytest.mark.parametrize(("happens", "verdict", "code"), ENDINGS.values(), ids=list(ENDINGS))
def test_console_hears_what_went_wrong(
    happens: Callable[[World], None], verdict: str, code: str
) -> None:
    del code
    world = listening()
    happens(world)
    bad = [verdict] if verdict in ("failed", "interrupted") else []
    assert [item for item in calls(world) if item != "DiskSafe"] == bad


def test_console_hears_that_a_disk_is_safe() -> None:
    world = listening()
    running(world)
    world.settle()
    assert world.calls == [DiskSafe(ONE, "disk-0")]
    assert len(world.of(signals.SafeToUnplug)) == 1


def test_console_hears_of_a_refused_disk_once() -> None:
    world = listening()
    mailing(world, to=())
    for _ in range(2):
        world.happen(events.DeviceSeen(device(**VFAT)))
    assert calls(world) == ["DiskRefused"]


def test_console_is_silent_unless_asked_for() -> None:
    world = ready()
    _pulled(world)
    world.happen(events.DeviceSeen(device(seq=9)))
    world.settle()
    assert world.calls == []


# --- how mail is sent ---------------------------------------------------------------------------


def test_the_way_of_sending_is_told_at_the_start_and_when_it_changes() -> None:
    world = ready()
    for _ in range(2):
        mailing(world, to=("a@example.org",))
    told = [item.settings.to for item in world.done if isinstance(item, effects.SetMail)]
    assert told == [("root",), ("a@example.org",)]


def test_trouble_with_mail_is_shown_until_it_is_over() -> None:
    world = ready()
    running(world)
    world.settle()
    for message in ("1 mail waits", "2 mails wait"):
        world.happen(events.MailFailed(message))
        found = {alert.code: alert for alert in alerts(world.state, world.config, world.now)}
        assert found["mail"].message == message
    assert found["mail"].since == world.now - 1000
    world.happen(events.MailFailed(""))
    assert "mail" not in {item.code for item in alerts(world.state, world.config, world.now)}
