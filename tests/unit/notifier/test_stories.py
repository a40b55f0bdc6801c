"""What a person reads of one disk."""

from dataclasses import replace

import pytest

from tests.unit.notifier.people import BLEU, NEW, RESTORING, RUNNING, UUID, done, restored
from tetrasback.notifier.note import AS_THE_SERVER_LIKES, STAYS, Note, Save, Urgency
from tetrasback.notifier.stories import story
from tetrasback.notifier.subject import Remark, Subject
from tetrasback.wire import BackupView, DiskView


def tell(subject: Subject) -> Note:
    note = story(subject)
    assert note is not None
    return note


def state(name: str, **values: str) -> DiskView:
    return replace(BLEU, state=name, **values)


def test_a_running_backup_has_progress_and_can_be_cancelled() -> None:
    note = tell(Subject(state("running"), active=replace(RUNNING, bytes_done=10**9, warnings=1)))
    assert note.title == "Backing up onto bleu"
    assert note.lines == ("home, 42%, 1.0 GB, 1 warning", "Leave the disk plugged in.")
    assert (note.progress, note.timeout, note.urgency) == (42, STAYS, Urgency.NORMAL)
    assert [button.key for button in note.buttons] == ["cancel"]
    assert note.instead_of_buttons == "To stop it: tetras-backctl cancel bleu"


def test_progress_is_never_100_before_the_verdict() -> None:
    assert tell(Subject(state("running"), active=replace(RUNNING, fraction=1.0))).progress == 99


def test_progress_that_is_not_known_has_no_bar() -> None:
    note = tell(Subject(state("running"), active=replace(RUNNING, fraction=-1.0)))
    assert note.progress is None
    assert "%" not in note.lines[0]


def test_a_queued_backup_waits() -> None:
    note = tell(Subject(state("queued"), active=replace(RUNNING, state="queued")))
    assert note.title == "bleu is waiting its turn"
    assert note.progress is None


def test_a_backup_with_its_verdict_is_not_safe_before_the_disk_is_let_go() -> None:
    note = tell(Subject(state("running"), last=done("success"), followed=True))
    assert note.title == "Backing up onto bleu"
    assert note.lines[-1] == "Leave the disk plugged in."
    assert not note.buttons


def test_a_restore_has_progress_and_the_command_that_stops_it() -> None:
    note = tell(Subject(state("held", reason="job"), job=RESTORING))
    assert note.title == "Restoring from bleu"
    assert note.lines == ("home, 42%", "Leave the disk plugged in.")
    assert note.progress == 42
    assert note.instead_of_buttons == "To stop it: tetras-backctl cancel --job=8"
    away = tell(Subject(state("held", reason="job"), job=RESTORING, away=True))
    assert (away.progress, away.instead_of_buttons) == (None, "")
    over = tell(Subject(state("held", reason="job"), last=restored("success"), followed=True))
    assert over.title == "Restoring from bleu"


@pytest.mark.parametrize(
    ("kind", "verdict", "title", "lines"),
    [
        ("restore", "success", "Restore from bleu complete", ("4.7 MB in 2 files, 9 s.",)),
        (
            "restore",
            "warning",
            "Restore from bleu complete, with warnings",
            ("4.7 MB in 2 files, 9 s.", "Some.", "More: tetras-backctl log 8"),
        ),
        ("restore", "cancelled", "Restore from bleu cancelled", ("Some.",)),
        (
            "verify",
            "warning",
            "Verification of bleu: NOT everything is as it was written",
            ("4.7 MB in 2 files, 9 s.", "Some.", "More: tetras-backctl log 8"),
        ),
        (
            "verify",
            "failed",
            "Verification of bleu FAILED",
            ("4.7 MB in 2 files, 9 s.", "Some.", "More: tetras-backctl log 8"),
        ),
        (
            "odd",
            "failed",
            "A job on bleu has ended",
            ("4.7 MB in 2 files, 9 s.", "Some.", "More: tetras-backctl log 8"),
        ),
    ],
)
def test_a_job_has_its_verdict_and_the_disk_its_own(
    kind: str, verdict: str, title: str, lines: tuple[str, ...]
) -> None:
    last = restored(verdict, kind=kind, message="some", bytes_done=4_700_000, files_done=2)
    last = replace(last, started_at=10)
    note = tell(Subject(state("safe-to-unplug"), last=last, followed=True))
    assert note.title == title
    assert note.lines == (*lines, "The disk is safe to unplug.")
    assert (note.urgency is Urgency.CRITICAL) == (verdict == "failed")
    held = tell(Subject(state("held", reason="in-use"), last=last, followed=True))
    assert held.title == "Do not unplug bleu yet"
    assert title + "." in held.lines


