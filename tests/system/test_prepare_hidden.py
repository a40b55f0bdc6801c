"""What a disk is, and who uses it, where neither udev nor the kernel's holders tell."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run
from tetrasback.adapters import lease
from tetrasback.adapters.wholes import UdevWholes
from tetrasback.core.wholes import Kind, WholeDisk

UUID = "0b5a9f3e-7c1d-4e8f-9a2b-3c4d5e6f7a8b"


@pytest.fixture
def upper() -> Iterator[Callable[[str], str]]:
    """Puts another loop device on a block device."""
    made: list[str] = []

    def put(device: str) -> str:
        made.append(run(["losetup", "--find", "--show", device]).stdout.strip())
        return made[-1]

    yield put
    for device in made:
        run(["losetup", "--detach", device])


async def look(device: str) -> WholeDisk:
    wholes = UdevWholes(Path("/nowhere"))
    try:
        return await wholes.look(device)
    finally:
        await wholes.close()


async def test_a_disk_says_itself_which_file_systems_it_has(
    loop_disk: Callable[..., LoopDisk],
) -> None:
    whole = await look(loop_disk(uuid=UUID).attach())
    assert UUID in lease.survey(whole).uuids


async def test_a_loop_device_on_another_device_is_no_disk_of_its_own(
    loop_disk: Callable[..., LoopDisk], upper: Callable[[str], str]
) -> None:
    """What is written to it lands on a disk that nobody has named, were it the system's."""
    lower = loop_disk("").attach()
    assert (await look(lower)).kind is Kind.LOOP
    assert (await look(upper(lower))).kind is Kind.VIRTUAL


async def test_a_disk_is_used_by_a_loop_device_on_it(
    loop_disk: Callable[..., LoopDisk], upper: Callable[[str], str]
) -> None:
    """The kernel lets such a disk be held alone, even if the loop device is mounted."""
    lower = loop_disk().attach()
    name = upper(lower).removeprefix("/dev/")
    (content,) = (await look(lower)).contents
    assert content.users == (name,)
