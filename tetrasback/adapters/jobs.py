"""Runs backup scripts, each below a supervisor process that ends what it started (`running`)."""

import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from tetrasback.adapters import destination
from tetrasback.adapters.running import PLAIN_ENVIRONMENT, Child, Run
from tetrasback.core.state import Code, Progress
from tetrasback.ports import Job, JobResult, Logs, ScriptFile


class Finder(Protocol):
    """The script directories (`adapters.scripts`)."""

    def scripts(self) -> Sequence[ScriptFile]:
        """As `ports.Jobs.scripts`."""
        ...

    def find(self, name: str, takes: str) -> ScriptFile:
        """As `ports.Jobs.find`."""
        ...


class Jobs:
    """`ports.Jobs`. GRACE: seconds between TERM and KILL; PATIENCE: seconds after KILL until a
    script that hangs in the kernel is no longer waited for."""

    def __init__(
        self,
        finder: Finder,
        logs: Logs,
        *,
        grace: float = 10.0,
        patience: float = 120.0,
        key: Path | None = None,
        python: str = sys.executable,
    ) -> None:
        self._finder = finder
        self._logs = logs
        self._grace = grace
        self._patience = patience
        self._key = key
        self._python = python
        self._runs: dict[int, Run] = {}
        self._stopped = 0

    def scripts(self) -> Sequence[ScriptFile]:
        """Every script in the script directories, by name; the first directory wins."""
        return self._finder.scripts()

    def find(self, name: str, takes: str) -> ScriptFile:
        """One script, also one that may not be run: `problem` says why."""
        return self._finder.find(name, takes)

    async def run(self, job: Job, progress: Callable[[Progress], None]) -> JobResult:
        """Run one script until it and all it started have ended. Never raises for the script."""
        if job.backup_id == self._stopped:
            return JobResult(None, Progress())  # the stop came while its units were being stopped
        if point := destination.protect():
            text = f"{point} is open for a restore that hangs; restart the server, then back up"
            return JobResult(None, Progress(), Code.SCRIPT_REFUSED, text)
        script = self._finder.find(job.script, job.takes)
        if script.problem:
            return JobResult(None, Progress(), Code.SCRIPT_REFUSED, script.problem)
        child = Child(
            id=job.backup_id,
            label=job.script,
            command=(script.path, *job.args, job.mount or job.device),
            directory=job.mount or "/",
            environment=environment(job, self._key),
            nice=job.nice,
            timeout=job.timeout,
        )
        log = partial(self._logs.add, job.backup_id)
        run = Run(child, log, progress, self._grace, self._patience)
        self._runs[job.backup_id] = run
        try:
            run.start(self._python)
        except (OSError, ValueError) as error:
            run.close()
            why = error.strerror if isinstance(error, OSError) else str(error)
            text = f"{job.script} cannot be started: {why}"
            return JobResult(None, Progress(), Code.SCRIPT_REFUSED, text)
        else:
            try:
                return await run.finish()
            finally:
                run.close()
        finally:
            del self._runs[job.backup_id]

    def stop(self, backup_id: int) -> None:
        """End the backup's script: TERM to its group, KILL to all that is left. None runs: the
        backup's next one does not begin."""
        self._stopped = backup_id
        if backup_id in self._runs:
            self._runs[backup_id].stop()


def environment(job: Job, key: Path | None) -> Mapping[str, str]:
    """The clean environment of a script; the supervisor adds the progress descriptor.

    KEY is the file that seals manifests.
    """
    values = {
        **PLAIN_ENVIRONMENT,
        "TETRAS_BACK_UUID": job.uuid,
        "TETRAS_BACK_NAME": job.name,
        "TETRAS_BACK_DEVICE": job.device,
        "TETRAS_BACK_SOURCE": job.source,
        "TETRAS_BACK_HOSTNAME": socket.gethostname(),
        "TETRAS_BACK_ID": str(job.backup_id),
        "TETRAS_BACK_EXCLUDE": "\n".join(job.exclude),
        "TETRAS_BACK_KEEP": job.keep,
        "TETRAS_BACK_SHRINK_ALERT": f"{job.shrink_alert:g}",
        "TETRAS_BACK_VERIFY_MINUTES": f"{job.verify_minutes:g}",
    }
    if job.mount:
        values["TETRAS_BACK_MOUNT"] = job.mount
    if key is not None:
        values["TETRAS_BACK_KEY"] = str(key)
    return values
