"""Block devices as udev tells of them (`ports.Devices`), on the event loop, without a thread.

Candidates carry udev's tag, of which the kernel filters the events for us. Tags stick to a device
once they are there, so CURRENT_TAGS says whether it still is one (udev(7)). A device that was
looked up by name needs no tag: while there is such a one, a second monitor without that filter
tells when it leaves.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path

import pyudev

from tetrasback import names
from tetrasback.adapters import blockdev, hang, nodes, probing, sysfs, uevents
from tetrasback.adapters.description import describe, udev_properties
from tetrasback.adapters.uevents import Uevents
from tetrasback.core.devices import BlockDevice, same_plug
from tetrasback.errors import NoSuchDevice, NotAFilesystem
from tetrasback.ports import Fault


class UdevDevices:
    """The candidates, and devices looked up by name.

    BUFFER: bytes of events that the kernel may keep for us while we are busy.
    """

    def __init__(self, *, buffer: int = uevents.BUFFER) -> None:
        self._buffer = buffer
        self._context = pyudev.Context()
        self._tagged: Uevents | None = None
        self._all: Uevents | None = None
        self._candidates: dict[str, BlockDevice] = {}
        self._named: dict[str, BlockDevice] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._seen: Callable[[BlockDevice], None] = lambda device: None
        self._gone: Callable[[str], None] = lambda syspath: None

    async def start(
        self, seen: Callable[[BlockDevice], None], gone: Callable[[str], None]
    ) -> Sequence[BlockDevice]:
        """Listen first, then enumerate: the candidates that are here now.

        SEEN gets each added or changed candidate, GONE the syspath of one that was removed, has no
        UUID or tag any more, or, before SEEN, has become another disk. Raises OSError.
        """
        self._seen, self._gone = seen, gone
        self._tagged = Uevents(
            self._context,
            self._take_tagged,
            self._enumerate_again,
            tag=names.UDEV_TAG,
            buffer=self._buffer,
        )
        self._candidates = {device.syspath: device for device in self._enumerate()}
        return tuple(self._candidates.values())

    async def lookup(self, path: str) -> BlockDevice:
        """The device at any path below /dev, tagged or not; from then on its leaving is told.

        What is on it is read from the device itself: udev may know nothing, or not yet. Raises
        NoSuchDevice (nothing there, no block device) or NotAFilesystem (no file system with a
        UUID; a whole disk with partitions is told so).
        """
        directory = nodes.directory(path)
        if self._all is None and str(directory) not in self._candidates:
            self._all = Uevents(
                self._context, self._take_any, self._look_at_named, buffer=self._buffer
            )
        try:
            return await self._look(directory)
        finally:
            self._stop_if_idle()

    async def resolve(self, path: str) -> str:
        """The node that a path below /dev leads to. Raises NoSuchDevice."""
        return str(nodes.resolve(path))

    async def close(self) -> None:
        """Stop listening."""
        self._named.clear()
        self._stop_if_idle()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._tagged is not None:
            self._tagged.close()
            self._tagged = None

    async def _look(self, directory: Path) -> BlockDevice:
        bare = describe(directory, {})
        found = await probing.probe(bare)
        known = self._properties(directory)
        device = describe(directory, {**_hardware(known), **found})
        if not device.uuid:
            raise NotAFilesystem(_why_not(device, directory))
        if device.diskseq != bare.diskseq:
            raise NoSuchDevice(f"{bare.node} has just become another disk; try again")
        if str(directory) not in self._candidates:
            self._named[str(directory)] = device
        return device

    def _properties(self, directory: Path) -> Mapping[str, str]:
        try:
            return udev_properties(pyudev.Devices.from_sys_path(self._context, str(directory)))
        except pyudev.DeviceNotFoundError:
            return {}

    def _look_at_named(self) -> None:
        """Events were lost: which of the named are still what they were?"""
        for syspath, device in list(self._named.items()):
            if not _is_still(device):
                self._forget_named(syspath)

    def _enumerate_again(self) -> None:
        """Events were lost: tell what has become different."""
        now = {device.syspath: device for device in self._enumerate()}
        for known in [item for path, item in self._candidates.items() if path not in now]:
            properties = self._properties(Path(known.syspath))
            if _is_still(known) and not _has_partitions(properties, known):
                self._later(self._ask(known))
            else:
                self._lose(known.syspath)
        for device in now.values():
            self._tell(device)

    def _enumerate(self) -> list[BlockDevice]:
        listed = self._context.list_devices(subsystem="block", tag=names.UDEV_TAG)
        found = [_candidate(device) for device in listed]
        return [device for device in found if device is not None]

    def _take_tagged(self, event: pyudev.Device) -> None:
        device = None if event.action == "remove" else _candidate(event)
        known = self._candidates.get(str(event.sys_path))
        if device is not None:
            self._tell(device)
        elif known is not None and event.action != "remove" and _was_overlooked(event, known):
            self._later(self._ask(known))
        else:
            self._lose(str(event.sys_path))

    async def _ask(self, known: BlockDevice) -> None:
        """udev does not see the file system any more: does the disk still have it?"""
        try:
            there = await hang.run(
                partial(_still_holds, known),
                partial(sysfs.movement, sysfs.whole_disk(Path(known.syspath))),
                f"looking at {known.node}",
            )
        except Fault:
            return  # whoever uses the disk will tell that it hangs
        if not there and self._candidates.get(known.syspath) is known:
            self._lose(known.syspath)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell(self, device: BlockDevice) -> None:
        syspath = device.syspath
        known = self._named.pop(syspath, None) or self._candidates.get(syspath)
        self._stop_if_idle()
        if known is not None and not same_plug(known, device):
            self._gone(syspath)
        self._candidates[syspath] = device
        self._seen(device)

    def _lose(self, syspath: str) -> None:
        # One looked up by name is the other monitor's: it may never have had the tag.
        if self._candidates.pop(syspath, None) is not None:
            self._gone(syspath)

    def _take_any(self, event: pyudev.Device) -> None:
        syspath = str(event.sys_path)
        known = self._named.get(syspath)
        if known is None:
            return
        if event.action == "remove" or not _is_still(known):
            self._forget_named(syspath)
        elif not same_plug(describe(Path(syspath), udev_properties(event)), known):
            # The kernel's events carry no UUID, and udev may have looked before we did: ask the
            # device itself.
            self._later(self._look_again(known))

    async def _look_again(self, known: BlockDevice) -> None:
        try:
            found = await probing.probe(known)
        except NotAFilesystem:
            found = {}
        same = same_plug(describe(Path(known.syspath), found), known)
        if not same and self._named.get(known.syspath) is known:
            self._forget_named(known.syspath)

    def _forget_named(self, syspath: str) -> None:
        del self._named[syspath]
        self._stop_if_idle()
        self._gone(syspath)

    def _stop_if_idle(self) -> None:
        if self._all is not None and not self._named:
            self._all.close()
            self._all = None


def _candidate(device: pyudev.Device) -> BlockDevice | None:
    """The device, if it may be a backup disk now."""
    properties = udev_properties(device)
    if names.UDEV_TAG not in properties.get("CURRENT_TAGS", "").split(":"):
        return None
    described = describe(Path(device.sys_path), properties)
    return described if described.uuid and not described.system else None


def _was_overlooked(event: pyudev.Device, known: BlockDevice) -> bool:
    """Whether udev, of a disk that is still in its place, only found no file system.

    Its blkid reads the superblock through the page cache, also while the mounted file system is
    writing it there: that of an ext4 then has a wrong checksum for a moment, and counts as none.
    """
    properties = udev_properties(event)
    told = properties.get("DISKSEQ", "")
    return (
        not properties.get("ID_FS_UUID")
        and told in ("", str(known.diskseq))
        and known.diskseq != 0
        and not _has_partitions(properties, known)
        and _is_still(known)
    )


def _has_partitions(properties: Mapping[str, str], known: BlockDevice) -> bool:
    """Whether udev found a partition table on the whole disk that a candidate was.

    Then its file system is over, also where the superblock still lies there: some lie behind what
    a table overwrites. Of a partition, udev tells the table that it stands in.
    """
    return known.node == known.whole and bool(properties.get("ID_PART_TABLE_TYPE"))


def _still_holds(known: BlockDevice) -> bool:
    """Whether the disk itself, past the page cache, has that file system. May hang."""
    try:
        descriptor = blockdev.open_device(known.node)
    except OSError:
        return False
    try:
        found = blockdev.superblock(descriptor, known.fstype)
        now = blockdev.diskseq(descriptor)
    except OSError:
        return False
    finally:
        blockdev.close(descriptor)
    return found is not None and (found.uuid, now) == (known.uuid, known.diskseq)


def _hardware(properties: Mapping[str, str]) -> dict[str, str]:
    """What udev knows of the disk as a thing; what lies on it is probed."""
    return {
        key: text for key, text in properties.items() if key.startswith(("ID_MODEL", "ID_SERIAL"))
    }


def _is_still(device: BlockDevice) -> bool:
    directory = Path(device.syspath)
    now = sysfs.number(sysfs.whole_disk(directory), "diskseq")
    return directory.exists() and now in (0, device.diskseq)


def _why_not(device: BlockDevice, directory: Path) -> str:
    if parts := sysfs.partitions(directory):
        listed = ", ".join(parts[:8])
        return f"{device.node} is a whole disk with partitions; give one of them: {listed}"
    if device.size == 0:
        return f"{device.node} is empty: no disk is in it"
    if device.system:
        return f"{device.node} belongs to this system; plug a disk of its own for backups"
    if device.fstype:
        return f"what is on {device.node} ({device.fstype}) has no UUID that could name the disk"
    return (
        f"{device.node} has no file system; to make a backup disk of all of {device.whole}:"
        f" tetras-backctl prepare {device.whole} --name NAME"
    )
