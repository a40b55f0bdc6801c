"""systemd units that a script wants stopped: recorded before they are, started again in any case.

The record, ``STATE/stopped-units``, has one name a line. It outlives the daemon, so that what a
killed one had stopped is started by the next.
"""

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

ASK: Final = 30.0
"""Seconds for ``systemctl is-active``."""

CHANGE: Final = 90.0
"""Seconds for ``systemctl start`` or ``stop`` of one unit."""


class Units:
    """`ports.Units`. RECORD is the file of what is stopped; BOOTED exists where systemd runs."""

    def __init__(
        self,
        record: Path,
        *,
        systemctl: str = "/usr/bin/systemctl",
        booted: Path = Path("/run/systemd/system"),
        ask: float = ASK,
        change: float = CHANGE,
    ) -> None:
        self._record = record
        self._systemctl = systemctl
        self._booted = booted
        self._ask = ask
        self._change = change

    async def stop(self, units: Sequence[str]) -> Sequence[str]:
        """Stop those that are active, each recorded before; names of those that would not stop.

        Without systemd nothing is stopped, which the journal is told. A unit that could not be
        recorded is not stopped: it might never be started again.
        """
        if not self._booted.exists():
            if units:
                log.warning("systemd does not run here: not stopped: %s", ", ".join(units))
            return ()
        failed = []
        for unit in units:
            if await self._call("is-active", unit, self._ask):
                try:
                    await asyncio.to_thread(self._add, unit)
                except OSError as error:
                    log.error("%s cannot be written: %s", self._record, error)
                    failed.append(unit)
                    continue
                if not await self._call("stop", unit, self._change):
                    failed.append(unit)
        return tuple(failed)

    async def restore(self) -> Sequence[str]:
        """Start every recorded unit; names of those that would not start (they stay recorded)."""
        try:
            recorded = await asyncio.to_thread(self._read)
        except OSError as error:
            log.error("%s cannot be read: %s", self._record, error)
            return ()
        left = list(recorded)
        for unit in reversed(recorded):
            if await self._call("start", unit, self._change):
                left.remove(unit)
        if left != recorded:
            try:
                await asyncio.to_thread(self._write, left)
            except OSError as error:  # it will be started once more, which does no harm
                log.error("%s cannot be written: %s", self._record, error)
        return tuple(left)

    async def _call(self, verb: str, unit: str, seconds: float) -> bool:
        """Whether ``systemctl VERB UNIT`` succeeded in time."""
        try:
            process = await asyncio.create_subprocess_exec(
                *(self._systemctl, verb, "--quiet", "--no-ask-password", "--", unit),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            log.error("%s cannot be run: %s", self._systemctl, error)
            return False
        try:
            return await asyncio.wait_for(process.wait(), seconds) == 0
        except TimeoutError:
            log.error("systemctl %s %s took longer than %g s", verb, unit, seconds)
            return False
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    def _read(self) -> list[str]:
        try:
            text = self._record.read_text("utf-8", "replace")
        except FileNotFoundError:
            return []
        return list(dict.fromkeys(line for line in text.splitlines() if line))

    def _add(self, unit: str) -> None:
        known = self._read()
        if unit not in known:
            self._write([*known, unit])

    def _write(self, units: Sequence[str]) -> None:
        """Replace the record, durably: a power cut must not make a stopped unit forgotten."""
        fresh = self._record.with_name(self._record.name + ".new")
        with open(fresh, "w", encoding="utf-8") as file:
            file.writelines(f"{unit}\n" for unit in units)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self._record)
        directory = os.open(self._record.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
