"""A whole daemon on real parts, and a subscriber: what a test of it sees and does.

::

    Scene         bus, daemon, loop disks, scripts of the test's own
    ears.Ears     every signal, as `busctl monitor` hears it
    ears.Gate     where a script waits until the test lets it pass
"""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.harness import (
    Daemon,
    HarnessError,
    LoopDisk,
    PrivateBus,
    User,
    run,
    settle,
    wait_until,
)
from tests.harness.process import Process
from tests.harness.users import command_as
from tests.system.ears import Ears, Gate
from tetrasback import names

COPY = 'head -c 300000 /dev/urandom >"$1/data.part"\nmv "$1/data.part" "$1/data"\necho copied\n'
"""A script that backs something up."""


class CallFailed(Exception):
    """The daemon answered with an error; its message."""


class Scene:
    """A daemon, not started yet, in WORKSPACE on BUS."""

    def __init__(self, bus: PrivateBus, workspace: Path) -> None:
        self.bus = bus
        self.workspace = workspace
        self.scripts = workspace / "scripts"
        self.scripts.mkdir(mode=0o755)
        self.configuration = workspace / "configuration.toml"
        self._stack = ExitStack()
        self._daemon: Daemon | None = None
        self.ears = Ears(bus, workspace)
        self._stack.callback(self.ears.stop)

    def __enter__(self) -> "Scene":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # --- what there is --------------------------------------------------------------------------

    @property
    def daemon(self) -> Daemon:
        assert self._daemon is not None
        return self._daemon

    def disk(
        self,
        fs: str = "ext4",
        size_mb: int = 16,
        *,
        directory: Path | None = None,
        **options: Any,
    ) -> LoopDisk:
        """A new disk, pulled out."""
        place = directory or self.workspace
        return self._stack.enter_context(LoopDisk(place, fs, size_mb, **options))

    def script(self, text: str, name: str = "copy.sh") -> str:
        """A bash script of the test's own; its name."""
        path = self.scripts / name
        path.write_text(f"#!/bin/bash\n{text}")
        path.chmod(0o755)
        return name

    def gate(self, name: str = "gate") -> Gate:
        """A new gate."""
        return Gate(self.workspace, name)

    def configure(
        self,
        saved: Mapping[str, LoopDisk | str],
        scripts: Sequence[str] = ("copy.sh",),
        extra: str = "",
    ) -> str:
        """Write the configuration by hand: SAVED disks by name; its text."""
        lines = ["[backup]", f"scripts = {json.dumps(list(scripts))}", extra]
        for name, disk in saved.items():
            uuid = disk if isinstance(disk, str) else disk.uuid
            lines += [f'[disks."{uuid}"]', f'name = "{name}"']
        text = "\n".join(lines) + "\n"
        self.configuration.write_text(text)
        return text

    def start(self, script_dirs: Sequence[Path] = (), **options: Any) -> Daemon:
        """Start the daemon, or start it again; with the test's own scripts unless SCRIPT_DIRS."""
        if self._daemon is None:
            made = Daemon(self.bus, self.workspace, None, script_dirs or [self.scripts], **options)
            self._daemon = self._stack.enter_context(made)
        else:
            self._daemon.start(**options)
        return self._daemon

    # --- what is done ---------------------------------------------------------------------------

    def call(self, member: str, signature: str = "", *arguments: str | int) -> Any:
        """Call a method of the root object as root; its answer. Raises CallFailed."""
        return self._busctl(
            "call", "--", names.BUS_NAME, names.ROOT_PATH, names.MANAGER_INTERFACE, member,
            *([signature] if signature else []), *map(str, arguments),
        )  # fmt: skip

    def _busctl(self, *words: str) -> Any:
        done = run(
            ["busctl", f"--address={self.bus.address}", "--json=short", "--timeout=60", *words],
            check=False,
        )
        if done.returncode != 0:
            raise CallFailed(done.stderr.strip())
        return plain(json.loads(done.stdout)["data"]) if done.stdout.strip() else None

    def ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run tetras-backctl to its end."""
        return run(self.daemon.ctl(*arguments), env=self.daemon.client_environment, check=False)

    def background(self, argv: Sequence[str]) -> Process:
        """Start ARGV; ended with the scene at the latest."""
        process = Process(argv, log=self.workspace / "background.log", env=self.bus.environment)
        self._stack.callback(process.kill)
        return process

    def background_as(self, user: User, argv: Sequence[str]) -> Process:
        """The same, as USER and as a client."""
        process = Process(
            command_as(user, argv),
            log=self.workspace / "background.log",
            env=self.daemon.client_environment,
        )
        self._stack.callback(process.kill)
        return process

    def plug(self, disk: LoopDisk, *options: str) -> str:
        """Plug it in, and let udev see it; the device."""
        device = disk.attach(*options)
        settle()
        return device

    # --- what is seen ---------------------------------------------------------------------------

    def objects(self) -> dict[str, dict[str, Any]]:
        """Every object's properties, by its path."""
        (found,) = self._busctl(
            "call", names.BUS_NAME, names.ROOT_PATH, names.OBJECT_MANAGER_INTERFACE,
            "GetManagedObjects",
        )  # fmt: skip
        return {
            path: {key: value for values in interfaces.values() for key, value in values.items()}
            for path, interfaces in found.items()
        }

    def root(self, name: str) -> Any:
        """A property of the root object."""
        return plain(
            self._busctl(
                "get-property", names.BUS_NAME, names.ROOT_PATH, names.MANAGER_INTERFACE, name
            )
        )

    def shown(self, disk: LoopDisk | str) -> dict[str, Any]:
        """The properties of a disk's object; empty where there is none."""
        uuid = disk if isinstance(disk, str) else disk.uuid
        return self.objects().get(names.disk_path(uuid), {})

    def state(self, disk: LoopDisk | str) -> str:
        """State and, where there is one, reason of a disk: "held in-use"."""
        shown = self.shown(disk)
        return f"{shown.get('State', 'none')} {shown.get('Reason', '')}".strip()

    def becomes(self, disk: LoopDisk | str, state: str, seconds: float = 60.0) -> None:
        """Wait for a disk's state (and reason)."""
        try:
            wait_until(lambda: self.state(disk) == state, f"a disk to be {state}", seconds)
        except HarnessError as error:
            raise HarnessError(f"{error}: it is {self.state(disk)}; {self.told()}") from None

    def verdict(self, disk: LoopDisk, count: int = 1, seconds: float = 60.0) -> str:
        """The verdict of the COUNTth backup of DISK that ends, waited for."""
        try:
            return self.ears.wait("BackupFinished", disk.uuid, count, seconds)[2]
        except HarnessError as error:
            raise HarnessError(f"{error}; {self.told()}") from None

    def history(self, disk: LoopDisk | None = None) -> list[dict[str, Any]]:
        """The history's rows, newest first."""
        (rows,) = self.call("GetHistory", "stu", disk.uuid if disk else "", 0, 100)
        return list(rows)

    def log(self, backup_id: int) -> str:
        """A backup's log."""
        (text,) = self.call("GetLog", "t", backup_id)
        return str(text)

    def alerts(self) -> dict[str, str]:
        """Message of each alert, by its code."""
        return {item["Code"]: item["Message"] for item in self.root("Alerts")}

    def told(self) -> str:
        """What happened, for an error message."""
        return f"heard {self.ears.signals()}; {self.daemon.process.tail(1500)}"

    def free(self, device: str) -> bool:
        """Whether nobody holds DEVICE, as the kernel sees it now."""
        try:
            os.close(os.open(device, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC))
        except OSError:
            return False
        return True

    def inside(self, disk: LoopDisk) -> Path:
        """The disk's files, mounted for us to look at; unmounted again at the end of the scene.

        The disk must be pulled out.
        """
        point = self.workspace / f"look-{disk.image.stem}"
        point.mkdir()
        run(["mount", "-o", "loop,ro", disk.image, point])
        self._stack.callback(run, ["umount", point])
        return point


def plain(value: Any) -> Any:
    """VALUE without the {"type": …, "data": …} of busctl's variants."""
    if isinstance(value, dict):
        if value.keys() == {"type", "data"}:
            return plain(value["data"])
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
