"""What is news, what goes on, and what has been told already."""

from dataclasses import replace

import pytest

from tests.unit.notifier.people import (
    BLEU,
    DAY,
    NEW,
    OTHER,
    RESTORING,
    RUNNING,
    UUID,
    Person,
    done,
    restored,
)
from tetrasback.client.events import Signal
from tetrasback.notifier.desk import MAX_NOTES
from tetrasback.notifier.note import BackUp, Cancel, Save
from tetrasback.notifier.told import REPEAT_DAYS
from tetrasback.wire import Alert

WORKING = replace(BLEU, state="running")
READ = replace(BLEU, state="held", reason="job")
SAFE = replace(BLEU, state="safe-to-unplug")
ABSENT = replace(BLEU, state="absent", device="")
STALE = Alert("stale", UUID, 5, "the last good backup on disk bleu is 20 days old")
UNKNOWN = Alert("unknown-disk", UUID, 5, "disk Elements is plugged but not saved")
FAILED = Alert("failed", UUID, 3_000_010, "the last backup on disk bleu ended as: failed")


@pytest.fixture
def person() -> Person:
    return Person()


def test_one_note_follows_a_backup_from_the_plug_to_the_end(person: Person) -> None:
    person.begin(ABSENT)
    assert not person.screen
    person.signal("DiskPlugged", uuid=UUID, device="/dev/sdb1")
    person.tell(replace(BLEU, state="queued"), replace(RUNNING, state="queued"))
    assert person.note.title == "bleu is waiting its turn"
    person.tell(WORKING, RUNNING)
    assert person.note.title == "Backing up onto bleu"
    person.tell(done("success"))
    assert person.note.title == "Backing up onto bleu"
    assert "Leave the disk plugged in." in person.text
    person.tell(SAFE)
    assert person.note.title == "bleu is safe to unplug"
    person.signal("DiskUnplugged", uuid=UUID, device="/dev/sdb1")
    person.tell(ABSENT)
    assert not person.screen
    assert {note.key for note in person.seen} == {UUID}


def test_who_closes_progress_hears_of_the_end_only(person: Person) -> None:
    person.begin(WORKING, RUNNING)
    person.close()
    person.tell(replace(RUNNING, fraction=0.5))
    assert not person.screen
    person.tell(done("success"), SAFE)
    assert person.note.title == "bleu is safe to unplug"
    person.close()
    person.tell(replace(SAFE, free=7))
    assert not person.screen


def test_a_restore_is_told_after_the_backup_before_it(person: Person) -> None:
    person.begin(WORKING, RUNNING)
    person.tell(done("success"), SAFE)
    person.tell(READ, RESTORING)
    assert person.note.title == "Restoring from bleu"
    person.tell(restored("warning"))
    person.tell(SAFE)
    assert person.note.title == "Restore from bleu complete, with warnings"
    assert "safe to unplug" in person.text
    person.close()
    person.tell(replace(SAFE, free=7))
    assert not person.screen


def test_a_restore_that_nobody_saw_hides_no_end_of_a_backup(person: Person) -> None:
    person.begin(SAFE, done("failed"), restored("success"))
    assert person.note.title == "Backup on bleu FAILED"


def test_a_disk_pulled_out_of_a_restore(person: Person) -> None:
    person.begin(READ, RESTORING)
    person.tell(restored("interrupted", code="disk-gone"), ABSENT)
    assert person.note.title == "Restore from bleu INTERRUPTED"
    assert "another backup" not in person.text


def test_looking_at_a_disk_is_told_only_where_it_was_called_safe(person: Person) -> None:
    person.begin(BLEU)
    person.tell(READ)
    assert not person.screen
    person.tell(BLEU)
    person.tell(WORKING, RUNNING)
    person.tell(done("success"), SAFE)
    person.tell(READ)
    assert person.note.title == "Do not unplug bleu yet"
    person.tell(SAFE)
    assert person.note.title == "bleu is safe to unplug"
    person.close()
    person.tell(READ)
    person.tell(SAFE)
    assert not person.screen


def test_a_failure_stays_when_the_disk_is_taken_away(person: Person) -> None:
    person.begin(WORKING, RUNNING)
    person.tell(done("failed", code="disk-error"), SAFE)
    person.alerts(FAILED)
    assert person.note.title == "Backup on bleu FAILED"
    person.tell(ABSENT)
    assert person.note.title == "Backup on bleu FAILED"
    assert "safe to unplug" not in person.text
    person.close()
    assert not person.screen


def test_a_disk_pulled_out_in_the_middle(person: Person) -> None:
    person.begin(WORKING, RUNNING)
    person.tell(ABSENT)
    person.tell(done("interrupted", code="disk-gone"))
    assert person.note.title == "Backup on bleu INTERRUPTED"


