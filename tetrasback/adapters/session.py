"""One disk while a backup uses it. Every step blocks: `disks` gives it a thread."""

import contextlib
import errno
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tetrasback import names
from tetrasback.adapters import blockdev, holders, kernellog, mounting, mountpoint, sysfs
from tetrasback.config.forms import normalise_uuid
from tetrasback.core.devices import BlockDevice, Reason, objection
from tetrasback.core.explanations import EXPLANATIONS
from tetrasback.ports import Fault, Room

_BUSY_SECONDS: Final = 1.0
"""How long somebody may hold a disk that has just appeared (blkid, a desktop looking at it)."""

_USERS_SHOWN: Final = 3


@dataclass(slots=True)
class Session:
    """An open device, and where it is mounted. Descriptors are -1 once closed."""

    device: BlockDevice
    descriptor: int
    """Of the device; opened before anything was written, so fsync on it tells of every loss."""
    root: int = -1
    """Of the root of the mounted file system; for syncfs, likewise."""
    target: Path | None = None
    room: Room = field(default_factory=lambda: Room(0, 0))
    log: kernellog.Log | None = None
    """Where a script has the device and may unmount what it wrote before anybody can ask."""
    lost: Fault | None = None
    """An error of writing that was met: the kernel tells it once, we ever after."""

    @property
    def closed(self) -> bool:
        """Whether nothing is held any more."""
        return self.descriptor < 0

    def present(self) -> bool:
        """Whether the device is still in the system, as far as the kernel knows; without I/O."""
        directory = Path(self.device.syspath)
        now = sysfs.number(sysfs.whole_disk(directory), "diskseq")
        known = self.device.diskseq
        return directory.exists() and (not now or not known or now == known)

    def probe(self) -> None:
        """Raise Fault if the disk is gone, failing or full."""
        if not self.present():
            raise self._fault("", "used")
        try:
            full = self.root >= 0 and mountpoint.is_full(self.device, self.root)
        except OSError as error:
            raise self._fault(error.strerror or str(error), "used") from None
        if full:
            raise Fault("disk-full", f"{self.device.node} is full; use a larger disk")
        self.sync()

    def sync(self) -> Room:
        """Bring everything onto the disk. Raises Fault."""
        self._tell_loss()
        try:
            if self.root >= 0:
                mounting.syncfs(self.root)
                self._check_place()
                if why := mountpoint.fell_over(self.device, self.root):
                    raise self._fault(why, "written to")
                self.room = mountpoint.room(self.root)
            os.fsync(self.descriptor)
        except OSError as error:
            raise self._fault(error.strerror or str(error), "written to") from None
        self._ask_kernel()
        if not self.present():
            raise self._fault("", "written to")
        self._tell_loss()  # another step, given up before, may have met the error instead of us
        return self.room

    def close(self, seconds: float) -> bool:
        """Unmount, waiting SECONDS for those who use it, then close; whether the disk answers."""
        self._close_root()
        before = self.lost
        end = time.monotonic() + seconds
        while True:
            try:
                self._unmount()
                break
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise self._fault(error.strerror or str(error), "unmounted") from None
                if not self.present():
                    self.let_go()
                    raise self._fault("", "unmounted") from None
                if time.monotonic() > end:
                    raise Fault("unmount-failed", self._busy()) from None
                time.sleep(0.2)
        try:
            os.fsync(self.descriptor)
            self._ask_kernel()
            if not blockdev.answers(self.descriptor, self.device.diskseq) and self.present():
                raise self._fault("it cannot be read", "checked")
        except OSError as error:
            raise self._fault(error.strerror or str(error), "unmounted") from None
        finally:
            self._close_descriptor()
        if self.lost is not before:
            self._tell_loss()
        return self.present()

    def let_go(self) -> None:
        """Drop every hold on a disk that has left; never fails."""
        self._close_root()
        if not self.closed:
            for point in self._points():
                # Somebody else may have unmounted it, or the thread that hung before.
                with contextlib.suppress(OSError):
                    mounting.unmount(point, detach=True)
            self._remove_target()
        self._close_descriptor()

    def _unmount(self) -> None:
        for point in self._points():
            if self.target is None:
                self._flush(point)
            mounting.unmount(point)
        self._remove_target()

    def _remove_target(self) -> None:
        if self.target is not None:
            with contextlib.suppress(OSError):  # not empty, or gone: no harm in either
                self.target.rmdir()

    def _points(self) -> list[str]:
        """The mount points to undo, the topmost first.

        Our own and what was mounted on it; or, where the script took the device, every place at
        which it left it mounted in our namespace.
        """
        if self.target is not None:
            below = f"{self.target}/"
            found = [mount.point for mount in sysfs.mounts()]
            return [p for p in reversed(found) if p == str(self.target) or p.startswith(below)]
        rdev = os.fstat(self.descriptor).st_rdev
        return [mount.point for mount in reversed(sysfs.mounts_of(rdev)) if not mount.follows]

    def _flush(self, point: str) -> None:
        """Write back what a script left mounted; an error is kept, and told by `close`."""
        root = -1
        try:
            root = os.open(point, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            mounting.syncfs(root)
        except OSError as error:
            self._fault(error.strerror or str(error), "written to")
        finally:
            if root >= 0:
                os.close(root)

    def _check_place(self) -> None:
        """See that the disk is still where the script was told that it is."""
        assert self.target is not None
        if not os.path.samestat(os.lstat(self.target), os.fstat(self.root)):
            raise Fault(
                "script-failed",
                "a script has unmounted the disk, or mounted something over it: what it wrote may"
                ' lie elsewhere; one that mounts the disk itself needs takes = "device"',
            )

    def _tell_loss(self) -> None:
        if self.lost is not None:
            raise Fault(self.lost.code, self.lost.message)

    def _busy(self) -> str:
        users = holders.users(self.target) if self.target else []
        who = ", ".join(users[:_USERS_SHOWN]) or "a program"
        return f"{self.device.node} cannot be unmounted: {who} still uses it; end that first"

    def _ask_kernel(self) -> None:
        if self.log and self.log.complained():
            raise self._fault("the kernel has met an error, see journalctl -k", "written to")

    def _fault(self, why: str, doing: str) -> Fault:
        if self.present():
            message = f"{self.device.node} could not be {doing}: {why}; have the disk checked"
            self.lost = Fault("disk-error", message)
        else:
            self.lost = Fault("disk-gone", f"{self.device.node} was pulled out while being {doing}")
        return self.lost

    def _close_root(self) -> None:
        root, self.root = self.root, -1
        if root >= 0:
            blockdev.close(root)

    def _close_descriptor(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            blockdev.close(descriptor)
        if self.log:
            self.log.close()


def open_session(device: BlockDevice, mode: str, runtime_dir: Path) -> Session:
    """Open DEVICE, prove that it is the one identified and that nobody has it, mount it for mode
    'mount' at RUNTIME_DIR/mnt/ID, for 'read' so that it cannot be written to. Raises Fault; then
    nothing is held."""
    read_only = mode == "read"
    reason = objection(device)
    if reason and not (read_only and reason is Reason.READ_ONLY):
        raise Fault(reason, f"{device.node} cannot be used: {EXPLANATIONS[reason]}")
    try:
        opened = Session(device, blockdev.open_device(device.node), room=Room(device.size, 0))
    except OSError as error:
        raise _unreadable(device, error) from None
    done = False
    try:
        _identify(opened, read_only)
        holders.claim(device, runtime_dir / "mnt", _BUSY_SECONDS)
        if mode in ("mount", "read"):
            opened.target = mountpoint.prepare(runtime_dir, names.escape(device.uuid))
            opened.root = mountpoint.mount(
                device, opened.descriptor, opened.target, read_only=read_only
            )
            opened.room = mountpoint.room(opened.root)
        else:
            nodes = (device.node, device.whole)
            opened.log = kernellog.listen({Path(node).name for node in nodes})
        done = True
    except OSError as error:
        raise _unreadable(device, error) from None
    finally:
        if not done:
            opened.let_go()
    return opened


def abandon(opened: Session) -> None:
    """Undo an opening that came too late."""
    opened.let_go()


def _identify(opened: Session, read_only: bool) -> None:
    device, descriptor = opened.device, opened.descriptor
    is_it = os.fstat(descriptor).st_rdev == sysfs.rdev(Path(device.syspath)) and (
        not device.diskseq or blockdev.diskseq(descriptor) in (0, device.diskseq)
    )
    found = blockdev.superblock(descriptor, device.fstype) if is_it else None
    if found is None or normalise_uuid(found.uuid) != device.uuid:
        raise Fault("identity", f"{device.node} is not the disk that was seen; plug it again")
    file = sysfs.backing_file(sysfs.whole_disk(Path(device.syspath)))
    if file and blockdev.is_foreign_file(descriptor, file):
        # Whoever may attach loop devices could else have the server copied into a file of theirs.
        reason = Reason.FOREIGN_FILE
        raise Fault(reason, f"{device.node} cannot be used: {EXPLANATIONS[reason]}")
    if found.devices > 1:
        raise Fault(
            "unsupported-filesystem",
            f"this btrfs spreads over {found.devices} devices; use a disk of one device",
        )
    if read_only:
        return  # what is damaged or locked may still be read
    if found.errors:
        raise mountpoint.damaged(device, f"the file system on {device.node} has noted errors")
    if blockdev.is_read_only(descriptor):
        raise Fault("read-only", f"{device.node} can only be read; look for a lock on the disk")


def _unreadable(device: BlockDevice, error: OSError) -> Fault:
    if error.errno in blockdev.GONE and not Path(device.node).exists():
        return Fault("disk-gone", f"{device.node} is not there any more; plug it again")
    why = error.strerror or str(error)
    where = f" ({error.filename})" if error.filename else ""
    return Fault("disk-error", f"{device.node} could not be opened: {why}{where}")
