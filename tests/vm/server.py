"""A server with the package on it: what people and programs there do and see."""

import contextlib
import email
import email.policy
import json
from collections.abc import Iterator, Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from tests.harness.process import HarnessError, wait_until
from tests.system.scene import plain
from tests.vm.channel import Done
from tests.vm.disk import UsbDisk
from tests.vm.machine import Machine, Snapshot
from tetrasback import names

CONFIGURATION = "/etc/tetras-back/configuration.toml"
SCRIPTS = "/usr/local/lib/tetras-back"
MOUNTS = "/run/tetras-back/mnt/"
HEARD = "/run/heard.log"
GATE = "/run/gate"
PAUSE = 0.3
"""Seconds between two looks into the guest, which take it a tenth of a second each."""


class Server(Machine):
    """A machine whose daemon is spoken to."""

    def __init__(self, directory: Path, snapshot: Snapshot) -> None:
        super().__init__(directory, snapshot)
        self.disks = directory / "disks"
        self.disks.mkdir()

    # --- what is done -----------------------------------------------------------------------------

    def disk(
        self, name: str = "bleu", fs: str = "ext4", size_mb: int = 256, **options: str
    ) -> UsbDisk:
        """A new disk, not plugged in."""
        return UsbDisk(self.disks, fs, size_mb, name=name, **options)

    def ctl(self, *arguments: str, user: str = "root", seconds: float = 240) -> Done:
        """Run tetras-backctl to its end; a failure is the caller's to look at."""
        return self.run("tetras-backctl", *arguments, user=user, check=False, seconds=seconds)

    def configure(
        self, saved: Sequence[UsbDisk], scripts: Sequence[str] = (), extra: str = ""
    ) -> None:
        """Write the configuration by hand: SAVED disks under their names, SCRIPTS (default: the
        default), and EXTRA tables; and have it read."""
        lines = ["[backup]", f"scripts = {json.dumps(list(scripts))}"] if scripts else []
        lines += [extra]
        for disk in saved:
            lines += [f'[disks."{disk.uuid}"]', f'name = "{disk.name}"']
        self.run("tee", CONFIGURATION, data="\n".join(lines) + "\n")
        self.call("Reload")

    def script(self, text: str, name: str = "own.sh") -> str:
        """A script of the administrator's own; its name."""
        path = f"{SCRIPTS}/{name}"
        self.run("install", "-D", "-m", "755", "/dev/stdin", path, data=f"#!/bin/bash\n{text}")
        return name

    def gate(self) -> str:
        """Lines of a script that wait there until `open_gate`; see `at_gate`."""
        return f"touch {GATE}.reached; until [ -e {GATE} ]; do sleep 0.1; done\n"

    def at_gate(self) -> None:
        """Wait until a script is at the gate."""
        self.until(
            lambda: self.run("test", "-e", f"{GATE}.reached", check=False).returncode == 0,
            "a script at the gate",
        )

    def open_gate(self) -> None:
        """Let the script go on, and those that come after it."""
        self.run("touch", GATE)

    def fill(self, directory: str, megabytes: int) -> None:
        """Files in a new DIRECTORY that no compression makes smaller."""
        self.shell(
            f"mkdir -p {directory}; cd {directory}; "
            f"for i in $(seq {megabytes}); do head -c 1M /dev/urandom >$i; done"
        )

    def listen(self) -> None:
        """From now on hear every signal."""
        monitor = f"busctl --json=short monitor {names.BUS_NAME}"
        self.start("bash", "-c", f"exec {monitor} >>{HEARD} 2>&1", seconds=3600)
        self.until(lambda: "Monitoring" in self.read(HEARD), "a subscriber")

    # --- what is seen -----------------------------------------------------------------------------

    def until(self, condition: Any, what: str, seconds: float = 120) -> Any:
        """As `wait_until`, at the pace of a guest."""
        return wait_until(condition, what, seconds, PAUSE)

    def read(self, path: str) -> str:
        """The content of a file; empty where there is none."""
        return self.run("cat", path, check=False).stdout

    def call(self, member: str, *words: str, user: str = "root") -> Any:
        """What our method MEMBER answers; WORDS are a signature and the arguments."""
        done = self.run(
            *("busctl", "--json=short", "--timeout=60", "call", "--"),
            *(names.BUS_NAME, names.ROOT_PATH, names.MANAGER_INTERFACE, member, *words),
            user=user,
        )
        return plain(json.loads(done.stdout)["data"]) if done.stdout.strip() else None

    def objects(self) -> dict[str, dict[str, Any]]:
        """Every object's properties, by its path; nothing where the daemon does not answer."""
        done = self.run(
            *("busctl", "--json=short", "call", names.BUS_NAME, names.ROOT_PATH),
            *(names.OBJECT_MANAGER_INTERFACE, "GetManagedObjects"),
            check=False,
        )
        if done.returncode != 0:
            return {}
        (found,) = plain(json.loads(done.stdout)["data"])
        return {
            path: {key: value for values in interfaces.values() for key, value in values.items()}
            for path, interfaces in found.items()
        }

    def preparable(self) -> list[dict[str, Any]]:
        """The whole disks that could be made backup disks."""
        done = self.run(
            *("busctl", "--json=short", "get-property", names.BUS_NAME, names.ROOT_PATH),
            *(names.MANAGER_INTERFACE, "Preparable"),
        )
        return list(plain(json.loads(done.stdout)["data"]))

    def shown(self, disk: UsbDisk) -> dict[str, Any]:
        """The properties of a disk's object; empty where there is none."""
        return self.objects().get(names.disk_path(disk.uuid), {})

    def becomes(self, disk: UsbDisk, *states: str, seconds: float = 120) -> Mapping[str, Any]:
        """Wait until a disk is in one of STATES; its properties."""
        shown: dict[str, Any] = {}

        def reached() -> bool:
            nonlocal shown
            shown = self.shown(disk)
            return shown.get("State") in states

        try:
            self.until(reached, f"{disk.name} to be {' or '.join(states)}", seconds)
        except HarnessError as error:
            raise HarnessError(f"{error}; it is {shown or 'not there'}") from None
        return shown

    def backup(self, disk: UsbDisk) -> dict[str, Any]:
        """The properties of a disk's newest backup, waited for."""

        def found() -> list[dict[str, Any]]:
            shown = [item for item in self.objects().values() if "Verdict" in item]
            return [item for item in shown if item["UUID"] == disk.uuid]

        return max(self.until(found, f"a backup of {disk.name}"), key=lambda item: item["Id"])

    def mounts_of(self, disk: UsbDisk) -> list[str]:
        """/proc/PID of each process in whose mount namespace DISK is mounted."""
        found = self.shell(
            f"dev=$(readlink -f /dev/disk/by-uuid/{disk.uuid} || true); "
            f'grep -ls -e {MOUNTS} -e " ${{dev:-none}} " /proc/[0-9]*/mountinfo || true'
        )
        return [line.removesuffix("/mountinfo") for line in found.split()]

    def device(self, disk: UsbDisk) -> str:
        """The whole disk's device, such as /dev/sda."""
        return self.run("readlink", "-f", f"/dev/disk/by-uuid/{disk.uuid}").stdout.strip()

    def backups_on(self, disk: UsbDisk) -> list[str]:
        """The folders of complete backups on DISK, which is plugged in and free."""
        with self.look(disk) as point:
            return self.shell(f"cd {point}; ls -d *_Sauvegarde_* || true").split()

    def leftovers_on(self, disk: UsbDisk) -> list[str]:
        """What half-made backups left on DISK."""
        with self.look(disk) as point:
            return self.shell(f"find {point}/.tetras-back/work-* -mindepth 1 -maxdepth 1").split()

    @contextlib.contextmanager
    def look(self, disk: UsbDisk) -> Iterator[str]:
        """Where DISK, which is plugged in, is mounted for us to look at, read-only."""
        point = "/mnt/look"
        self.run("mkdir", "-p", point)
        self.run("mount", "-o", "ro", f"UUID={disk.uuid}", point)
        try:
            yield point
        finally:
            self.run("umount", point)

    def history(self) -> list[dict[str, Any]]:
        """The history's rows, newest first."""
        (rows,) = self.call("GetHistory", "stu", "", "0", "100")
        return list(rows)

    def heard(self, member: str) -> list[list[Any]]:
        """The arguments of each signal MEMBER since `listen`."""
        whole, _, _ = self.read(HEARD).rpartition("\n")
        found = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [
            item["payload"]["data"]
            for item in found
            if item["type"] == "signal" and item.get("member") == member
        ]

    def letters(self, count: int = 1, seconds: float = 120) -> list[EmailMessage]:
        """The first COUNT mails that reached the mail server, waited for."""

        def arrived() -> list[Path]:
            files = sorted(self.mails.glob("*.eml"))
            return files if len(files) >= count else []

        files = wait_until(arrived, f"{count} mails", seconds)
        return [
            email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            for file in files
        ]

    def journal(self, *options: str) -> str:
        """What the service said in this boot."""
        return self.run("journalctl", "-b", "-o", "cat", "-u", "tetras-back", *options).stdout