def test_a_disk_that_was_never_saved_and_has_gone(person: Person) -> None:
    person.begin(WORKING, RUNNING)
    person.remove(UUID)
    person.tell(done("interrupted", code="disk-gone"))
    assert person.note.title == f"Backup on {UUID} INTERRUPTED"


def test_held_then_safe(person: Person) -> None:
    person.begin(WORKING, RUNNING)
    person.tell(done("success"), replace(BLEU, state="held", reason="in-use"))
    assert person.note.title == "Do not unplug bleu yet"
    person.close()
    person.tell(SAFE)
    assert person.note.title == "bleu is safe to unplug"


def test_at_the_start_old_ends_are_no_news_but_what_waits_is(person: Person) -> None:
    other = replace(ABSENT, uuid=OTHER, name="vert")
    person.begin(SAFE, done("success"), other, replace(done("failed"), id=8, uuid=OTHER))
    assert person.note.title == "bleu is safe to unplug"


def test_the_next_session_does_not_hear_it_again(person: Person) -> None:
    person.begin(SAFE, done("success"))
    assert person.screen
    again = Person(person.told)
    again.begin(SAFE, done("success"))
    assert not again.screen


def test_a_new_disk_is_offered_once_for_each_plug(person: Person) -> None:
    person.begin()
    person.signal("DiskPlugged", uuid=UUID, device="/dev/sdb1")
    person.tell(NEW)
    person.alerts(UNKNOWN)
    assert person.note.title == "New disk: Elements"
    person.close()
    person.tell(replace(NEW, last_seen=9))
    assert not person.screen
    person.signal("DiskUnplugged", uuid=UUID, device="/dev/sdb1")
    person.remove(UUID)
    person.alerts()
    person.signal("DiskPlugged", uuid=UUID, device="/dev/sdb1")
    person.tell(NEW)
    assert person.note.title == "New disk: Elements"


def test_a_new_disk_that_stays_is_not_offered_by_the_next_session(person: Person) -> None:
    person.begin(NEW, alerts=(UNKNOWN,))
    assert person.screen
    again = Person(person.told)
    again.begin(NEW, alerts=(UNKNOWN,))
    assert not again.screen


def test_a_daemon_that_starts_again_brings_no_old_news(person: Person) -> None:
    person.begin(NEW, replace(SAFE, uuid=OTHER), replace(done("success"), uuid=OTHER))
    assert len(person.screen) == 2
    person.close(UUID)
    person.close(OTHER)
    person.gone()
    person.begin(NEW, replace(BLEU, uuid=OTHER), replace(done("success"), uuid=OTHER))
    person.signal("DiskPlugged", uuid=OTHER, device="/dev/sdb1")
    person.tell(replace(SAFE, uuid=OTHER))
    person.alerts(replace(UNKNOWN, since=99))  # it was seen anew
    assert not person.screen


def test_a_forgotten_disk_is_not_offered_at_once(person: Person) -> None:
    person.begin(BLEU)
    person.hear(Signal("DiskForgotten", {"uuid": UUID}))
    person.tell(replace(NEW))
    assert not person.screen


def test_without_the_daemon_nothing_new_is_said_and_progress_stops(person: Person) -> None:
    person.gone()
    assert not person.screen
    person.begin(WORKING, RUNNING)
    person.gone()
    assert person.note.title == "No news of the backup on bleu"
    person.begin(BLEU, done("interrupted", code="daemon-died"))
    assert person.note.title == "Backup on bleu INTERRUPTED"


def test_safe_stays_on_the_screen_without_the_daemon(person: Person) -> None:
    person.begin(WORKING, RUNNING)
    person.tell(done("success"), SAFE)
    person.gone()
    assert person.note.title == "bleu is safe to unplug"


def test_a_rejected_disk(person: Person) -> None:
    person.begin(ABSENT)
    person.signal("DiskPlugged", uuid=UUID, device="/dev/sdb1")
    person.tell(replace(BLEU, state="rejected", reason="damaged"))
    person.signal("DiskRejected", uuid=UUID, device="/dev/sdb1", reason="damaged")
    assert person.note.title == "bleu cannot be used"
    person.close()
    person.tell(ABSENT)
    assert not person.screen


def test_a_second_disk_with_the_same_uuid_is_told_beside_the_progress(person: Person) -> None:
    person.begin(WORKING, RUNNING)
    person.signal("DiskRejected", uuid=UUID, device="/dev/sdc1", reason="duplicate-uuid")
    assert "Two plugged disks carry the same UUID" in person.text
    assert person.note.buttons


# Buttons


