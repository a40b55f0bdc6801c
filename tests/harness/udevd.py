"""The machine's udevd: used where one runs, else started and shared by all who need one."""

import os
import shutil
import signal
from pathlib import Path
from types import TracebackType

from tests.harness.lock import MachineLock
from tests.harness.process import BASE_ENVIRONMENT, run, wait_until

_START = "setsid /lib/systemd/systemd-udevd </dev/null >/dev/null 2>&1 & echo $!"
_RUN = Path("/run/udev")
_OURS = Path("/run/tetras-back-harness-udevd.pid")


def settle(seconds: float = 20.0) -> None:
    """Wait until udevd has handled every event so far."""
    run(["udevadm", "settle", f"--timeout={seconds:g}"], seconds=seconds + 5)


class UdevDaemon:
    """A running udevd, for as long as somebody uses it.

    There can be one only on a machine, so processes share it: each holds a shared lock while it
    uses it, and whoever leaves last stops it, if one of us had started it.
    """

    def __init__(self) -> None:
        self._users = MachineLock("udevd-users", shared=True)
        self._users.acquire()
        try:
            with MachineLock("udevd-change"):
                if not self._answers():
                    self._start()
        except BaseException:  # also Ctrl-C: nobody else would stop it
            self.close()
            raise

    def __enter__(self) -> "UdevDaemon":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        with MachineLock("udevd-change"):
            if self._users.release() and _OURS.exists():
                self._stop(int(_OURS.read_text()))

    @staticmethod
    def _answers() -> bool:
        return (_RUN / "control").is_socket() and run(
            ["udevadm", "control", "--ping", "--timeout=5"], check=False
        ).returncode == 0

    def _start(self) -> None:
        # Not --daemon: the shell tells the pid, and udevd outlives us if others still use it.
        _OURS.write_text(run(["sh", "-c", _START], env=BASE_ENVIRONMENT).stdout)
        wait_until(self._answers, "udevd to answer")

    def _stop(self, pid: int) -> None:
        _OURS.unlink()
        if Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not Path(f"/proc/{pid}").exists(), "udevd to end")
        shutil.rmtree(_RUN, ignore_errors=True)


class TagRule:
    """A udev rule that tags loop devices whose image lies below DIRECTORY, and no others, as the
    project's own rule tags disks that are plugged in."""

    def __init__(self, directory: Path) -> None:
        self.path = Path(f"/run/udev/rules.d/95-{directory.name}.rules")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # A partition has no loop/ of its own: its parent's says which image it is on.
        match = f'ATTRS{{loop/backing_file}}=="{directory}/*"'
        self.path.write_text(
            f'SUBSYSTEM=="block", KERNEL=="loop*", {match}, TAG+="tetras-back-disk"\n'
            f'SUBSYSTEM=="block", KERNEL=="loop*", ENV{{ID_FS_UUID}}=="?*", {match},'
            ' TAG+="tetras-back"\n'
        )
        reload_rules()

    def __enter__(self) -> "TagRule":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.path.unlink(missing_ok=True)
        reload_rules()


class BlindRule:
    """A udev rule by which udevd finds no file system on DEVICE, as its blkid does where it reads
    the superblock of a mounted one just while that is written."""

    def __init__(self, device: str) -> None:
        name = Path(device).name
        self.path = Path(f"/run/udev/rules.d/94-blind-{name}.rules")
        self.path.write_text(f'SUBSYSTEM=="block", KERNEL=="{name}", ENV{{ID_FS_UUID}}=""\n')

    def __enter__(self) -> "BlindRule":
        reload_rules()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.path.unlink(missing_ok=True)
        reload_rules()


def reload_rules() -> None:
    """Have udevd read its rules again. It turns away those who ask while others ask too."""
    command = ["udevadm", "control", "--reload", "--timeout=20"]
    wait_until(lambda: run(command, check=False).returncode == 0, "udevd to read its rules")
