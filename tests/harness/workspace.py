"""A directory for one test or demo, and the certainty that nothing outlives it."""

import contextlib
import os
import shutil
import signal
import tempfile
from pathlib import Path
from types import TracebackType

from tests.harness.process import run, users_of, wait_until


class Workspace:
    """A root-owned directory that everybody may enter.

    At the end, also after an error: processes that stand in it or carry it in their environment
    are killed (scripts of a daemon that was killed, say), mounts below it are undone, loop devices
    backed by files in it are detached, and it is removed.
    """

    def __init__(self, prefix: str = "tetras-back-test-") -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        self.path.chmod(0o755)
        # Shared, as systemd makes every mount: a process of another test that unshares its mount
        # namespace copies the mounts in here, and lets go of them when they are undone here.
        run(["mount", "--bind", self.path, self.path])
        run(["mount", "--make-shared", self.path])

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        wait_until(self._no_processes, f"the processes in {self.path} to end")
        for mount in reversed(_mounts_below(self.path)):
            run(["umount", "--lazy", mount], check=False)
        for device in _loops_below(self.path):
            run(["losetup", "--detach", device], check=False)
        wait_until(
            lambda: not _loops_below(self.path), f"the loop devices of {self.path} to go", 60
        )
        run(["umount", "--lazy", self.path], check=False)
        shutil.rmtree(self.path, ignore_errors=True)
        if self.path.exists():  # immutable or append-only files of a test
            run(["chattr", "-R", "-ia", self.path], check=False)
            shutil.rmtree(self.path)

    def _no_processes(self) -> bool:
        found = users_of(self.path)
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _reap(found)
        return not found


def _reap(pids: list[int]) -> None:
    """Collect those that are our own children, so that they do not stay as zombies."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _mounts_below(directory: Path) -> list[str]:
    prefix = str(directory) + "/"
    lines = Path("/proc/self/mounts").read_text(errors="backslashreplace").splitlines()
    points = [line.split(" ")[1].encode().decode("unicode_escape") for line in lines]
    return [point for point in points if point.startswith(prefix)]


def _loops_below(directory: Path) -> list[str]:
    found = []
    for loop in Path("/sys/block").glob("loop*"):
        with contextlib.suppress(OSError):  # detached: it has no such file
            if (loop / "loop/backing_file").read_text().startswith(f"{directory}/"):
                found.append(f"/dev/{loop.name}")
    return found