def test_a_disk_that_is_looked_at_is_no_story() -> None:
    assert story(Subject(state("held", reason="job"), last=done("success"))) is None


def test_without_the_daemon_there_is_no_news_of_a_backup() -> None:
    note = tell(Subject(state("running"), active=RUNNING, away=True))
    assert note.title == "No news of the backup on bleu"
    assert "Leave the disk plugged in until it is back." in note.lines[0]
    assert (note.progress, note.buttons) == (None, ())


@pytest.mark.parametrize(
    ("backup", "title", "lines", "urgency"),
    [
        (
            done("success", bytes_done=5_000_000, files_done=12),
            "bleu is safe to unplug",
            ("Backup complete: 5.0 MB in 12 files, 3 s.",),
            Urgency.NORMAL,
        ),
        (
            done("warning", warnings=2, code="source-unreadable"),
            "bleu is safe to unplug",
            (
                "Backup complete, with 2 warnings.",
                "Some files could not be read.",
                "More: tetras-backctl log 7",
            ),
            Urgency.NORMAL,
        ),
        (
            done("failed", code="disk-full", message="the disk is full: use a larger one"),
            "Backup on bleu FAILED",
            (
                "The disk is full: use a larger one.",
                "More: tetras-backctl log 7",
                "The disk is safe to unplug.",
            ),
            Urgency.CRITICAL,
        ),
        (
            done("cancelled", code="cancelled"),
            "Backup on bleu cancelled",
            ("Somebody cancelled it.", "The disk is safe to unplug."),
            Urgency.NORMAL,
        ),
        (
            done("interrupted", code="daemon-died"),
            "Backup on bleu INTERRUPTED",
            (
                "The service or the server stopped unexpectedly.",
                "More: tetras-backctl log 7",
                "The disk is safe to unplug.",
            ),
            Urgency.CRITICAL,
        ),
        (
            done("exploded", message="what a newer daemon says"),
            "Backup on bleu has ended",
            (
                "Exploded.",
                "What a newer daemon says.",
                "More: tetras-backctl log 7",
                "The disk is safe to unplug.",
            ),
            Urgency.CRITICAL,
        ),
    ],
    ids=lambda value: getattr(value, "verdict", ""),
)
def test_an_end_has_its_verdict_and_stays(
    backup: BackupView, title: str, lines: tuple[str, ...], urgency: Urgency
) -> None:
    note = tell(Subject(state("safe-to-unplug"), last=backup))
    assert (note.title, note.lines, note.urgency) == (title, lines, urgency)
    assert note.timeout == STAYS


@pytest.mark.parametrize("verdict", ["success", "failed"])
def test_a_disk_in_use_must_not_be_unplugged(verdict: str) -> None:
    note = tell(Subject(state("held", reason="in-use"), last=done(verdict, code="script-failed")))
    assert note.title == "Do not unplug bleu yet"
    assert note.lines[0] == "A program still uses it; do not pull it out yet."
    assert (note.urgency, note.timeout) == (Urgency.CRITICAL, STAYS)
    assert ("Backup on bleu FAILED." in note.lines) == (verdict == "failed")
    assert not any("safe to unplug" in line for line in note.lines)


