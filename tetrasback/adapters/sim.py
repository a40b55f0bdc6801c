"""Every port in memory: for ``tetras-backd --sim`` and for tests that need no disk and no root.

A `SimWorld` holds disks that can be plugged and unplugged, scripts that only pretend, a clock, and
what the ports have written. `SimWorld.ports` are its ports; give them to one engine.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tetrasback.adapters.sim_disks import DISKS, GIB, SimDevices, SimDisks
from tetrasback.adapters.sim_mail import SimConsole, SimMail
from tetrasback.adapters.sim_records import SimHistory, SimLogs
from tetrasback.adapters.sim_tasks import SimTasks
from tetrasback.adapters.sim_wholes import SimPreparer, SimWholes
from tetrasback.config import text as config_text
from tetrasback.config.check import Problem
from tetrasback.config.edits import Edit, apply
from tetrasback.config.file import Loaded
from tetrasback.config.model import Config
from tetrasback.core.devices import BlockDevice
from tetrasback.core.state import Code, Progress
from tetrasback.errors import ConfigurationError
from tetrasback.ports import Job, JobResult, Ports, ScriptFile

STEPS: Final = 12
"""Reports of progress that a simulated script makes."""


@dataclass(frozen=True, slots=True)
class SimScript:
    """What a simulated script does: how it ends, and after how many seconds."""

    status: int = 0
    warnings: int = 0
    seconds: float = 3.0
    problem: str = ""


SCRIPTS: Final[Mapping[str, SimScript]] = {
    "backup_nocloud.sh": SimScript(),
    "backup_demo-tibox.sh": SimScript(seconds=1.0),
    "fails.sh": SimScript(status=1),
    "warns.sh": SimScript(status=3, warnings=2),
    "refused.sh": SimScript(
        problem="/sim/refused.sh is not executable; run: chmod 755 /sim/refused.sh"
    ),
}


class SimJobs:
    """`ports.Jobs`: scripts that pretend."""

    def __init__(self, scripts: Mapping[str, SimScript], logs: SimLogs) -> None:
        self._scripts = dict(scripts)
        self._logs = logs
        self._stopped: dict[int, asyncio.Event] = {}

    def scripts(self) -> Sequence[ScriptFile]:
        """As `ports.Jobs.scripts`."""
        return [self.find(name, "") for name in sorted(self._scripts)]

    def find(self, name: str, takes: str) -> ScriptFile:
        """As `ports.Jobs.find`."""
        del takes
        if name not in self._scripts:
            return ScriptFile(name, "", f"there is no script {name} in /sim; put it there")
        return ScriptFile(name, f"/sim/{name}", self._scripts[name].problem)

    async def run(self, job: Job, progress: Callable[[Progress], None]) -> JobResult:
        """Report some progress, then end as the script is said to."""
        found = self.find(job.script, job.takes)
        if found.problem:
            return JobResult(None, Progress(), Code.SCRIPT_REFUSED, found.problem)
        script = self._scripts[job.script]
        stop = self._stopped[job.backup_id] = asyncio.Event()
        said = Progress(bytes_total=3 * GIB)
        try:
            for step in range(1, STEPS + 1):
                try:
                    await asyncio.wait_for(stop.wait(), script.seconds / STEPS)
                except TimeoutError:
                    said = self._step(job, said, step / STEPS)
                    progress(said)
                else:
                    return JobResult(None, said)
        finally:
            del self._stopped[job.backup_id]
        for number in range(script.warnings):
            self._logs.add(job.backup_id, f"warning: file {number} cannot be read")
        stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
        said = replace(
            said,
            warnings=script.warnings,
            code=Code.SOURCE_UNREADABLE if script.warnings else "",
            snapshot=f"{stamp}_Sauvegarde_sim",
        )
        return JobResult(script.status, said)

    def stop(self, backup_id: int) -> None:
        """As `ports.Jobs.stop`."""
        if backup_id in self._stopped:
            self._stopped[backup_id].set()

    def _step(self, job: Job, said: Progress, fraction: float) -> Progress:
        label = "home" if fraction < 0.7 else "archive"
        self._logs.add(job.backup_id, f"{job.script}: {label}, {fraction:.0%}")
        return replace(
            said,
            fraction=fraction,
            step=label,
            bytes_done=int(3 * GIB * fraction),
            files_done=int(20_000 * fraction),
        )


class SimUnits:
    """`ports.Units`. ``active``: those that run; ``stuck``: those that do not start again."""

    def __init__(self) -> None:
        self.active: set[str] = set()
        self.stuck: set[str] = set()
        self.stopped: list[str] = []

    async def stop(self, units: Sequence[str]) -> Sequence[str]:
        """As `ports.Units.stop`."""
        for unit in units:
            if unit in self.active:
                self.stopped.append(unit)
                self.active.discard(unit)
        return ()

    async def restore(self) -> Sequence[str]:
        """As `ports.Units.restore`."""
        self.active.update(unit for unit in self.stopped if unit not in self.stuck)
        self.stopped = [unit for unit in self.stopped if unit in self.stuck]
        return tuple(self.stopped)


class SimInhibitor:
    """`ports.Inhibitor`."""

    def __init__(self) -> None:
        self.held = False

    async def hold(self, why: str) -> None:
        """As `ports.Inhibitor.hold`."""
        del why
        self.held = True

    async def release(self) -> None:
        """As `ports.Inhibitor.release`."""
        self.held = False


class SimAutomounters:
    """`ports.Automounters`."""

    def __init__(self) -> None:
        self.uuids: tuple[str, ...] = ()

    async def keep_from(self, uuids: Sequence[str]) -> None:
        """As `ports.Automounters.keep_from`."""
        self.uuids = tuple(uuids)


class SimSystem:
    """`ports.System`: the true time, a boot that is always the same."""

    def now(self) -> int:
        """As `ports.System.now`."""
        return time.time_ns() // 1000

    def boot_id(self) -> str:
        """As `ports.System.boot_id`."""
        return "00000000-0000-4000-8000-00000000b007"

    async def wait_until_up(self) -> None:
        """It is up."""


class SimConfiguration:
    """`ports.Configuration`: a file that is only a text, ``toml``."""

    def __init__(self, toml: str = "") -> None:
        self.toml = toml
        self._path = Path("/sim/configuration.toml")
        self._good = Config()

    def load(self) -> Loaded:
        """As `ports.Configuration.load`."""
        try:
            self._good, warnings = self._parse(self.toml)
        except ConfigurationError as error:
            return Loaded(self._good, (), str(error))
        return Loaded(self._good, warnings, "")

    def edit(self, change: Edit) -> Config:
        """As `ports.Configuration.edit`."""
        config, _ = self._parse(self.toml)
        toml = apply(self.toml, change, config)
        self._good, _ = self._parse(toml)
        self.toml = toml
        return self._good

    def _parse(self, toml: str) -> tuple[Config, tuple[Problem, ...]]:
        return config_text.parse(config_text.decode(toml.encode(), self._path), self._path)


class SimWorld:
    """All simulated ports, put together."""

    def __init__(
        self,
        devices: Sequence[BlockDevice] = DISKS,
        scripts: Mapping[str, SimScript] = SCRIPTS,
        toml: str = "",
    ) -> None:
        self.devices = SimDevices(devices)
        self.disks = SimDisks(self.devices)
        self.wholes = SimWholes(self.devices)
        self.preparer = SimPreparer(self.devices)
        self.logs = SimLogs()
        self.jobs = SimJobs(scripts, self.logs)
        self.tasks = SimTasks(self.logs)
        self.history = SimHistory()
        self.units = SimUnits()
        self.inhibitor = SimInhibitor()
        self.automounters = SimAutomounters()
        self.mail = SimMail()
        self.console = SimConsole()
        self.system = SimSystem()
        self.configuration = SimConfiguration(toml)

    def ports(self) -> Ports:
        """What an engine is given."""
        return Ports(
            devices=self.devices,
            disks=self.disks,
            wholes=self.wholes,
            preparer=self.preparer,
            jobs=self.jobs,
            tasks=self.tasks,
            logs=self.logs,
            history=self.history,
            units=self.units,
            inhibitor=self.inhibitor,
            automounters=self.automounters,
            mail=self.mail,
            console=self.console,
            system=self.system,
            configuration=self.configuration,
        )
