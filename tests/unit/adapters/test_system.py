"""Clock and boot."""

import asyncio
import time
from pathlib import Path

from tests.harness import wait_until
from tetrasback.adapters.system import HostSystem


def test_now_is_in_microseconds() -> None:
    assert abs(HostSystem().now() / 1e6 - time.time()) < 60


def test_the_boot_id_stays_the_same() -> None:
    assert HostSystem().boot_id() == HostSystem().boot_id()
    assert len(HostSystem().boot_id()) == 36


async def test_without_systemd_the_system_is_up(tmp_path: Path) -> None:
    await HostSystem(systemd=tmp_path / "none", systemctl="/bin/false").wait_until_up()


async def test_systemd_is_waited_for(tmp_path: Path) -> None:
    fifo = tmp_path / "up"
    systemctl = program(tmp_path, f'mkfifo {fifo}; echo "$@" >{tmp_path}/asked; read -r _ <{fifo}')
    waiting = asyncio.create_task(HostSystem(systemd=tmp_path, systemctl=systemctl).wait_until_up())
    asked = "is-system-running --wait\n"
    await asyncio.to_thread(wait_until, lambda: _said(tmp_path / "asked") == asked, "the question")
    assert not waiting.done()
    await asyncio.to_thread(fifo.write_text, "yes\n")
    async with asyncio.timeout(20):
        await waiting


async def test_a_boot_that_never_ends_is_waited_for_no_longer_than_allowed(tmp_path: Path) -> None:
    systemctl = program(tmp_path, "exec sleep 600")
    await HostSystem(systemd=tmp_path, systemctl=systemctl, limit=0.2).wait_until_up()


async def test_a_systemctl_that_is_not_there_is_no_reason_to_wait(tmp_path: Path) -> None:
    await HostSystem(systemd=tmp_path, systemctl=str(tmp_path / "no")).wait_until_up()


def _said(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def program(directory: Path, text: str) -> str:
    path = directory / "systemctl"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)
