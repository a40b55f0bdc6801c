"""What everybody may read: the objects on the bus as they were last published.

What is answered to Get, GetAll and GetManagedObjects is what has been announced, never something
newer, so that a reader who also listens cannot be confused.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from dbus_next.message import Message

from tetrasback import names
from tetrasback.errors import UnknownInterface, UnknownProperty
from tetrasback.service import values
from tetrasback.service.interface import PROPERTIES
from tetrasback.service.introspect import STANDARD_METHODS
from tetrasback.service.queues import Item, Rank
from tetrasback.wire import BackupView, DiskView, ManagerView

_TURNING_POINTS = frozenset({"State", "Verdict"})


class Published:
    """The published objects. ``version`` grows with every change."""

    def __init__(self) -> None:
        self.manager = ManagerView()
        self.objects: dict[str, tuple[str, Any]] = {}
        """Path → (interface, view), the root object left out."""
        self.version = 0
        self._disks: Mapping[str, DiskView] = {}
        self._backups: Mapping[int, BackupView] = {}

    def update(
        self,
        disks: Mapping[str, DiskView],
        backups: Mapping[int, BackupView],
        manager: ManagerView,
    ) -> list[Item]:
        """Take over a new state; the announcements of what is different, in their order.

        The mappings and the views in them are compared by identity first, so that a state without
        changes costs next to nothing; they are kept, and must not change afterwards.
        """
        gone = self._backups.keys() - backups.keys()
        told = list(self._removed(names.backup_path(key) for key in gone))
        if disks is not self._disks:
            away = self._disks.keys() - disks.keys()
            told += self._removed(names.disk_path(key) for key in away)
            for uuid, disk in disks.items():
                if self._disks.get(uuid) is not disk:
                    told += self._set(names.disk_path(uuid), names.DISK_INTERFACE, disk)
        for number, backup in backups.items():
            if self._backups.get(number) is not backup:
                told += self._set(names.backup_path(number), names.BACKUP_INTERFACE, backup)
        self._disks, self._backups = disks, backups
        if manager is not self.manager:
            before, self.manager = self.manager, manager
            told += _changed(names.ROOT_PATH, names.MANAGER_INTERFACE, before, manager)
        if told:
            self.version += 1
        return told

    def views(self, path: str) -> dict[str, Any]:
        """Interface → view, of the object at PATH; empty where there is none with properties."""
        if path == names.ROOT_PATH:
            return {names.MANAGER_INTERFACE: self.manager}
        return dict([self.objects[path]]) if path in self.objects else {}

    def get(self, path: str, interface: str, name: str) -> Any:
        """One property as a variant; an empty INTERFACE is the object's own.

        Raises UnknownInterface or UnknownProperty.
        """
        for view in self._chosen(path, interface):
            for member, item in values.properties(view).items():
                if member == name:
                    return item
        raise UnknownProperty(f"there is no property {name}; GetAll shows those there are")

    def get_all(self, path: str, interface: str) -> dict[str, Any]:
        """All properties of an interface as variants. Raises UnknownInterface."""
        found: dict[str, Any] = {}
        for view in self._chosen(path, interface):
            found |= values.properties(view)
        return found

    def managed(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What GetManagedObjects answers: path → interface → properties as variants."""
        return {
            path: {interface: values.properties(view)}
            for path, (interface, view) in self.objects.items()
        }

    def _chosen(self, path: str, interface: str) -> Iterable[Any]:
        views = self.views(path)
        if not interface:
            return views.values()
        if interface in STANDARD_METHODS:
            return ()
        if interface not in views:
            raise UnknownInterface(f"there is no interface {interface} here; Introspect shows them")
        return (views[interface],)

    def _removed(self, paths: Iterable[str]) -> Iterable[Item]:
        for path in sorted(paths):
            interface, _ = self.objects.pop(path)
            yield _signal(
                names.ROOT_PATH,
                names.OBJECT_MANAGER_INTERFACE,
                "InterfacesRemoved",
                "oas",
                [path, [interface]],
            )

    def _set(self, path: str, interface: str, view: Any) -> list[Item]:
        before = self.objects.get(path)
        self.objects[path] = (interface, view)
        if before:
            return _changed(path, interface, before[1], view)
        return [
            _signal(
                names.ROOT_PATH,
                names.OBJECT_MANAGER_INTERFACE,
                "InterfacesAdded",
                "oa{sa{sv}}",
                [path, {interface: values.properties(view)}],
            )
        ]


def _changed(path: str, interface: str, before: Any, view: Any) -> list[Item]:
    assert interface in PROPERTIES
    changed = values.changed(before, view)
    if not changed:
        return []
    # Of the many steps of a backup the later replaces the earlier; a turning point is for ever.
    passing = interface == names.BACKUP_INTERFACE and not _TURNING_POINTS & changed.keys()
    rank = Rank.PROGRESS if passing else Rank.SIGNAL
    body = [interface, changed, []]
    return [_signal(path, names.PROPERTIES_INTERFACE, "PropertiesChanged", "sa{sv}as", body, rank)]


def _signal(
    path: str,
    interface: str,
    member: str,
    signature: str,
    body: list[Any],
    rank: Rank = Rank.SIGNAL,
) -> Item:
    return Item(Message.new_signal(path, interface, member, signature, body), rank, size=1024)
