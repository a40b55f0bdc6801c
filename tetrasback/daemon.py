"""tetras-backd: the composition root, the only file that knows core, adapters and service."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tetrasback import __version__
from tetrasback.adapters import mounting
from tetrasback.adapters.automounters import UdisksRule
from tetrasback.adapters.console import Console
from tetrasback.adapters.disks import KernelDisks
from tetrasback.adapters.history import History
from tetrasback.adapters.inhibitor import Inhibitor
from tetrasback.adapters.inotify import DirectoryWatch
from tetrasback.adapters.jobs import Jobs
from tetrasback.adapters.logs import Logs
from tetrasback.adapters.mail import Mail
from tetrasback.adapters.outside import Outside, hold_namespace
from tetrasback.adapters.preparer import KernelPreparer
from tetrasback.adapters.scripts import DEFAULT_DIRECTORIES, ScriptDirectories
from tetrasback.adapters.system import HostSystem
from tetrasback.adapters.tasks import Tasks
from tetrasback.adapters.udev import UdevDevices
from tetrasback.adapters.units import Units
from tetrasback.adapters.userview import UserViews
from tetrasback.adapters.wholes import UdevWholes
from tetrasback.adapters.window import Window
from tetrasback.config.file import ConfigFile
from tetrasback.config.model import Config
from tetrasback.control import Control
from tetrasback.core.alerts import GOOD_TO_KNOW
from tetrasback.core.signals import Signal
from tetrasback.core.speech import cleaned
from tetrasback.core.state import State
from tetrasback.engine import Engine
from tetrasback.errors import EXIT_ERROR, EXIT_OK, TetrasBackError
from tetrasback.host import journal, sdnotify
from tetrasback.ports import Ports
from tetrasback.service.interface import CONTRACT
from tetrasback.service.polkit import Polkit
from tetrasback.service.service import Service
from tetrasback.wire import Alert, ManagerView

log = logging.getLogger("tetrasback")

CONFIG = Path("/etc/tetras-back/configuration.toml")
STATE_DIR = Path("/var/lib/tetras-back")
RUNTIME_DIR = Path("/run/tetras-back")
STOP_SECONDS = 2 * 3600
"""How long a disk that still takes data may keep the service from ending."""
EXIT_MADE_WAY = 75
"""EX_TEMPFAIL of sysexits(3): ended for a new version; the unit starts that one."""


class _Audience:
    """Shows the state to control and service, and a summary to systemd."""

    def __init__(self) -> None:
        self.control: Control | None = None
        self.service: Service | None = None
        self._status = ""
        self._alerts: Sequence[Alert] = ()

    def show(self, state: State, config: Config) -> None:
        """Control answers with this from now on, and the bus hears what has changed."""
        assert self.control is not None
        assert self.service is not None
        self.control.show(state, config)
        control = self.control
        self.service.publish(control.manager(), control.disks(), control.backups(), control.jobs())
        self._log_new_alerts(self.control.manager().alerts)
        status = summary(state)
        if status != self._status:
            self._status = status
            sdnotify.status(status)

    def _log_new_alerts(self, alerts: Sequence[Alert]) -> None:
        """Each is told to the journal once, when it comes up."""
        if alerts is self._alerts:
            return
        known = {(item.code, item.uuid, item.since) for item in self._alerts}
        for alert in alerts:
            if (alert.code, alert.uuid, alert.since) not in known:
                level = logging.INFO if alert.code in GOOD_TO_KNOW else logging.WARNING
                log.log(level, "%s: %s", alert.code, cleaned(alert.message))
        self._alerts = alerts

    def tell(self, signal: Signal) -> None:
        """The bus hears what has happened."""
        assert self.service is not None
        self.service.tell(signal)


def summary(state: State) -> str:
    """One line for ``systemctl status``."""
    if state.running is not None:
        backup = state.backups[state.running]
        waiting = f", {len(state.queue)} waiting" if state.queue else ""
        return f"Backing up onto {backup.name}{waiting}"
    if (job := state.current_job) is not None and job.task.kind.is_job:
        return f"Doing a {job.task.kind} from {job.name}"
    if state.queue:
        return f"{len(state.queue)} backups wait for the system to start"
    plugged = sum(bool(disk.devices) for disk in state.disks.values())
    saved = sum(disk.saved for disk in state.disks.values())
    return f"Idle: {saved} saved, {plugged} plugged"


async def serve(ports: Ports, config: Path | None) -> int:
    """Run until SIGTERM or SIGINT, or after SIGUSR1 until nothing is being done; the exit status.

    Raises TetrasBackError where it cannot begin.
    """
    loop = asyncio.get_running_loop()
    stopping, making_way = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGUSR1, making_way.set)
    audience = _Audience()
    engine = Engine(ports, audience)
    control = Control(engine)
    service = Service(CONTRACT, control, Polkit(), ManagerView())
    audience.control, audience.service = control, service
    edited = asyncio.Event()
    watches = _watch(config, edited) if config is not None else ()  # before it is first read
    await engine.start()
    try:
        await service.start()  # no backup begins before the name is ours
        keeping = asyncio.create_task(service.run(), name="service")
        keeping.add_done_callback(lambda _: stopping.set())  # it never ends by itself
        loop.add_signal_handler(signal.SIGHUP, engine.file_changed)
        rereading = asyncio.create_task(_reread(engine, edited), name="configuration")
        engine.begin()
        way = asyncio.create_task(_make_way(engine, making_way, stopping), name="make way")
        sdnotify.ready()
        beat = asyncio.create_task(sdnotify.beat(), name="watchdog")
        await stopping.wait()
    finally:
        sdnotify.stopping()
        stretch = asyncio.create_task(_ask_for_time(), name="stop")
        await engine.stop()
        stretch.cancel()
    beat.cancel()
    rereading.cancel()
    for watch in watches:
        watch.close()
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    await service.stop()
    made_way = way.done()
    way.cancel()
    return EXIT_MADE_WAY if made_way else EXIT_OK


def _watch(config: Path, edited: asyncio.Event) -> Sequence[DirectoryWatch]:
    """The file, and where it is a link also what it leads to, for edits replace that."""
    return [
        DirectoryWatch(path.parent, {path.name}, edited.set)
        for path in dict.fromkeys((config.absolute(), config.resolve()))
    ]


async def _reread(engine: Engine, edited: asyncio.Event) -> None:
    """Have the configuration file read again whenever it was EDITED, also while we started."""
    while True:
        await edited.wait()
        edited.clear()
        engine.file_changed()


async def _make_way(engine: Engine, asked: asyncio.Event, stopping: asyncio.Event) -> None:
    """Once ASKED, end as soon as nothing is being done: no backup is cut off for an upgrade."""
    await asked.wait()
    log.info("a new version is there: it takes over once no backup runs")
    await engine.come_to_rest()
    stopping.set()


async def _ask_for_time() -> None:
    """While the last backup is synced and closed, systemd is asked to wait."""
    for _ in range(STOP_SECONDS // 20):
        sdnotify.extend_timeout(60_000_000)
        await asyncio.sleep(20)


def real_ports(options: argparse.Namespace) -> Ports:
    """The adapters on the real machine. Raises TetrasBackError, for instance when not root."""
    outside = Outside(hold_namespace())
    mounting.enter_private_namespace()
    state_dir, runtime_dir = Path(options.state_dir), Path(options.runtime_dir)
    for directory, mode in ((state_dir, 0o700), (runtime_dir, 0o755)):
        directory.mkdir(mode=mode, parents=True, exist_ok=True)
    logs = Logs(state_dir / "logs")
    directories = options.script_dir or DEFAULT_DIRECTORIES
    return Ports(
        devices=UdevDevices(),
        disks=KernelDisks(runtime_dir),
        wholes=UdevWholes(runtime_dir / "mnt"),
        preparer=KernelPreparer(),
        jobs=Jobs(ScriptDirectories(directories), logs, key=state_dir / "manifest.key"),
        tasks=Tasks(
            logs,
            key=state_dir / "manifest.key",
            window=Window(runtime_dir / "browse", outside),
            views=UserViews(runtime_dir / "views", outside),
        ),
        logs=logs,
        history=History(state_dir / "history.sqlite", least_id=logs.newest()),
        units=Units(state_dir / "stopped-units"),
        inhibitor=Inhibitor(),
        automounters=UdisksRule(),
        mail=Mail(state_dir / "outbox", logs),
        console=Console(),
        system=HostSystem(),
        configuration=ConfigFile(options.config, state_dir / "configuration.last-good.toml"),
    )


def sim_ports() -> Ports:
    """The in-memory adapters."""
    from tetrasback.adapters.sim import SimWorld  # of no use to a real daemon

    return SimWorld().ports()


def parser() -> argparse.ArgumentParser:
    """The command line of tetras-backd."""
    made = argparse.ArgumentParser(
        prog="tetras-backd",
        description="Backs this server up onto external disks; see tetras-backd(8).",
        allow_abbrev=False,
    )
    made.add_argument("--config", type=Path, default=CONFIG, metavar="FILE")
    made.add_argument("--state-dir", type=Path, default=STATE_DIR, metavar="DIR")
    made.add_argument("--runtime-dir", type=Path, default=RUNTIME_DIR, metavar="DIR")
    made.add_argument(
        "--script-dir",
        type=Path,
        action="append",
        metavar="DIR",
        help="where scripts are looked for; may be given again, the first that has one wins",
    )
    made.add_argument("--log-level", choices=journal.LEVELS, default="info")
    made.add_argument(
        "--sim",
        action="store_true",
        help="simulated disks and scripts: nothing on this machine is touched",
    )
    made.add_argument("--version", action="version", version=__version__)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon; its exit status."""
    options = parser().parse_args(arguments)
    journal.log_to_stderr(options.log_level)
    try:
        ports = sim_ports() if options.sim else real_ports(options)
        return asyncio.run(serve(ports, None if options.sim else options.config))
    except TetrasBackError as error:
        log.critical("tetras-backd: %s", error)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        log.critical("tetras-backd: %s%s", place, error.strerror or error)
    return EXIT_ERROR


def run() -> None:
    """The program: as `main`, but a thread that a dying disk holds does not keep it from ending."""
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    run()
