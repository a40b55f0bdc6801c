"""What everybody may read: the objects on the bus as they were last published.

What is answered to Get, GetAll and GetManagedObjects is what has been announced, never something
newer, so that a reader who also listens cannot be confused.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dbus_next.message import Message

from tetrasback import names
from tetrasback.errors import UnknownInterface, UnknownProperty
from tetrasback.service import values
from tetrasback.service.contract import Collection, Contract
from tetrasback.service.introspect import STANDARD_METHODS
from tetrasback.service.queues import Item, Rank


class Published:
    """The objects of CONTRACT, as they were last published: ROOT, a view, and those in its
    collections. ``version`` grows with every change."""

    def __init__(self, contract: Contract, root: Any) -> None:
        self.root = root
        self.objects: dict[str, tuple[str, Any]] = {}
        """Path → (interface, view), the root object left out."""
        self.version = 0
        self._contract = contract
        self._collections: list[Mapping[Any, Any]] = [{} for _ in contract.collections]

    def update(self, root: Any, *collections: Mapping[Any, Any]) -> list[Item]:
        """Take over a new state, key → view for each collection of the contract; the announcements
        of what is different, in their order.

        The mappings and the views in them are compared by identity first, so that a state without
        changes costs next to nothing; they are kept, and must not change afterwards.
        """
        told: list[Item] = []
        parts = list(zip(self._contract.collections, self._collections, collections, strict=True))
        for kind, before, now in reversed(parts):
            if now is not before:
                told += self._removed(kind.path(key) for key in before.keys() - now.keys())
        for kind, before, now in parts:
            if now is not before:
                for key, view in now.items():
                    if before.get(key) is not view:
                        told += self._set(kind, kind.path(key), view)
        self._collections = list(collections)
        if root is not self.root:
            last, self.root = self.root, root
            told += _changed(self._contract.root, self._contract.interface, last, root)
        if told:
            self.version += 1
        return told

    def views(self, path: str) -> dict[str, Any]:
        """Interface → view, of the object at PATH; empty where there is none with properties."""
        if path == self._contract.root:
            return {self._contract.interface: self.root}
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

    def _removed(self, paths: Iterable[str]) -> Iterator[Item]:
        for path in sorted(paths):
            interface, _ = self.objects.pop(path)
            yield _signal(
                self._contract.root,
                names.OBJECT_MANAGER_INTERFACE,
                "InterfacesRemoved",
                "oas",
                [path, [interface]],
            )

    def _set(self, kind: Collection, path: str, view: Any) -> list[Item]:
        before = self.objects.get(path)
        self.objects[path] = (kind.interface, view)
        if before:
            return _changed(path, kind.interface, before[1], view, kind.turning_points)
        return [
            _signal(
                self._contract.root,
                names.OBJECT_MANAGER_INTERFACE,
                "InterfacesAdded",
                "oa{sa{sv}}",
                [path, {kind.interface: values.properties(view)}],
            )
        ]


def _changed(
    path: str, interface: str, before: Any, view: Any, turning_points: frozenset[str] = frozenset()
) -> list[Item]:
    changed = values.changed(before, view)
    if not changed:
        return []
    # Of the many steps of a backup the later replaces the earlier; a turning point is for ever.
    passing = bool(turning_points) and not turning_points & changed.keys()
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