def test_saving_here_leads_to_a_first_backup(person: Person) -> None:
    person.begin(NEW)
    command = person.note.buttons[0].command
    assert command == Save(UUID, "Elements")
    person.close()  # as servers do when a button is pressed
    person.desk.succeeded(command)
    person.tell(replace(BLEU, name="Elements"))
    assert person.note.title == "Saved as Elements"
    assert person.note.buttons[0].command == BackUp(UUID)


def test_saving_elsewhere_takes_the_offer_away(person: Person) -> None:
    person.begin(NEW)
    person.tell(BLEU)
    assert not person.screen


def test_a_button_that_failed_comes_back_with_the_reason(person: Person) -> None:
    person.begin(NEW, alerts=(UNKNOWN,))
    person.close()
    person.desk.failed(Save(UUID, "Elements"), "you may not do this")
    person.look()
    assert person.note.lines[-1] == "You may not do this."
    assert person.note.buttons


def test_a_backup_being_cancelled_says_so(person: Person) -> None:
    person.begin(WORKING, RUNNING)
    person.close()
    person.desk.succeeded(Cancel(UUID))
    person.look()
    assert person.note.lines[-1] == "It is being cancelled."
    assert not person.note.buttons
    person.tell(done("cancelled", code="cancelled"), SAFE)
    assert person.note.title == "Backup on bleu cancelled"


def test_a_button_of_what_is_over_brings_nothing_back(person: Person) -> None:
    person.begin(NEW)
    person.remove(UUID)
    person.desk.failed(Save(UUID, "Elements"), "too late")
    person.look()
    assert not person.screen


# Alerts


def test_an_alert_is_told_once_in_any_session_and_again_after_a_week(person: Person) -> None:
    person.begin(ABSENT, alerts=(STALE,))
    assert person.note.title == "Backups need attention"
    assert person.note.lines[0] == "The last good backup on disk bleu is 20 days old."
    person.close("")
    person.alerts(replace(STALE, message="the last good backup on disk bleu is 21 days old"))
    assert not person.screen
    later = Person(person.told)
    later.begin(ABSENT, alerts=(STALE,))
    assert not later.screen
    later.now += REPEAT_DAYS * DAY
    later.look()
    assert later.screen


def test_alerts_share_one_note_that_follows_them(person: Person) -> None:
    more = [replace(STALE, uuid=str(number), message=f"{number} is old") for number in range(8)]
    person.begin(alerts=tuple(more))
    assert len(person.note.lines) == 7
    assert person.note.lines[5] == "And 3 more."
    person.alerts(more[7])
    assert person.note.lines[0] == "7 is old."
    person.alerts()
    assert not person.screen


def test_a_disk_with_a_note_of_its_own_is_not_told_of_twice(person: Person) -> None:
    person.begin(WORKING, RUNNING, alerts=(STALE,))
    assert person.note.title == "Backing up onto bleu"
    person.close()
    assert not person.screen  # who stands before a running backup knows


def test_a_failure_that_nobody_saw_is_an_alert(person: Person) -> None:
    person.begin(ABSENT, done("failed"), alerts=(FAILED,))
    assert person.note.title == "Backups need attention"
    assert person.note.urgency == 2
    person.close("")
    again = Person(person.told)
    again.begin(ABSENT, done("failed"), alerts=(FAILED,))
    assert not again.screen


def test_a_new_failure_is_told_though_the_one_before_was(person: Person) -> None:
    person.begin(ABSENT, done("failed"), alerts=(FAILED,))
    person.close("")
    person.tell(WORKING, replace(RUNNING, id=8))
    person.tell(replace(done("failed"), id=8, finished_at=9_000_000), SAFE)
    person.alerts(replace(FAILED, since=9_000_000))
    assert person.note.title == "Backup on bleu FAILED"


def test_a_disk_just_saved_is_not_complained_of_before_it_has_gone(person: Person) -> None:
    never = Alert("never-backed-up", UUID, 5, "disk bleu holds no good backup yet")
    person.begin(BLEU)
    person.alerts(never)
    assert not person.screen
    person.tell(ABSENT)
    assert person.note.lines[0] == "Disk bleu holds no good backup yet."


def test_an_alert_of_a_newer_daemon_is_told_in_its_words(person: Person) -> None:
    person.begin(alerts=(Alert("odd", "", 5, "the moon is full"), Alert("odder", "", 5, "")))
    assert person.note.lines[:2] == ("The moon is full.", "Odder.")


def test_a_screen_has_room_for_what_matters_most(person: Person) -> None:
    new = [replace(NEW, uuid=f"{number:08}-0000-4000-8000-000000000000") for number in range(20)]
    person.begin(*new, replace(BLEU, state="held", reason="in-use"))
    assert len(person.screen) == MAX_NOTES
    assert person.screen[UUID].title == "Do not unplug bleu yet"
    first = next(key for key in person.screen if key != UUID)
    person.close(first)
    assert len(person.screen) == MAX_NOTES  # the next one had waited
