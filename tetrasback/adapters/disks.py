"""Opening, proving, mounting, syncing and letting go of disks (`ports.Disks`), by the kernel alone.

One session per backup. Whatever may touch the disk runs in a thread of its own (`hang`), so the
event loop never waits for a dying disk; a session belongs to one step at a time.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from tetrasback.adapters import hang, holders, session, spindown, sysfs
from tetrasback.adapters.session import Session
from tetrasback.core.devices import BlockDevice
from tetrasback.ports import Fault, Room

T = TypeVar("T")

_GONE_PATIENCE: Final = 10.0


class KernelDisks:
    """Disks mounted below RUNTIME_DIR/mnt.

    PATIENCE: seconds without movement after which a step is given up; RELEASE: seconds to try to
    hold the whole disk; UNMOUNT: seconds to wait for those who still use the mount.
    """

    def __init__(
        self,
        runtime_dir: Path,
        *,
        patience: float = hang.PATIENCE,
        release: float = 5.0,
        unmount: float = 5.0,
    ) -> None:
        self._runtime_dir = runtime_dir
        self._patience = patience
        self._release = release
        self._unmount = unmount
        self._sessions: dict[int, Session] = {}
        self._left: list[Session] = []
        """Those that could not be unmounted; `released` and `open` try again."""

    async def open(self, backup_id: int, device: BlockDevice, mode: str) -> Room:
        """Open and prove DEVICE; for mode 'mount' mount it, for 'read' so that it cannot be written
        to. Size and room in bytes (room 0 where it is not mounted). Raises Fault; then nothing
        stays open or mounted."""
        await self._retry_left(device)
        opened = await self._run(
            partial(session.open_session, device, mode, self._runtime_dir),
            device,
            f"opening {device.node}",
            undo=session.abandon,
        )
        self._sessions[backup_id] = opened
        return opened.room

    def mounted_elsewhere(self, device: BlockDevice) -> bool:
        """Whether somebody else has the file system mounted, as far as can be seen."""
        return bool(holders.mounted_at(device, self._runtime_dir / "mnt"))

    def mount_point(self, backup_id: int) -> str:
        """Where it is mounted; empty in mode 'device' and where nothing is open."""
        found = self._sessions.get(backup_id)
        return str(found.target) if found and found.target else ""

    async def probe(self, backup_id: int) -> None:
        """Raise Fault ``disk-full``, ``disk-error`` or ``disk-gone`` if that is so.

        Writes back everything, to learn of errors; they also fail every later `sync`.
        """
        if found := self._sessions.get(backup_id):
            await self._write(found, found.probe)

    async def sync(self, backup_id: int) -> Room:
        """Bring everything onto the disk; its room afterwards.

        Raises Fault ``disk-error`` or ``disk-gone``, also for what an earlier `probe` met.
        """
        found = self._sessions.get(backup_id)
        if found is None:
            raise Fault("disk-error", "the disk is not open; run the backup again")
        return await self._write(found, found.sync)

    async def close(self, backup_id: int, gone: bool) -> bool:
        """Unmount and close; whether the device still answers. GONE: only let go, and quickly.

        Raises Fault ``unmount-failed`` (somebody uses it still; tried again by `released`), or
        ``disk-error`` or ``disk-gone`` where the unmounting itself lost something.
        """
        found = self._sessions.pop(backup_id, None)
        if found is None:
            return True
        if gone:
            await self._let_go(found)
            return False
        try:
            return await self._run(
                partial(found.close, self._unmount), found.device, f"unmounting {found.device.node}"
            )
        finally:
            if not found.closed:
                self._left.append(found)

    async def released(self, device: BlockDevice) -> str:
        """'' when the whole disk could be opened exclusively within 5 s, else a word of Reason.

        ``in-use``, or ``mounted-elsewhere`` where our namespace shows where; `core.events.GONE`
        for a disk that is not there any more, or has another in its place. Tries first to unmount
        what an earlier `close` had to leave.
        """
        await self._retry_left(device)
        try:
            return await self._run(
                partial(holders.release, device, self._runtime_dir / "mnt", self._release),
                device,
                f"letting go of {device.node}",
            )
        except Fault:  # it hangs: nobody can tell that it is free
            return "in-use"

    async def spin_down(self, device: BlockDevice) -> None:
        """Put the disk to sleep; a disk that cannot is left as it is."""
        try:
            await self._run(
                partial(spindown.stop_motor, device.whole or device.node),
                device,
                f"putting {device.node} to sleep",
            )
        except (Fault, OSError):
            return

    async def _write(self, found: Session, step: Callable[[], T]) -> T:
        try:
            return await self._run(step, found.device, f"writing to {found.device.node}")
        except Fault as fault:
            if fault.code != "disk-full" and found.lost is None:  # given up: it may have lost data
                found.lost = fault
            raise

    async def _retry_left(self, device: BlockDevice) -> None:
        for found in [item for item in self._left if item.device.whole == device.whole]:
            self._left.remove(found)
            if not found.present():
                await self._let_go(found)
                continue
            try:
                await self._run(
                    partial(found.close, 0.0), found.device, f"unmounting {found.device.node}"
                )
            except Fault:  # its backup has its verdict; whoever asks now is told by his own step
                pass
            finally:
                if not found.closed:
                    self._left.append(found)

    async def _let_go(self, found: Session) -> None:
        try:
            await hang.run(
                found.let_go,
                partial(_movement, found.device),
                f"letting go of {found.device.node}",
                patience=min(self._patience, _GONE_PATIENCE),
            )
        except Fault:  # the thread goes on; the kernel frees the rest with us
            return

    async def _run(
        self,
        step: Callable[[], T],
        device: BlockDevice,
        what: str,
        undo: Callable[[T], None] | None = None,
    ) -> T:
        return await hang.run(
            step, partial(_movement, device), what, patience=self._patience, undo=undo
        )


def _movement(device: BlockDevice) -> str:
    return sysfs.movement(sysfs.whole_disk(Path(device.syspath)))
