"""Clock and boot (`ports.System`)."""

import asyncio
import contextlib
import time
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SYSTEMD = Path("/run/systemd/system")


class HostSystem:
    """The machine we run on. SYSTEMD exists where systemd is process 1 (sd_booted(3))."""

    def __init__(
        self, *, systemd: Path = _SYSTEMD, systemctl: str = "systemctl", limit: float = 600.0
    ) -> None:
        self._systemd = systemd
        self._systemctl = systemctl
        self._limit = limit

    def now(self) -> int:
        """µs since the epoch."""
        return time.time_ns() // 1000

    def boot_id(self) -> str:
        """The kernel's boot id: 32 hexadecimal digits and four dashes."""
        return _BOOT_ID.read_text("ascii").strip()

    async def wait_until_up(self) -> None:
        """Until systemd has nothing left to start, at most LIMIT s; at once without systemd.

        "degraded" is up too: a failed unit is no reason to keep nothing safe.
        """
        if not self._systemd.is_dir():
            return
        try:
            waiting = await asyncio.create_subprocess_exec(
                self._systemctl, "is-system-running", "--wait",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except OSError:
            return
        try:
            await asyncio.wait_for(waiting.wait(), self._limit)
        except TimeoutError:
            pass
        finally:
            if waiting.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    waiting.kill()
                await waiting.wait()
