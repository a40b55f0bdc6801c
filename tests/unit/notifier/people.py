"""A desk with a person before it: what happens is told, and what is on the screen is looked at."""

from dataclasses import replace
from typing import Any

from tetrasback import names
from tetrasback.client.events import Added, Changed, Event, Removed, Signal
from tetrasback.notifier.board import Board
from tetrasback.notifier.desk import Desk
from tetrasback.notifier.note import Note
from tetrasback.notifier.told import Told
from tetrasback.wire import Alert, BackupView, DiskView, JobView, to_wire

UUID = "0b5a9f3e-77aa-4c1d-9e2f-0123456789ab"
OTHER = "1c6ba04f-77aa-4c1d-9e2f-0123456789ab"
BLEU = DiskView(
    uuid=UUID, name="bleu", saved=True, device="/dev/sdb1", filesystem_type="ext4", state="plugged"
)
NEW = DiskView(
    uuid=UUID,
    device="/dev/sdb1",
    label="Elements",
    filesystem_type="ext4",
    size=10**12,
    state="unknown",
)
RUNNING = BackupView(id=7, uuid=UUID, state="running", step="home", fraction=0.42, started_at=10)
RESTORING = JobView(
    id=8, kind="restore", uuid=UUID, state="running", step="home", fraction=0.42, started_at=10
)
DAY = 86_400_000_000


def done(verdict: str, **values: Any) -> BackupView:
    """The end of the backup `RUNNING`."""
    return replace(RUNNING, state="done", verdict=verdict, finished_at=3_000_010, **values)


def restored(verdict: str, **values: Any) -> JobView:
    """The end of the job `RESTORING`."""
    return replace(RESTORING, state="done", verdict=verdict, finished_at=9_000_010, **values)


def plain(view: Any) -> dict[str, Any]:
    return {name: value for name, (_signature, value) in to_wire(view).items()}


class Person:
    """Sees what a server would show at once; `now` is in µs."""

    def __init__(self, told: Told | None = None) -> None:
        self.told = told or Told()
        self.desk = Desk(self.told)
        self.board = Board()
        self.now = 1_000 * DAY
        self.clock = 0.0
        self.screen: dict[str, Note] = {}
        self.seen: list[Note] = []
        """All that has ever been put on the screen."""

    # The daemon

    def begin(
        self, *views: DiskView | BackupView | JobView, alerts: tuple[Alert, ...] = ()
    ) -> None:
        """The state has been read."""
        mirror = self.desk.mirror
        mirror.__init__()  # type: ignore[misc]
        for view in views:
            mirror.apply(self._added(view))
        mirror.manager = replace(mirror.manager, alerts=alerts)
        self.desk.loaded()
        self.look()

    def hear(self, *events: Event) -> None:
        for event in events:
            self.desk.mirror.apply(event)
            self.desk.hear(event)
        self.look()

    def tell(self, *views: DiskView | BackupView | JobView) -> None:
        """Objects have come or changed."""
        self.hear(*map(self._added, views))

    def signal(self, name: str, **arguments: Any) -> None:
        self.hear(Signal(name, arguments))

    def alerts(self, *alerts: Alert) -> None:
        values = {"Alerts": [plain(alert) for alert in alerts]}
        self.hear(Changed(names.ROOT_PATH, names.MANAGER_INTERFACE, values))

    def remove(self, uuid: str) -> None:
        self.hear(Removed(names.disk_path(uuid), (names.DISK_INTERFACE,)))

    def gone(self) -> None:
        self.desk.lost()
        self.look()

    def _added(self, view: DiskView | BackupView | JobView) -> Added:
        if isinstance(view, JobView):
            return Added(names.job_path(view.id), {names.JOB_INTERFACE: plain(view)})
        if isinstance(view, DiskView):
            return Added(names.disk_path(view.uuid), {names.DISK_INTERFACE: plain(view)})
        return Added(names.backup_path(view.id), {names.BACKUP_INTERFACE: plain(view)})

    # The screen

    def look(self) -> None:
        """Everything is shown that should be."""
        self.clock += 2
        plan = self.board.plan(self.desk.wanted(self.now), self.clock)
        for note in plan.same:
            self.desk.shown(note, self.now)
        for key in plan.close:
            shown = self.board.shown(key)
            assert shown is not None
            self.board.closed(shown.id)
            self.desk.closed(key)
            del self.screen[key]
        for note in plan.send:
            before = self.board.shown(note.key)
            self.board.sent(note, before.id if before else len(self.seen) + 1, self.clock)
            self.desk.shown(note, self.now)
            self.screen[note.key] = note
            self.seen.append(note)

    def close(self, key: str = UUID) -> None:
        """The person closes a note."""
        shown = self.board.shown(key)
        assert shown is not None
        self.board.closed(shown.id)
        self.desk.closed(key)
        del self.screen[key]
        self.look()

    @property
    def note(self) -> Note:
        """The only note on the screen."""
        (note,) = self.screen.values()
        return note

    @property
    def text(self) -> str:
        """All that is on the screen."""
        return "\n".join("\n".join((note.title, *note.lines)) for note in self.screen.values())
