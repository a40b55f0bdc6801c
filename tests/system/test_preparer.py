"""The adapter that prepares disks, on loop disks that are exchanged, fill up, hang and vanish.

Whatever happens, the disk is let go of, and what did not reach it is never called whole.
"""

import asyncio
import fcntl
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.harness import LoopDisk, UdevDaemon, run, settle, wait_until
from tests.harness.process import Process
from tests.system.remote import exchange
from tests.system.shelves import FrozenShelf, FullShelf
from tetrasback.adapters import sysfs
from tetrasback.adapters.preparer import KernelPreparer
from tetrasback.adapters.wholes import UdevWholes
from tetrasback.core.wholes import Order, Step, WholeDisk
from tetrasback.errors import NoSuchDevice, Rejected
from tetrasback.ports import Fault

UUID = "9b5a9f3e-0000-4000-8000-00000000abcd"


@pytest.fixture
def preparer() -> KernelPreparer:
    return KernelPreparer()


@pytest.fixture
def hurried() -> KernelPreparer:
    """One that gives a hanging disk up after a second."""
    return KernelPreparer(patience=1.0)


@pytest.fixture
async def wholes(udevd: UdevDaemon, workspace: Path) -> AsyncIterator[UdevWholes]:
    made = UdevWholes(workspace / "run/mnt")
    await made.start(lambda whole: None, lambda syspath: None)
    yield made
    await made.close()


@pytest.fixture
def blank(loop_disk: Callable[..., LoopDisk]) -> Iterator[LoopDisk]:
    made = loop_disk("", 64, name="blank")
    made.attach()
    settle()
    yield made
    take_away(made)


@pytest.fixture
def frozen(workspace: Path) -> Iterator[FrozenShelf]:
    made = FrozenShelf(workspace)
    yield made
    made.close()


@pytest.fixture
def hanging(frozen: FrozenShelf) -> Iterator[LoopDisk]:
    """A blank disk that hangs while its shelf is frozen."""
    made = LoopDisk(frozen.path, "", 64)
    made.attach()
    settle()
    yield made
    frozen.thaw()
    wait_until(lambda: is_free(made.device), "the disk to be let go of", 30)
    take_away(made)


@pytest.fixture
def full(workspace: Path) -> Iterator[FullShelf]:
    made = FullShelf(workspace)
    yield made
    made.close()


def take_away(disk: LoopDisk) -> None:
    """Pull out a disk that may have a partition now."""
    settle()
    run(["partx", "--delete", disk.device], check=False)
    disk.detach()


async def order_for(
    preparer: KernelPreparer, wholes: UdevWholes, device: str, fstype: str = "ext4"
) -> Order:
    whole = await wholes.look(device)
    return Order(whole, "bleu", fstype, UUID, await preparer.survey(whole))


def do_nothing(step: str) -> None:
    """A preparation that nobody watches."""


async def fault_of(
    preparer: KernelPreparer, order: Order, moved: Callable[[str], None] = do_nothing
) -> Fault:
    """How a preparation fails; afterwards the disk must be free."""
    with pytest.raises(Fault) as caught:
        await preparer.prepare(order, moved)
    await preparer.finish()
    assert "\n" not in caught.value.message
    return caught.value


def is_free(device: str) -> bool:
    """Whether nobody holds the disk, or keeps udev from it."""
    try:
        descriptor = os.open(device, os.O_RDONLY | os.O_EXCL)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def content(disk: LoopDisk) -> str:
    return hashlib.sha256(disk.image.read_bytes()).hexdigest()


