"""Which notes should be on the screen: decided from the daemon's state and what was shown before.

Everything is drawn anew from the mirror each time, so that a missed event costs nothing. What is
remembered beside it decides what is *news*:

- A disk's note (see `stories`) has an occasion: a backup, its end, a plug. Who has closed the note
  is not shown the same occasion again; while it stands it follows the state.
- How a backup ended is told where its coming was followed, or where its disk still waits to be
  taken away; older bad ends are alerts.
- An alert is told once, in any session, and again after `REPEAT_DAYS` while it lasts. It is told
  by `attention`'s one note, unless its disk has a note already.

No bus, no clock, no file: `now` is given, `Told` is saved by whoever made it.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from tetrasback.client.events import Event, Signal
from tetrasback.client.mirror import Mirror
from tetrasback.client.wholes import whole_of
from tetrasback.lang.i18n import _
from tetrasback.lang.words import REASONS, say
from tetrasback.notifier import attention, words
from tetrasback.notifier.jobs import READING, looked_at
from tetrasback.notifier.note import Cancel, Command, Note, Save
from tetrasback.notifier.stories import story
from tetrasback.notifier.subject import Remark, Subject
from tetrasback.notifier.told import Told
from tetrasback.notifier.words import Progress
from tetrasback.wire import Alert, BackupView, DiskView, JobView

MAX_NOTES: Final = 10
"""Of disks on one screen; the rest wait until others are closed."""
MAX_SEEN: Final = 10_000

# What a person must not miss comes first where there is no room for all.
_ORDER: Final = ("held", "running", "rejected", "safe-to-unplug", "queued", "absent", "plugged")


class Desk:
    """See above. Load `mirror`, or let it hear an event, then tell the desk of it."""

    def __init__(self, told: Told) -> None:
        self.mirror = Mirror()
        self.away = True
        """Nothing is known of the daemon, or not any more."""
        self._told = told
        self._seen: dict[str, None] = {}
        """Occasions that were shown in this session, the oldest first."""
        self._standing: dict[str, Note] = {}
        self._plugs: dict[str, int] = {}
        self._plug_count = 0
        self._followed: set[int] = set()
        self._saved_here: set[str] = set()
        self._remarks: dict[str, Remark] = {}

    # What happens

    def loaded(self) -> None:
        """The mirror has been read anew."""
        self.away = False
        here = {disk.uuid for disk in self.mirror.disks.values() if disk.device}
        self._plugs = {uuid: number for uuid, number in self._plugs.items() if uuid in here}
        self._saved_here &= here
        self._followed &= self.mirror.backups.keys() | self.mirror.jobs.keys()
        self._follow()

    def lost(self) -> None:
        """The daemon has gone away, or the bus with it."""
        self.away = True

    def hear(self, event: Event) -> None:
        """EVENT has been applied to the mirror."""
        self._follow()
        if not isinstance(event, Signal):
            return
        uuid = str(event.arguments.get("uuid", ""))
        match event.name:
            case "DiskPlugged" if uuid not in self._plugs:  # it is told again at a daemon's start
                self._plug_count += 1
                self._plugs[uuid] = self._plug_count
            case "DiskUnplugged":
                self._plugs.pop(uuid, None)
                self._saved_here.discard(uuid)
            case "DiskForgotten":  # whoever has just done that need not be asked to save it
                self._saved_here.discard(uuid)
                self._see(self._subject(uuid).here("unknown"))
            case "DiskRejected" if self._state(uuid) != "rejected":  # another one with its UUID
                self._remark(uuid, say(REASONS, str(event.arguments["reason"])))

    def shown(self, note: Note, now: int) -> None:
        """NOTE is on the screen, in place of what had its key before."""
        self._standing[note.key] = note
        self._see(note.occasion)
        self._told.add((*note.lasting, *note.besides), now)

    def closed(self, key: str) -> None:
        """The note KEY is not on the screen any more."""
        self._standing.pop(key, None)

    def succeeded(self, command: Command) -> None:
        """What a button of a disk's note asked for was done."""
        match command:
            case Save(uuid):
                self._saved_here.add(uuid)
            case Cancel(uuid):
                self._remark(uuid, _("It is being cancelled."), final=True)

    def failed(self, command: Command, why: str) -> None:
        """It was not, because of WHY: the note comes back and says so."""
        self._remark(command.uuid, why)

    # What follows from it

    def wanted(self, now: int) -> list[Note]:
        """The notes that should be on the screen, the most important first."""
        alerts = self.mirror.manager.alerts
        notes = []
        for subject in self._subjects():
            note = story(subject) or self._in_place(subject)
            note = note and _with_alerts(note, alerts, subject.last)
            if note and self._is_news(note, now):
                notes.append(note)
        notes = notes[:MAX_NOTES]
        blank = attention.blank_disks(alerts)
        if blank and self._is_news(blank, now):
            notes.append(blank)
        own = {note.key for note in notes}
        rest = [alert for alert in alerts if self._is_untold(alert, own, now)]
        about_the_rest = attention.note(rest, self.mirror.disks)
        return [*notes, about_the_rest] if about_the_rest else notes

    def _is_news(self, note: Note, now: int) -> bool:
        standing = self._standing.get(note.key)
        if standing is not None and standing.occasion == note.occasion:
            return True
        if self.away or note.occasion in self._seen:
            return False
        return not any(self._told.recently(known, now) for known in note.lasting)

    def _in_place(self, subject: Subject) -> Note | None:
        """What takes the place of a note while somebody looks what is on its disk: it comes back
        afterwards, and is no news then."""
        standing = self._standing.get(subject.disk.uuid)
        if standing is None or (subject.disk.state, subject.disk.reason) != ("held", READING):
            return None
        return looked_at(subject, standing)

    def _is_untold(self, alert: Alert, own: Collection[str], now: int) -> bool:
        if attention.belongs_to_a_disk(alert) or alert.uuid in own:
            return False
        known = attention.occasion(alert)
        standing = self._standing.get(attention.KEY)
        if standing is not None and known in standing.lasting:
            return True
        if alert.code == "never-backed-up" and self._state(alert.uuid) != "absent":
            return False  # whoever has just saved it knows
        return not self.away and not self._told.recently(known, now)

    def _subjects(self) -> list[Subject]:
        """Every disk that is known, or was when its backup began."""
        known: dict[str, list[Progress]] = {uuid: [] for uuid in self.mirror.disks}
        for one in self._everything():
            known.setdefault(one.uuid, []).append(one)
        names = [disk.name for disk in self.mirror.disks.values() if disk.name]
        subjects = [self._about(uuid, its, names) for uuid, its in known.items()]
        return sorted(subjects, key=_rank)

    def _subject(self, uuid: str) -> Subject:
        return self._about(uuid, [one for one in self._everything() if one.uuid == uuid], ())

    def _everything(self) -> list[Progress]:
        return [*self.mirror.backups.values(), *self.mirror.jobs.values()]

    def _about(self, uuid: str, known: list[Progress], names: Collection[str]) -> Subject:
        newest = sorted(known, key=lambda one: one.id, reverse=True)  # numbered together
        going = [one for one in newest if one.state != "done"]
        ended = [one for one in newest if one.state == "done"]
        # An old job is nobody's news, and must not hide how the last backup ended.
        last = next(
            (one for one in ended if isinstance(one, BackupView) or one.id in self._followed), None
        )
        disk = self.mirror.disks.get(uuid) or DiskView(uuid=uuid)
        return Subject(
            disk,
            next((one for one in going if isinstance(one, BackupView)), None),
            next((one for one in going if isinstance(one, JobView)), None),
            last,
            plug=self._plugs.get(uuid, 0),
            followed=last is not None and last.id in self._followed,
            saved_here=uuid in self._saved_here,
            away=self.away,
            remark=self._remarks.get(uuid),
            taken=names,
            whole=whole_of(disk.device, self.mirror.manager.preparable),
        )

    def _state(self, uuid: str) -> str:
        return self.mirror.disks[uuid].state if uuid in self.mirror.disks else ""

    def _follow(self) -> None:
        self._followed |= {one.id for one in self._everything() if one.state != "done"}

    def _see(self, occasion: str) -> None:
        self._seen[occasion] = None
        while len(self._seen) > MAX_SEEN:
            del self._seen[next(iter(self._seen))]

    def _remark(self, uuid: str, text: str, *, final: bool = False) -> None:
        note = story(self._subject(uuid))
        if note is None:
            return
        self._remarks[uuid] = Remark(note.occasion, words.sentence(text), final)
        self._seen.pop(note.occasion, None)
        self._told.discard(_with_alerts(note, self.mirror.manager.alerts, None).lasting)


def _rank(subject: Subject) -> tuple[int, str]:
    state = subject.disk.state
    return (_ORDER.index(state) if state in _ORDER else len(_ORDER), subject.disk.uuid)


def _with_alerts(note: Note, alerts: Iterable[Alert], last: Progress | None) -> Note:
    """NOTE with what it tells besides: the alerts about its disk, but of ends only the last."""
    its = [alert for alert in alerts if alert.uuid == note.key]
    present = [alert for alert in its if alert.code in ("unknown-disk", "rejected")]
    besides = [
        alert
        for alert in its
        if not attention.is_about_an_end(alert)
        or (last is not None and alert.since == last.finished_at)
    ]
    return replace(
        note,
        lasting=(*note.lasting, *map(attention.occasion, present)),
        besides=tuple(map(attention.occasion, besides)),
    )