def test_a_bad_end_of_a_disk_that_has_gone_says_what_to_do() -> None:
    gone = replace(BLEU, state="absent", device="")
    note = tell(Subject(gone, last=done("interrupted", code="disk-gone"), followed=True))
    assert note.title == "Backup on bleu INTERRUPTED"
    assert note.lines[-1] == "Plug the disk in again to make another backup."


@pytest.mark.parametrize("verdict", ["success", "warning", "cancelled"])
def test_a_disk_that_was_taken_away_after_a_good_end_needs_no_note(verdict: str) -> None:
    gone = replace(BLEU, state="absent", device="")
    assert story(Subject(gone, last=done(verdict), followed=True)) is None


def test_an_old_bad_end_is_no_story() -> None:
    assert story(Subject(state("plugged"), last=done("failed"))) is None


def test_a_disk_that_cannot_be_used_says_why() -> None:
    note = tell(Subject(state("rejected", reason="read-only")))
    assert note.title == "bleu cannot be used"
    assert note.lines[0].startswith("It is write-protected;")
    assert note.urgency is Urgency.CRITICAL


def test_a_rejected_file_system_is_named() -> None:
    disk = state("rejected", reason="unsupported-filesystem", filesystem_type="exfat")
    assert "(exfat)" in tell(Subject(disk)).lines[0]


def test_a_new_disk_can_be_saved_under_a_name_that_is_free() -> None:
    note = tell(Subject(NEW, taken=["elements"]))
    assert note.title == "New disk: Elements"
    assert note.lines == ("/dev/sdb1, ext4, 1.0 TB",)
    (button,) = note.buttons
    assert (button.label, button.command) == ("Save this disk", Save(UUID, "Elements 2"))
    assert "“Elements 2”" in note.beside_buttons
    assert note.instead_of_buttons.endswith(f"tetras-backctl save {UUID}='Elements 2'")


@pytest.mark.parametrize("kind", ["vfat", "exfat", "ntfs", "crypto_LUKS", ""])
def test_a_disk_that_cannot_hold_backups_is_not_offered(kind: str) -> None:
    note = tell(Subject(replace(NEW, filesystem_type=kind)))
    assert note.title == "Elements cannot hold backups"
    assert "format it with ext4" in note.lines[-1]
    assert not note.buttons
    assert not note.instead_of_buttons
    assert (note.urgency, note.timeout) == (Urgency.LOW, AS_THE_SERVER_LIKES)


def test_a_disk_saved_here_can_be_backed_up_at_once() -> None:
    note = tell(Subject(BLEU, saved_here=True))
    assert note.title == "Saved as bleu"
    assert f"tetras-backctl save {UUID}=…" in note.lines[1]
    assert [button.key for button in note.buttons] == ["backup"]


def test_a_saved_disk_that_nothing_happens_to_is_no_story() -> None:
    assert story(Subject(BLEU)) is None


def test_a_remark_belongs_to_one_occasion() -> None:
    occasion = tell(Subject(NEW)).occasion
    said = tell(Subject(NEW, remark=Remark(occasion, "You may not.")))
    assert said.lines[-1] == "You may not."
    assert said.buttons
    final = tell(Subject(NEW, remark=Remark(occasion, "It is being done.", final=True)))
    assert (final.buttons, final.instead_of_buttons, final.beside_buttons) == ((), "", "")
    assert tell(Subject(NEW, remark=Remark("another", "You may not."))) == tell(Subject(NEW))


def test_names_of_strangers_are_made_safe() -> None:
    disk = replace(NEW, label="\x1b[2J\n\u202eevil" + "x" * 500, model="a\nb")
    note = tell(Subject(disk))
    text = "".join((note.title, *note.lines, note.beside_buttons, note.instead_of_buttons))
    assert text.isprintable()
    assert len(note.title) < 120
