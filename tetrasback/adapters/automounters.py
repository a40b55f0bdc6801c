"""Keeps desktop automounters from saved disks (`ports.Automounters`).

A udev rule of our own sets ``UDISKS_AUTO=0`` (udisks(8)) on their file systems. It lies in /run: at
the next boot the daemon writes it anew.
"""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tetrasback.config.forms import normalise_uuid
from tetrasback.errors import InvalidArgs

_DIRECTORY: Final = Path("/run/udev/rules.d")
_CONTROL: Final = Path("/run/udev/control")
_NAME: Final = "61-tetras-back-saved.rules"  # after 60-persistent-storage.rules, before udisks' 80
_MOST: Final = 10_000
_RELOAD_SECONDS: Final = 30.0

_HEAD: Final = "# Written by tetras-backd: disks that only it mounts. Changes here are lost.\n"


class UdisksRule:
    """The rule file in DIRECTORY; CONTROL is udevd's socket, there only while udevd runs."""

    def __init__(self, directory: Path = _DIRECTORY, control: Path = _CONTROL) -> None:
        self._path = directory / _NAME
        self._control = control

    async def keep_from(self, uuids: Sequence[str]) -> None:
        """Have the rule name these disks, and no others; none = no rule. Raises OSError."""
        text = _rule(uuids)
        if text == self._current():
            return
        if text:
            self._replace(text)
        else:
            self._path.unlink(missing_ok=True)
        if self._control.exists():
            await _reload()

    def _current(self) -> str:
        try:
            return self._path.read_text("ascii")
        except FileNotFoundError:
            return ""
        except ValueError:  # not ours any more: written anew
            return "\0"

    def _replace(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")  # udev reads only *.rules
        draft.unlink(missing_ok=True)
        descriptor = os.open(
            draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644
        )
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(text)
        draft.rename(self._path)


def _rule(uuids: Sequence[str]) -> str:
    """The rule's text. Only the normalised form gets in: nothing in it means anything to udev."""
    known = set()
    for uuid in uuids:
        with contextlib.suppress(InvalidArgs):
            known.add(normalise_uuid(uuid))
    lines = [
        f'SUBSYSTEM=="block", ENV{{ID_FS_UUID}}=="{uuid}", ENV{{UDISKS_AUTO}}="0"\n'
        for uuid in sorted(known)[:_MOST]
    ]
    return _HEAD + "".join(lines) if lines else ""


async def _reload() -> None:
    """Have udevd read its rules; where it does not answer it reads them by itself soon after."""
    try:
        reloading = await asyncio.create_subprocess_exec(
            "udevadm", "control", "--reload",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        return
    try:
        await asyncio.wait_for(reloading.wait(), _RELOAD_SECONDS)
    except TimeoutError:
        reloading.kill()
        await reloading.wait()
