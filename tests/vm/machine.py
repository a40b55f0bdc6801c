"""A virtual machine: booted or restored, USB disks plugged in and pulled out, power cut."""

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from tests.harness.lock import MachineLock
from tests.harness.process import BASE_ENVIRONMENT, HarnessError, Process, run, wait_until
from tests.vm.channel import Channel, Done
from tests.vm.disk import UsbDisk
from tests.vm.qmp import Qmp

QEMU = "qemu-system-x86_64"
SINK = Path(__file__).with_name("sink.py")


@dataclass(frozen=True)
class Snapshot:
    """A machine that stands still: its disk, the kernel that boots it, and its memory.

    MEMORY is None where there is none; it must then be booted.
    """

    disk: Path
    kernel: Path
    initrd: Path
    memory: Path | None = None


class Machine:
    """A machine that starts as SNAPSHOT is and leaves it as it is; its files are in DIRECTORY."""

    def __init__(self, directory: Path, snapshot: Snapshot) -> None:
        self.directory = directory
        self.snapshot = snapshot
        self.root = directory / "root.qcow2"
        self.mails = directory / "mails"
        self.console = directory / "console.log"
        # What is to be undone, in order, to switch it off.
        self._on = ExitStack()
        # One for each process of a run: more emulators than processors would all take longer.
        self._alone = MachineLock(f"vm-{os.environ.get('PYTEST_XDIST_WORKER', 'gw0')}")
        self.plugged: dict[str, UsbDisk] = {}
        directory.mkdir(parents=True, exist_ok=True)
        self.mails.mkdir()
        backing = ("-F", "qcow2", "-b", snapshot.disk)
        run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, self.root])

    def __enter__(self) -> "Machine":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut_power()

    # --- power ------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Go on where the snapshot was taken."""
        self._start("-incoming", "defer")
        self.qmp.do("migrate-incoming", uri=f"exec:cat '{self.snapshot.memory}'")
        self._wait_for_migration()
        self.go_on()

    def boot(self, *disks: UsbDisk) -> None:
        """Switch it on, with DISKS plugged in already, and wait until it is up."""
        self.switch_on(*disks)
        self.go_on()
        self.wait_until_up()

    def switch_on(self, *disks: UsbDisk) -> None:
        """As `boot`, but stop before the first instruction."""
        self._start()
        for disk in disks:
            self.plug(disk)

    def go_on(self) -> None:
        self.qmp.do("cont")

    def wait_until_up(self, seconds: float = 480) -> None:
        """Wait until all that starts at boot has started."""
        waiting = self.channel.start(["systemctl", "is-system-running", "--wait"], seconds=seconds)
        try:
            said = self.channel.wait(waiting, seconds).stdout.strip()
        except HarnessError as error:
            raise HarnessError(f"{error}; its console: {self.console_tail()}") from None
        if said != "running":
            failed = self.run("systemctl", "--failed", "--no-legend", "--plain", check=False)
            raise HarnessError(f"the guest came up {said}: {failed.stdout}")
        self.run("udevadm", "settle")

    def console_tail(self, characters: int = 2000) -> str:
        """The end of what its console showed, for an error message."""
        return self.console.read_text(errors="replace")[-characters:]

    def save(self, memory: Path) -> Snapshot:
        """Stop it for ever; the snapshot from which it goes on, with its MEMORY in that file."""
        self.run("sync")
        self.qmp.do("stop")
        self.qmp.do("migrate-set-parameters", max_bandwidth=1 << 40)
        self.qmp.do("migrate", uri=f"exec:cat >'{memory}'")
        self._wait_for_migration()
        self.cut_power()
        return replace(self.snapshot, disk=self.root, memory=memory)

    def cut_power(self) -> None:
        """From one moment to the next it is off; what it had not written is lost."""
        self.plugged.clear()
        self._on.close()

    def wait_until_off(self, seconds: float = 240) -> None:
        """Wait until the guest has switched itself off."""
        wait_until(lambda: not self.process.running, "the guest to switch itself off", seconds)
        self.cut_power()

    # --- USB --------------------------------------------------------------------------------------

    def plug(self, disk: UsbDisk) -> None:
        """Plug DISK in."""
        disk.plug(self.qmp)
        self.plugged[disk.name] = disk

    def pull(self, disk: UsbDisk) -> None:
        """Pull DISK out, whatever it is doing."""
        del self.plugged[disk.name]
        disk.pull(self.qmp)

    # --- network ----------------------------------------------------------------------------------

    def forward(self, port: int) -> int:
        """A port of loopback on the host that leads to PORT of the guest, as long as it is on."""
        said = self._monitor(f"hostfwd_add tcp:127.0.0.1:0-:{port}")
        # PROTOCOL[STATE] FD ADDRESS PORT GUEST-ADDRESS GUEST-PORT …, one connection a line.
        lines = [line.split() for line in self._monitor("info usernet").splitlines()]
        for words in lines:
            if words[:1] == ["TCP[HOST_FORWARD]"] and words[5] == str(port):
                return int(words[3])
        raise HarnessError(f"QEMU does not forward port {port}: {said}")

    def _monitor(self, line: str) -> str:
        """What QEMU's monitor for people says to LINE, where there is nothing for programs."""
        return str(self.qmp.do("human-monitor-command", command_line=line))

    # --- commands ---------------------------------------------------------------------------------

    def run(
        self,
        *argv: str | Path,
        user: str = "root",
        check: bool = True,
        seconds: float = 240,
        data: bytes | str = b"",
    ) -> Done:
        """Run ARGV in the guest as USER to its end; with CHECK a failure raises."""
        done = self.channel.wait(
            self.start(*argv, user=user, seconds=seconds, data=data), seconds + 30
        )
        if check and done.returncode != 0:
            raise HarnessError(
                f"in the guest: {argv[0]} ended with {done.returncode}: "
                f"{(done.stdout + done.stderr).strip()[-2000:]}"
            )
        return done

    def start(
        self, *argv: str | Path, user: str = "root", seconds: float = 240, data: bytes | str = b""
    ) -> int:
        """Start ARGV in the guest as USER; a number for `channel.wait`."""
        words = [str(word) for word in argv]
        if user != "root":
            words = ["runuser", "-u", user, "--", *words]
        return self.channel.start(words, data.encode() if isinstance(data, str) else data, seconds)

    def shell(self, script: str, **options: object) -> str:
        """What the bash SCRIPT says; its first failure raises."""
        return self.run("bash", "-euo", "pipefail", "-c", script, **options).stdout

    def send(self, file: Path, to: str) -> None:
        """Copy FILE of the host to the path TO in the guest."""
        self.run("tee", to, data=file.read_bytes())

    # ----------------------------------------------------------------------------------------------

    def _start(self, *options: str) -> None:
        # The path of a socket has at most 107 characters.
        self._sockets = Path(self._on.enter_context(tempfile.TemporaryDirectory(prefix="vm-")))
        self._alone.acquire()
        self._on.callback(self._alone.release)
        self.process = Process(
            [QEMU, *_arguments(self), *options],
            log=self.directory / "qemu.log",
            env=BASE_ENVIRONMENT,
        )
        self._on.callback(self.process.kill)
        wait_until(self._listening, "QEMU to start")
        self.qmp = Qmp(self.socket("qmp"))
        self._on.callback(self.qmp.close)
        self.channel = Channel(self.socket("agent"))
        self._on.callback(self.channel.close)

    def _listening(self) -> bool:
        if not self.process.running:
            raise HarnessError(f"QEMU did not start: {self.process.tail()}")
        return self.socket("qmp").exists() and self.socket("agent").exists()

    def _wait_for_migration(self) -> None:
        def done() -> bool:
            status = self.qmp.do("query-migrate").get("status")
            if status == "failed":
                raise HarnessError("QEMU could not save or restore the machine; see qemu.log")
            return status == "completed"

        wait_until(done, "the machine's memory to be read or written", 60)

    def socket(self, name: str) -> Path:
        """Where QEMU listens: qmp, agent or console."""
        return self._sockets / name


