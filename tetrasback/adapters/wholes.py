"""Whole disks and what is on them, as udev and the kernel tell (`ports.Wholes`).

Nothing is read from a disk: what is told is what everybody on the machine can see. Those on buses
where disks are plugged carry udev's second tag; any other one is told of from the time that an
authorised caller has named it.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pyudev

from tetrasback import names
from tetrasback.adapters import nodes, sysfs
from tetrasback.adapters.description import model, udev_properties
from tetrasback.adapters.mountwatch import MountWatch
from tetrasback.adapters.probing import decoded, plain
from tetrasback.adapters.uevents import Uevents
from tetrasback.config.forms import normalise_uuid
from tetrasback.core.wholes import Content, Kind, WholeDisk
from tetrasback.errors import InvalidArgs, NoSuchDevice, Rejected

_MOST_PARTITIONS: Final = 64
_MOST_PLACES: Final = 8

_OPTICAL: Final = "5"  # TYPE_ROM of include/scsi/scsi_proto.h


class UdevWholes:
    """Whole disks. OURS: below it lie our own mounts, which are nobody's use of a disk."""

    def __init__(self, ours: Path) -> None:
        self._ours = ours
        self._context = pyudev.Context()
        self._known: dict[str, WholeDisk] = {}
        self._named: set[str] = set()
        self._tagged: Uevents | None = None
        self._all: Uevents | None = None
        self._mounts: MountWatch | None = None
        self._seen: Callable[[WholeDisk], None] = lambda whole: None
        self._gone: Callable[[str], None] = lambda syspath: None

    async def start(
        self, seen: Callable[[WholeDisk], None], gone: Callable[[str], None]
    ) -> Sequence[WholeDisk]:
        """Listen first, then enumerate: the tagged whole disks that are here now.

        SEEN gets each that has come or changed, GONE the syspath of one that has left. Raises
        OSError.
        """
        self._seen, self._gone = seen, gone
        self._tagged = Uevents(
            self._context, self._take, self._look_at_all, tag=names.UDEV_DISK_TAG
        )
        self._known = {str(path): self._describe(path) for path in self._enumerate()}
        self._watch_mounts()
        return tuple(self._known.values())

    async def look(self, path: str) -> WholeDisk:
        """The whole disk at any path below /dev; from then on it is told of.

        Raises NoSuchDevice, or Rejected for a partition.
        """
        directory = nodes.directory(path)
        whole = sysfs.whole_disk(directory)
        if whole != directory:
            raise Rejected(
                f"{sysfs.node(directory)} is a partition; a whole disk is prepared:"
                f" {sysfs.node(whole)}"
            )
        syspath = str(directory)
        if syspath not in self._known:
            if self._all is None:
                self._all = Uevents(self._context, self._take, self._look_at_all)
            self._named.add(syspath)
        self._update(directory)
        if syspath not in self._known:
            raise NoSuchDevice(f"{sysfs.node(directory)} is empty: no disk is in it")
        return self._known[syspath]

    async def close(self) -> None:
        """Stop listening."""
        for listening in (self._tagged, self._all, self._mounts):
            if listening is not None:
                listening.close()
        self._tagged = self._all = self._mounts = None

    def _enumerate(self) -> list[Path]:
        listed = self._context.list_devices(
            subsystem="block", tag=names.UDEV_DISK_TAG, DEVTYPE="disk"
        )
        return [path for path in (Path(item.sys_path) for item in listed) if self._counts(path)]

    def _take(self, event: pyudev.Device) -> None:
        path = Path(event.sys_path)
        whole = path.parent if event.device_type == "partition" else path
        tagged = str(whole) in self._known or event.tags
        if str(whole) in self._named or (tagged and self._is_settled(whole)):
            self._update(whole)

    def _look_at_all(self) -> None:
        """Events were lost, or a mount has come or gone."""
        for path in {*map(Path, self._known), *self._enumerate()}:
            self._update(path)

    def _update(self, path: Path) -> None:
        """Tell what has become of the disk at PATH."""
        syspath = str(path)
        if not self._counts(path):
            self._named.discard(syspath)
            if self._known.pop(syspath, None) is not None:
                self._gone(syspath)
        else:
            now = self._describe(path)
            if self._known.get(syspath) != now:
                self._known[syspath] = now
                self._seen(now)
        if not self._named and self._all is not None:
            self._all.close()
            self._all = None
        self._watch_mounts()

    def _counts(self, path: Path) -> bool:
        """Whether it is to be told of: a medium is in it, and it is tagged or was named."""
        if not sysfs.number(path, "size"):
            return False
        tags = self._properties(path).get("CURRENT_TAGS", "").split(":")
        return str(path) in self._named or names.UDEV_DISK_TAG in tags

    def _watch_mounts(self) -> None:
        """While there is a disk that somebody may mount; nobody is woken for nothing."""
        if self._known and self._mounts is None:
            self._mounts = MountWatch(self._look_at_all)
        elif not self._known and self._mounts is not None:
            self._mounts.close()
            self._mounts = None

    def _describe(self, path: Path) -> WholeDisk:
        properties = self._properties(path)
        own = self._content(path, properties)
        contents = [self._content(part, self._properties(part)) for part in _partitions(path)]
        if own.fstype or own.mounts or own.users:
            contents.insert(0, own)
        return WholeDisk(
            syspath=str(path),
            node=sysfs.node(path),
            model=model(properties),
            serial=plain(properties.get("ID_SERIAL_SHORT", "")),
            size=512 * sysfs.number(path, "size"),
            diskseq=sysfs.number(path, "diskseq"),
            kind=_kind(path),
            read_only=bool(sysfs.number(path, "ro")),
            system=path.name in sysfs.system_disks(),
            table=plain(properties.get("ID_PART_TABLE_TYPE", "")),
            contents=tuple(contents),
        )

    def _content(self, path: Path, properties: Mapping[str, str]) -> Content:
        uuid = ""
        with contextlib.suppress(InvalidArgs):
            uuid = normalise_uuid(properties.get("ID_FS_UUID", ""))
        rdev = sysfs.rdev(path)
        return Content(
            node=sysfs.node(path),
            size=512 * sysfs.number(path, "size"),
            fstype=plain(properties.get("ID_FS_TYPE", "")),
            label=decoded(properties.get("ID_FS_LABEL_ENC", "")),
            uuid=uuid,
            mounts=self._places(rdev),
            users=tuple(_users(path, rdev)),
        )

    def _places(self, rdev: int) -> tuple[str, ...]:
        if not rdev:
            return ()
        # The first process's mounts are the host's; ours may hold copies of what it has undone.
        found = sysfs.mounts_of(rdev, "1" if sysfs.mounts("1") else "self")
        places = dict.fromkeys(
            plain(mount.point) for mount in found if self._ours not in Path(mount.point).parents
        )
        return tuple(places)[:_MOST_PLACES]

    def _is_settled(self, path: Path) -> bool:
        """Whether udev has looked at every partition of PATH.

        Where it has not, a good disk would be told of as one with nothing on it; an event of each
        partition's own follows.
        """
        for part in _partitions(path):
            with contextlib.suppress(pyudev.DeviceNotFoundError):
                if not pyudev.Devices.from_sys_path(self._context, str(part)).is_initialized:
                    return False
        return True

    def _properties(self, path: Path) -> Mapping[str, str]:
        try:
            return udev_properties(pyudev.Devices.from_sys_path(self._context, str(path)))
        except pyudev.DeviceNotFoundError:
            return {}


def _partitions(path: Path) -> list[Path]:
    return [path / Path(node).name for node in sysfs.partitions(path)[:_MOST_PARTITIONS]]


def _kind(path: Path) -> Kind:
    if path.name.startswith("loop"):
        return Kind.VIRTUAL if sysfs.is_on_device(path) else Kind.LOOP
    if not (path / "device").exists():
        return Kind.VIRTUAL
    return Kind.OPTICAL if sysfs.attribute(path / "device", "type") == _OPTICAL else Kind.DISK


def _users(path: Path, rdev: int) -> Iterable[str]:
    """Who holds a device without having it mounted: swap, what is made of it (LVM, RAID, loop)."""
    if rdev and rdev in sysfs.swap_numbers():
        yield "swap"
    yield from sysfs.loops_on(sysfs.node(path))
    with contextlib.suppress(OSError):
        for holder in sorted((path / "holders").iterdir()):
            name = plain(sysfs.attribute(holder / "dm", "name"))
            yield f"{holder.name} ({name})" if name else holder.name