async def test_the_steps_and_what_is_on_the_disk_then(
    preparer: KernelPreparer, wholes: UdevWholes, blank: LoopDisk
) -> None:
    order = await order_for(preparer, wholes, blank.device)
    steps: list[str] = []
    node = await preparer.prepare(order, steps.append)
    assert steps == [Step.ERASE, Step.PARTITION, Step.FORMAT, Step.CHECK]
    assert node == f"{blank.device}p1"
    assert not is_free(blank.device)  # until it is saved udev keeps away
    await preparer.finish()
    wait_until(lambda: is_free(blank.device), "the disk to be free")
    assert run(["blkid", "-p", "-s", "UUID", "-o", "value", node]).stdout.strip() == UUID
    assert run(["blkid", "-p", "-s", "LABEL", "-o", "value", node]).stdout.strip() == "bleu"
    table = run(["sfdisk", "--dump", blank.device]).stdout
    assert "label: gpt" in table
    assert "start=        2048" in table
    assert run(["sfdisk", "--verify", blank.device]).stderr == ""
    assert run(["fsck.ext4", "-fn", node]).returncode == 0
    settle()
    assert f"ID_FS_UUID={UUID}" in run(["udevadm", "info", "--query=property", node]).stdout


async def test_data_of_which_only_the_beginning_and_end_were_wiped_is_data(
    preparer: KernelPreparer, wholes: UdevWholes, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk("", 64)
    with disk.image.open("r+b") as file:
        file.seek(24 << 20)
        file.write(os.urandom(16 << 20))
    order = await order_for(preparer, wholes, disk.attach())
    assert not order.survey.zeros
    assert order.survey.signatures == ()


@pytest.mark.parametrize("fs", ["ext4", "vfat", "exfat", "ntfs", "swap"])
async def test_no_mark_of_what_was_there_is_left(
    fs: str, preparer: KernelPreparer, wholes: UdevWholes, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk(fs, 64)
    device = disk.attach()
    settle()
    order = await order_for(preparer, wholes, device)
    assert [word.partition(" ")[0] for word in order.survey.signatures if "PMBR" not in word]
    assert not order.survey.zeros
    node = await preparer.prepare(order, do_nothing)
    await preparer.finish()
    told = run(["wipefs", "--parsable", "--output", "DEVICE,TYPE", device, node]).stdout
    marks = {line for line in told.splitlines() if not line.startswith("#")}
    name = Path(device).name
    assert sorted(marks) == sorted({f"{name},PMBR", f"{name},gpt", f"{name}p1,ext4"})
    take_away(disk)


async def test_partitions_that_were_there_are_gone_with_all_that_was_on_them(
    preparer: KernelPreparer, wholes: UdevWholes, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk("", 64)
    disk.partitions("label: dos\nsize=16MiB\nsize=16MiB\n")
    device = disk.attach()
    for part in disk.read_partitions():
        run(["mkfs.vfat", part])
    settle()
    order = await order_for(preparer, wholes, device)
    assert [item.fstype for item in order.whole.contents] == ["vfat", "vfat"]
    assert order.whole.table == "dos"
    await preparer.prepare(order, do_nothing)
    await preparer.finish()
    assert sysfs.partitions(Path("/sys/block", Path(device).name)) == [f"{device}p1"]
    take_away(disk)


async def test_what_is_mounted_or_used_is_seen(
    preparer: KernelPreparer,
    wholes: UdevWholes,
    loop_disk: Callable[..., LoopDisk],
    workspace: Path,
) -> None:
    mounted, swap = loop_disk("ext4", name="mounted"), loop_disk("swap", name="swap")
    place = workspace / "place"
    place.mkdir()
    run(["mount", mounted.attach(), place])
    run(["swapon", swap.attach()])
    try:
        settle()
        whole = await wholes.look(mounted.device)
        assert whole.contents[0].mounts == (str(place),)
        assert (await preparer.survey(whole)).user
        whole = await wholes.look(swap.device)
        assert whole.contents[0].users == ("swap",)
        assert whole.system
    finally:
        run(["swapoff", swap.device])
        run(["umount", place])


async def test_mounts_are_told_as_they_come_and_go(
    udevd: UdevDaemon, loop_disk: Callable[..., LoopDisk], workspace: Path
) -> None:
    told: asyncio.Queue[WholeDisk] = asyncio.Queue()
    wholes = UdevWholes(workspace / "run/mnt")
    await wholes.start(told.put_nowait, lambda syspath: None)
    device = loop_disk("ext4").attach()
    settle()
    await wholes.look(device)
    place = workspace / "place"
    place.mkdir()

    async def mounts_become(expected: tuple[str, ...]) -> None:
        async with asyncio.timeout(10):
            while True:
                whole = await told.get()
                if whole.node == device and whole.contents and whole.contents[0].mounts == expected:
                    return

    run(["mount", device, place])
    await mounts_become((str(place),))
    run(["umount", place])
    await mounts_become(())
    await wholes.close()


async def test_another_program_that_has_it_open_is_named(
    preparer: KernelPreparer, wholes: UdevWholes, blank: LoopDisk, workspace: Path
) -> None:
    script = 'exec 5<"$1"; exec sleep 600'
    holder = Process(["sh", "-c", script, "sh", blank.device], log=workspace / "x", env=os.environ)
    try:
        fd = Path(f"/proc/{holder.pid}/fd/5")
        wait_until(lambda: fd.exists() and os.readlink(fd) == blank.device, "the disk to be open")
        survey = await preparer.survey(await wholes.look(blank.device))
        assert survey.user == f"sleep ({holder.pid}) has it open"
    finally:
        holder.kill()


async def test_an_exclusive_holder_keeps_it(
    preparer: KernelPreparer, wholes: UdevWholes, blank: LoopDisk
) -> None:
    order = await order_for(preparer, wholes, blank.device)
    before = content(blank)
    descriptor = os.open(blank.device, os.O_RDONLY | os.O_EXCL)
    try:
        assert (await preparer.survey(order.whole)).user
        assert (await fault_of(preparer, order)).code == "in-use"
    finally:
        os.close(descriptor)
    assert content(blank) == before
    assert is_free(blank.device)


async def test_what_is_only_read_or_somebody_else_s_is_told(
    preparer: KernelPreparer, wholes: UdevWholes, loop_disk: Callable[..., LoopDisk]
) -> None:
    locked, foreign = loop_disk("", name="locked"), loop_disk("", name="foreign")
    locked.attach("--read-only")
    foreign.attach()
    os.chown(foreign.image, 1234, 1234)
    assert (await preparer.survey(await wholes.look(locked.device))).read_only
    assert (await preparer.survey(await wholes.look(foreign.device))).foreign


async def test_a_disk_that_has_changed_since_is_left_alone(
    preparer: KernelPreparer, wholes: UdevWholes, blank: LoopDisk
) -> None:
    order = await order_for(preparer, wholes, blank.device)
    run(["mkfs.ext4", "-q", "-F", blank.device])
    before = content(blank)
    assert (await fault_of(preparer, order)).code == "identity"
    assert content(blank) == before


async def test_another_disk_in_the_same_place_is_left_alone(
    preparer: KernelPreparer, wholes: UdevWholes, loop_disk: Callable[..., LoopDisk]
) -> None:
    first, second = loop_disk("", name="first"), loop_disk("", name="second")
    first.attach()
    settle()
    order = await order_for(preparer, wholes, first.device)
    exchange(first, second)
    before = content(second)
    with pytest.raises(Fault) as caught:
        await preparer.survey(order.whole)
    assert caught.value.code == "disk-gone"
    assert (await fault_of(preparer, order)).code == "disk-gone"
    assert content(second) == before


async def test_a_partition_or_nothing_is_no_whole_disk(
    wholes: UdevWholes, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk("", 32)
    disk.partitions("label: gpt\nsize=16MiB\n")
    disk.attach()
    (part,) = disk.read_partitions()
    with pytest.raises(Rejected, match=f"{disk.device}$"):
        await wholes.look(part)
    for nothing in ("/dev/null", "/dev/nope", "/dev/shm"):
        with pytest.raises(NoSuchDevice):
            await wholes.look(nothing)
    disk.forget_partitions()


async def test_a_program_that_is_missing_is_told_before_anything_is_erased(
    preparer: KernelPreparer,
    wholes: UdevWholes,
    loop_disk: Callable[..., LoopDisk],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = loop_disk("vfat")
    order = await order_for(preparer, wholes, disk.attach(), "xfs")
    before = content(disk)
    monkeypatch.setattr("shutil.which", lambda name, path: None if name == "mkfs.xfs" else name)
    fault = await fault_of(preparer, order)
    assert fault.code == "unsupported-filesystem"
    assert "install xfsprogs" in fault.message
    assert content(disk) == before


@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
async def test_a_disk_that_does_not_keep_what_is_written_is_never_whole(
    fs: str, preparer: KernelPreparer, wholes: UdevWholes, full: FullShelf
) -> None:
    disk = LoopDisk(full.path, "", 400)
    disk.attach()
    settle()
    order = await order_for(preparer, wholes, disk.device, fs)
    fault = await fault_of(
        preparer, order, lambda step: full.fill() if step == Step.FORMAT else None
    )
    assert fault.code == "disk-error"
    wait_until(lambda: is_free(disk.device), "the disk to be free")
    take_away(disk)


@pytest.mark.parametrize("at", [Step.ERASE, Step.PARTITION, Step.FORMAT])
async def test_a_disk_that_hangs_is_given_up_and_let_go_of_when_it_can_be(
    at: Step, hurried: KernelPreparer, wholes: UdevWholes, frozen: FrozenShelf, hanging: LoopDisk
) -> None:
    order = await order_for(hurried, wholes, hanging.device)
    begun = time.monotonic()
    fault = await fault_of(hurried, order, lambda step: frozen.freeze() if step == at else None)
    assert fault.code == "disk-error"
    assert "hangs" in fault.message
    assert time.monotonic() - begun < 30
    frozen.thaw()
    wait_until(lambda: is_free(hanging.device), "the disk to be let go of", 20)


async def test_the_loop_goes_on_while_a_disk_hangs(
    hurried: KernelPreparer, wholes: UdevWholes, frozen: FrozenShelf, hanging: LoopDisk
) -> None:
    order = await order_for(hurried, wholes, hanging.device)
    frozen.freeze()
    task = asyncio.create_task(fault_of(hurried, order))
    longest, last = 0.0, time.monotonic()
    while not task.done():
        await asyncio.sleep(0.01)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert longest < 1.0


@pytest.mark.parametrize("at", [Step.ERASE, Step.PARTITION, Step.FORMAT])
async def test_it_can_be_stopped(
    at: Step, preparer: KernelPreparer, wholes: UdevWholes, blank: LoopDisk
) -> None:
    order = await order_for(preparer, wholes, blank.device)
    fault = await fault_of(preparer, order, lambda step: preparer.stop() if step == at else None)
    assert fault.code == "stopped"
    wait_until(lambda: is_free(blank.device), "the disk to be free")


async def test_a_stop_ends_a_program_that_runs(
    preparer: KernelPreparer, wholes: UdevWholes, frozen: FrozenShelf, hanging: LoopDisk
) -> None:
    order = await order_for(preparer, wholes, hanging.device)

    def freeze_soon_stop(step: str) -> None:
        if step == Step.FORMAT:
            frozen.freeze()
            asyncio.get_running_loop().call_later(1.0, preparer.stop)
            asyncio.get_running_loop().call_later(2.0, frozen.thaw)

    fault = await fault_of(preparer, order, freeze_soon_stop)
    assert fault.code == "stopped"
    assert f"mkfs.ext4 {hanging.device}" not in run(["ps", "-eo", "args"]).stdout


async def test_a_wrong_uuid_in_the_superblock_is_noticed(
    preparer: KernelPreparer, wholes: UdevWholes, blank: LoopDisk
) -> None:
    order = await order_for(preparer, wholes, blank.device)
    other = replace(order, uuid=UUID.replace("abcd", "dcba"))

    def make_another(step: str) -> None:
        if step == Step.CHECK:
            run(["mkfs.ext4", "-q", "-F", "-U", other.uuid, f"{blank.device}p1"])

    fault = await fault_of(preparer, order, make_another)
    assert fault.code == "disk-error"
    assert "does not keep" in fault.message