def _arguments(machine: Machine) -> Sequence[str | Path]:
    def socket(name: str, more: str = "") -> str:
        return f"socket,id={name},path={machine.socket(name)},server=on,wait=off{more}"

    return [
        # KVM is not to be had everywhere; two processors, each a thread. An old model is quicker to
        # emulate, and with "max" and some options programs of the guest were seen to crash.
        *("-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-smp", "2", "-m", "1024"),
        *("-machine", "q35,sata=off", "-nodefaults", "-display", "none", "-S"),
        *("-kernel", machine.snapshot.kernel, "-initrd", machine.snapshot.initrd),
        *("-append", "root=LABEL=root console=tty0 console=ttyS0 mitigations=off"),
        *("-drive", f"if=virtio,format=qcow2,file={machine.root}"),
        *("-chardev", socket("qmp"), "-mon", "chardev=qmp,mode=control"),
        *(
            "-chardev",
            socket("console", f",logfile={machine.console}"),
            "-serial",
            "chardev:console",
        ),
        *("-device", "virtio-serial", "-chardev", socket("agent")),
        *("-device", "virtserialport,chardev=agent,name=vm.agent"),
        *("-device", "qemu-xhci,id=xhci,p2=8,p3=8"),
        # No way out but to the sink.
        "-nic",
        f"user,model=virtio-net-pci,restrict=on,guestfwd=tcp:10.0.2.25:25-cmd:"
        f"/usr/bin/python3 {SINK} {machine.mails}",
    ]
