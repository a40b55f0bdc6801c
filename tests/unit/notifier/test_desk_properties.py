"""Whatever happens, in whatever order: what the screen may never say."""

from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.notifier.people import DAY, Person
from tetrasback import names
from tetrasback.client.events import Changed, Removed, Signal
from tetrasback.lang.words import ALERTS, CODES, DISK_STATES, REASONS, VERDICTS
from tetrasback.notifier.attention import is_about_an_end
from tetrasback.notifier.desk import MAX_NOTES
from tetrasback.notifier.form import form
from tetrasback.notifier.note import BackUp, Cancel, Save
from tetrasback.wire import Alert, BackupView, DiskView, JobView, from_wire, to_wire

UUIDS = ["0b5a9f3e-77aa-4c1d-9e2f-000000000001", "0b5a9f3e-77aa-4c1d-9e2f-000000000002", "AB-1"]
TEXTS = ["", "bleu", "a\x1b[2J\u202eb\nc", "<b>&amp;", "é" * 300, "\ud800"]
SIGNALS = ["DiskPlugged", "DiskUnplugged", "DiskForgotten", "DiskSaved", "SafeToUnplug"]
FEATURES = ["actions", "body", "body-markup"]


def any_disk(pick: Random) -> DiskView:
    return DiskView(
        uuid=pick.choice(UUIDS),
        name=pick.choice(TEXTS),
        saved=pick.random() < 0.7,
        device=pick.choice(["", "/dev/sdb1"]),
        label=pick.choice(TEXTS),
        model=pick.choice(TEXTS),
        filesystem_type=pick.choice(["ext4", "vfat", "crypto_LUKS", ""]),
        size=pick.choice([0, 10**12]),
        state=pick.choice([*DISK_STATES, "safe-to-unplug", "running", "odd"]),
        reason=pick.choice([*REASONS, "", "odd"]),
    )


def any_backup(pick: Random) -> BackupView:
    state = pick.choice(["queued", "mounting", "running", "finishing", "done", "done", "odd"])
    return BackupView(
        id=pick.randrange(1, 6),
        uuid=pick.choice(UUIDS),
        state=state,
        verdict=pick.choice([*VERDICTS, "odd"]) if state == "done" else "",
        code=pick.choice([*CODES, "odd"]),
        step=pick.choice(TEXTS),
        fraction=pick.choice([-1.0, 0.0, 0.5, 1.0, 7.0, float("nan"), float("inf")]),
        bytes_done=pick.choice([0, 2**64 - 1]),
        bytes_total=pick.choice([0, 2**64 - 1]),
        files_done=pick.choice([0, 1, 2**64 - 1]),
        warnings=pick.choice([0, 1, 2**32 - 1]),
        started_at=pick.choice([0, 5, 2**64 - 1]),
        finished_at=pick.choice([0, 9, 2**64 - 1]),
        message=pick.choice(TEXTS),
    )


def any_job(pick: Random) -> JobView:
    """Backups and jobs are numbered together."""
    backup = to_wire(replace(any_backup(pick), id=pick.randrange(6, 11)))
    members = {name: value for name, (_signature, value) in backup.items()}
    kind = pick.choice(["restore", "verify", "odd"])
    return from_wire(JobView, {**members, "Kind": kind, "Snapshot": pick.choice(TEXTS)})


def any_alert(pick: Random) -> Alert:
    code, uuid = pick.choice([*ALERTS, "odd"]), pick.choice([*UUIDS, "", "gone"])
    return Alert(code, uuid, pick.choice([0, 9]), pick.choice(TEXTS))


def happen(person: Person, pick: Random) -> None:
    """One thing, of the daemon, its disks, the bus, or the person before the screen."""
    uuid = pick.choice(UUIDS)
    match pick.randrange(12):
        case 0 | 1 | 2:
            person.tell(any_disk(pick))
        case 3 | 4:
            person.tell(any_job(pick) if pick.random() < 0.3 else any_backup(pick))
        case 5:
            values: dict[str, Any] = {"State": pick.choice(list(DISK_STATES))}
            person.hear(Changed(names.disk_path(uuid), names.DISK_INTERFACE, values))
        case 6:
            number = pick.randrange(11)
            path = pick.choice([names.backup_path, names.job_path])(number)
            path = pick.choice([names.disk_path(uuid), path])
            person.hear(Removed(path, ()))
        case 7:
            device = "/dev/sdb1"
            person.hear(Signal(pick.choice(SIGNALS), {"uuid": uuid, "device": device}))
            reason = pick.choice([*REASONS, "odd"])
            person.hear(Signal("DiskRejected", {"uuid": uuid, "device": device, "reason": reason}))
        case 8:
            person.alerts(*(any_alert(pick) for _ in range(pick.randrange(9))))
        case 9:
            person.gone() if pick.random() < 0.5 else person.begin(
                *(any_disk(pick) for _ in range(3)),
                *(any_backup(pick) for _ in range(4)),
                *(any_job(pick) for _ in range(2)),
            )
        case 10:
            command = pick.choice([Save(uuid, "x"), BackUp(uuid), Cancel(uuid)])
            pick.choice([person.desk.succeeded, lambda c: person.desk.failed(c, "why")])(command)
            person.look()
        case _:
            person.now += pick.choice([0, DAY, 30 * DAY])
            person.look()
            if person.screen:
                person.close(pick.choice(list(person.screen)))


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_whatever_happens(pick: Random, count: int) -> None:
    person = Person()
    for _ in range(count):
        happen(person, pick)
        check(person, pick)


def check(person: Person, pick: Random) -> None:
    disks = person.desk.mirror.disks
    wanted = person.desk.wanted(person.now)
    keys = [note.key for note in wanted]
    assert len(keys) == len(set(keys)) <= MAX_NOTES + 1
    assert sorted(keys) == sorted(person.screen)  # it is at rest: looking changes nothing
    for note in wanted:
        said = "\n".join((note.title, *note.lines)).lower()
        if "safe to unplug" in said:
            assert disks[note.key].state == "safe-to-unplug"
        asked = form(note, frozenset(name for name in FEATURES if pick.random() < 0.5))
        for text in (asked.summary, *asked.body.split("\n")):
            assert text.isprintable()
        assert 0 < len(asked.summary) + len(asked.body) < 5000
        assert note.progress is None or 0 <= note.progress < 100
        for button in note.buttons:
            assert button.command.uuid == note.key
            if isinstance(button.command, Save):
                assert disks[note.key].state == "unknown"
                assert disks[note.key].filesystem_type == "ext4"


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_next_session_repeats_only_what_goes_on(pick: Random) -> None:
    views: list[DiskView | BackupView | JobView] = [any_disk(pick) for _ in range(3)]
    views += [*(any_backup(pick) for _ in range(4)), *(any_job(pick) for _ in range(2))]
    found = (any_alert(pick) for _ in range(9))
    # How a disk's last backup ended is the same in its alert and in the backup, but not here.
    alerts = tuple(alert for alert in found if not is_about_an_end(alert))
    alerts += tuple(
        Alert("unknown-disk" if view.state == "unknown" else "rejected", view.uuid, 3, "")
        for view in views
        if isinstance(view, DiskView)
    )
    first = Person()
    first.begin(*views, alerts=alerts)
    again = Person(first.told)
    again.begin(*views, alerts=alerts)
    for note in again.screen.values():
        assert note.occasion.startswith(("backup:", "job:", "held:", "safe:"))
