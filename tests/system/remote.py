"""The disks adapter in a process with a mount namespace of its own, driven from a test.

As a program it is that process: pickled (method, arguments) on standard input, (error, value)
on standard output.
"""

import asyncio
import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.harness import LoopDisk, run, wait_until
from tests.harness.process import PROJECT
from tetrasback.adapters.disks import KernelDisks
from tetrasback.adapters.mounting import enter_private_namespace
from tetrasback.adapters.udev import UdevDevices
from tetrasback.core.devices import BlockDevice
from tetrasback.ports import Room


def identify(node: str) -> BlockDevice:
    """The device at NODE, as the daemon would know it."""

    async def look() -> BlockDevice:
        devices = UdevDevices()
        try:
            return await devices.lookup(node)
        finally:
            await devices.close()

    return asyncio.run(look())


def exchange(old: LoopDisk, new: LoopDisk) -> None:
    """Put another disk in the place of a plugged one, at once: the same node, another diskseq."""
    device, old.device = old.device, ""
    run(["losetup", "--detach", device])
    wait_until(
        lambda: run(["losetup", device, new.image], check=False).returncode == 0,
        f"{device} to be free",
    )
    new.device = device


class RemoteDisks:
    """`KernelDisks` with RUNTIME and OPTIONS, elsewhere. Its errors are raised here."""

    def __init__(self, runtime: Path, **options: Any) -> None:
        # Its working directory tells the workspace that it is to be swept away.
        runtime.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.system.remote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=runtime,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )
        self.call("start", str(runtime), options)

    def __enter__(self) -> "RemoteDisks":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def call(self, method: str, *arguments: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump((method, arguments), self._process.stdin)
        self._process.stdin.flush()
        error, value = pickle.load(self._process.stdout)
        if error is not None:
            raise error
        return value

    def open(self, device: BlockDevice, mode: str = "mount", backup: int = 1) -> Room:
        opened: Room = self.call("open", backup, device, mode)
        return opened

    def mount_point(self, backup: int = 1) -> str:
        return str(self.call("mount_point", backup))

    def probe(self, backup: int = 1) -> None:
        self.call("probe", backup)

    def sync(self, backup: int = 1) -> Room:
        room: Room = self.call("sync", backup)
        return room

    def close(self, gone: bool = False, backup: int = 1) -> bool:
        return bool(self.call("close", backup, gone))

    def released(self, device: BlockDevice) -> str:
        return str(self.call("released", device))

    def spin_down(self, device: BlockDevice) -> None:
        self.call("spin_down", device)

    def shell(self, script: str, *arguments: str | Path) -> str:
        """Run a shell script in that namespace; its output."""
        return str(self.call("shell", script, [str(word) for word in arguments]))

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))


async def _serve() -> None:
    disks: KernelDisks | None = None
    while True:
        try:
            method, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        error: Exception | None = None
        value: object = None
        try:
            if method == "start":
                disks = KernelDisks(Path(arguments[0]), **arguments[1])
            elif method == "shell":
                value = run(["sh", "-euc", arguments[0], "sh", *arguments[1]]).stdout
            else:
                answer = getattr(disks, method)(*arguments)
                value = await answer if asyncio.iscoroutine(answer) else answer
        except Exception as raised:
            error = raised
        pickle.dump((error, value), sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    enter_private_namespace()
    asyncio.run(_serve())
