"""The README's examples, run as they stand there."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bus.relaying import Person, relay_on, told_of
from tests.bus.serving import UUID
from tests.harness import Polkitd, PrivateBus, User
from tests.harness.process import PROJECT, PYTHON
from tetrasback.core import signals
from tetrasback.service import Service

README = (PROJECT / "README.md").read_text()
CLIENTS = README[README.index("### What happens, in a FIFO") :]


def example(language: str) -> str:
    """The first block of a language there."""
    found = re.search(rf"^```{language}\n(.*?)^```$", CLIENTS, re.M | re.S)
    assert found
    return found[1]


@pytest.fixture
async def daemon(bus: PrivateBus) -> AsyncIterator[Service]:
    async with told_of(bus) as (service, _):
        yield service


@pytest.mark.parametrize(
    ("language", "command", "expected"),
    [
        ("sh", ["sh"], ["the backup has FAILED", "you may unplug the disk"]),
        ("python", [PYTHON], ["failed the disk is full", "success complete"]),
    ],
)
async def test_example_tells_what_happens(
    daemon: Service,
    bus: PrivateBus,
    allowed: Polkitd,
    user: User,
    workspace: Path,
    language: str,
    command: list[str],
    expected: list[str],
) -> None:
    source = example(language)
    assert source.count("\n") <= 11
    async with relay_on(bus, workspace) as relay:
        person = Person(user, workspace, bus, relay.library)
        running = await asyncio.create_subprocess_exec(
            *person.command(*command, "-c", source),
            stdout=asyncio.subprocess.PIPE,
            env=person.environment,
        )
        try:
            assert running.stdout is not None
            async with asyncio.timeout(30):
                while b"registered" not in await running.stdout.readline():
                    pass
                for verdict, why in (("failed", "the disk is full"), ("success", "complete")):
                    daemon.tell(signals.BackupFinished(7, UUID, verdict, why))
                daemon.tell(signals.SafeToUnplug(UUID, "/dev/sdz1"))
                told: list[str] = []
                while len(told) < len(expected):
                    line = (await running.stdout.readline()).decode().rstrip("\n")
                    if "access control list" not in line and "pass through" not in line:
                        told.append(line)
        finally:
            running.kill()
            await running.communicate()
    assert told == expected
