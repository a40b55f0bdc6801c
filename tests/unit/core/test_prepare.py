"""Which disks may be prepared, and what becomes of one that is."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.world import UUIDS, World, config, device, disk, names, ready
from tetrasback.core import effects, events, signals
from tetrasback.core.alerts import alerts
from tetrasback.core.prepare import LEAST, MOST, preparable
from tetrasback.core.wholes import (
    GAP,
    MIB,
    Content,
    Kind,
    Order,
    Preparation,
    Survey,
    WholeDisk,
    is_partition,
)
from tetrasback.errors import Busy, ConfigurationError, InvalidArgs, Rejected, TetrasBackError

NEW = "9b5a9f3e-0000-4000-8000-000000000009"
BLANK = WholeDisk("/sys/block/sdb", "/dev/sdb", "Elements", "WX1", 10**12, 7)
EXFAT = Content("/dev/sdb1", 10**12, "exfat", "Elements", "1234-ABCD")


def order(whole: WholeDisk = BLANK, survey: Survey | None = None, **changes: Any) -> Order:
    seen = Survey() if survey is None else survey
    return replace(Order(whole, "vert", "ext4", NEW, seen), **changes)


def ask(world: World, wanted: Order, erase: bool = False) -> None:
    world.happen(events.PrepareRequested(wanted, erase))


def made(**changes: Any) -> events.PreparationMade:
    return events.PreparationMade(device(uuid=NEW, **changes))


def refused(error: type[TetrasBackError], wanted: Order, erase: bool = True) -> str:
    """What is said; nothing may have changed."""
    world = ready()
    before = world.state
    with pytest.raises(error) as caught:
        ask(world, wanted, erase)
    assert world.state == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_blank_disk_needs_nothing_to_be_erased() -> None:
    world = ready()
    ask(world, order())
    assert world.state.preparing == Preparation(order())


@pytest.mark.parametrize(
    ("whole", "survey", "words"),
    [
        (replace(BLANK, table="gpt"), Survey(), "partition table (gpt)"),
        (replace(BLANK, contents=(EXFAT,)), Survey(), "/dev/sdb1 exfat “Elements”"),
        (replace(BLANK, contents=(Content("/dev/sdb1"),)), Survey(), "data of no known kind"),
        (BLANK, Survey(zeros=False), "data of no known kind"),
        (BLANK, Survey(signatures=("LVM2_member sdb",)), "LVM2_member sdb"),
    ],
)
def test_what_is_on_a_disk_is_told_and_stays_unless_it_may_go(
    whole: WholeDisk, survey: Survey, words: str
) -> None:
    said = refused(Rejected, order(whole, survey), erase=False)
    assert words in said
    assert "Elements, 1.0 TB" in said
    assert "--erase" in said
    world = ready()
    ask(world, order(whole, survey), erase=True)
    assert world.state.preparing is not None


@pytest.mark.parametrize(
    ("whole", "survey", "words"),
    [
        ({"system": True}, {}, "this system runs from"),
        ({"kind": Kind.OPTICAL}, {}, "optical"),
        ({"kind": Kind.VIRTUAL}, {}, "made of other devices"),
        ({}, {"foreign": True}, "somebody else than root"),
        ({"contents": (replace(EXFAT, mounts=("/mnt",)),)}, {}, "mounted at /mnt"),
        ({"contents": (replace(EXFAT, users=("swap",)),)}, {}, "in use (swap)"),
        ({}, {"user": "qemu (7) has it open"}, "qemu (7) has it open"),
        ({"read_only": True}, {}, "write-protected"),
        ({}, {"read_only": True}, "write-protected"),
        ({"size": LEAST["ext4"] - 512}, {}, "too small"),
    ],
)
def test_some_disks_are_refused_even_if_all_may_go(
    whole: dict[str, Any], survey: dict[str, Any], words: str
) -> None:
    assert words in refused(Rejected, order(replace(BLANK, **whole), Survey(**survey)))


@pytest.mark.parametrize("fs", LEAST)
def test_the_smallest_disk_for_each_file_system(fs: str) -> None:
    refused(Rejected, order(replace(BLANK, size=LEAST[fs] - 512), fstype=fs))
    world = ready()
    ask(world, order(replace(BLANK, size=LEAST[fs]), fstype=fs))
    assert world.state.preparing is not None


def test_a_saved_disk_must_be_forgotten_first() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    world.settle()
    with pytest.raises(Rejected, match="tetras-backctl forget disk-0"):
        ask(world, order(), erase=True)
    world.happen(events.ForgetRequested(UUIDS[0]))
    ask(world, order(), erase=True)
    assert world.state.preparing is not None


def test_a_saved_disk_is_known_by_what_udev_says_alone() -> None:
    content = Content("/dev/sdb1", 1, "ext4", "", UUIDS[0])
    assert "forget disk-0" in refused(Rejected, order(replace(BLANK, contents=(content,))))


def test_a_saved_disk_is_known_by_what_is_on_it_though_udev_says_nothing() -> None:
    survey = Survey(signatures=("ext4 sdb1",), uuids=(UUIDS[0],), zeros=False)
    assert "forget disk-0" in refused(Rejected, order(survey=survey))


def test_a_disk_that_is_backed_up_onto_is_busy() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    with pytest.raises(Busy):
        ask(world, order(), erase=True)
    while not any(isinstance(item, effects.CheckRelease) for item in world.pending):
        world.settle_one()
    with pytest.raises(Busy):
        ask(world, order(), erase=True)


def test_another_disk_is_backed_up_onto_meanwhile() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device()))
    ask(world, order(replace(BLANK, syspath="/sys/block/sdc", node="/dev/sdc")))
    world.settle()
    assert world.verdicts() == ["success"]


def test_one_disk_at_a_time() -> None:
    world = ready()
    ask(world, order())
    with pytest.raises(Busy):
        ask(world, order(replace(BLANK, node="/dev/sdc"), name="bleu"))


def test_names_are_taken_before_anything_is_erased() -> None:
    assert "disk-0" in refused(InvalidArgs, order(name="disk-0"))
    world = ready()
    ask(world, order())
    with pytest.raises(Busy, match="vert"):
        world.happen(events.SaveRequested(UUIDS[1], "vert"))


def test_nothing_is_erased_that_could_not_be_saved() -> None:
    world = ready()
    world.happen(events.ConfigChanged("line 3: odd"))
    with pytest.raises(ConfigurationError, match="line 3"):
        ask(world, order())


def test_the_disk_is_nobody_s_until_it_is_saved() -> None:
    world = ready()
    world.happen(events.DeviceSeen(device(uuid=UUIDS[1])))  # what was on it
    ask(world, order(), erase=True)
    world.told.clear()
    with pytest.raises(Busy):
        world.happen(events.PlugRequested(device(uuid=NEW)))
    world.happen(events.PreparationMoved(NEW, "format"))
    world.happen(events.DeviceGone(device().syspath))
    world.happen(events.DeviceSeen(device(uuid=NEW)))  # udev does not know better
    assert NEW not in world.state.disks
    world.happen(made())
    assert NEW not in world.state.disks
    world.happen(events.SaveRequested(NEW, "vert"))
    assert disk(world, NEW) == ("plugged", "")
    world.happen(events.PreparationEnded(NEW))
    assert names(world.told) == ["DiskUnplugged", "DiskPlugged", "DiskSaved"]
    assert world.state.preparing is None


def test_a_prepared_disk_is_not_backed_up_until_it_is_plugged_again() -> None:
    world = prepared()
    world.happen(events.DeviceSeen(device(uuid=NEW)))
    world.happen(events.DeviceGone(device().syspath))  # the table is read again
    world.happen(events.DeviceSeen(device(uuid=NEW)))
    assert world.of(signals.BackupStarted) == []
    world.happen(events.DeviceGone(device().syspath))
    world.happen(events.DeviceSeen(device(uuid=NEW, seq=8)))
    assert len(world.of(signals.BackupStarted)) == 1


def test_a_prepared_disk_can_be_backed_up_at_once() -> None:
    world = prepared()
    world.happen(events.RunRequested(NEW))
    world.settle()
    assert world.verdicts() == ["success"]
    assert disk(world, NEW)[0] == "safe-to-unplug"


def prepared() -> World:
    world = ready()
    ask(world, order())
    world.happen(made())
    world.happen(events.SaveRequested(NEW, "vert"))
    world.happen(events.PreparationEnded(NEW))
    return world


def test_a_disk_that_could_not_be_saved_is_an_unknown_one() -> None:
    world = ready()
    ask(world, order())
    world.happen(made())
    world.happen(events.PreparationEnded(NEW))
    assert disk(world, NEW) == ("unknown", "")
    assert NEW not in world.config.disks


def test_a_disk_pulled_out_before_it_is_saved_is_absent() -> None:
    world = ready()
    ask(world, order())
    world.happen(made())
    world.happen(events.DeviceGone(device().syspath))
    world.happen(events.PreparationEnded(NEW))
    assert NEW not in world.state.disks


def test_automounters_keep_away_from_the_beginning() -> None:
    world = ready()
    ask(world, order())
    kept = [item for item in world.done if isinstance(item, effects.KeepFromAutomounters)]
    assert NEW in kept[-1].uuids
    world.happen(events.PreparationEnded(NEW))
    kept = [item for item in world.done if isinstance(item, effects.KeepFromAutomounters)]
    assert NEW not in kept[-1].uuids


def test_the_end_of_the_service_ends_it() -> None:
    world = ready()
    world.happen(events.StopRequested())
    assert effects.StopPreparing() not in world.done
    with pytest.raises(Busy):
        ask(world, order())
    world = ready()
    ask(world, order())
    world.happen(events.StopRequested())
    assert effects.StopPreparing() in world.done


def test_late_words_of_another_preparation_change_nothing() -> None:
    world = ready()
    ask(world, order())
    before = world.state
    world.happen(events.PreparationMoved(UUIDS[3], "check"))
    world.happen(events.PreparationMade(device(uuid=UUIDS[3])))
    world.happen(events.PreparationEnded(UUIDS[3]))
    assert world.state == before


def test_what_could_be_prepared_is_shown_and_no_more() -> None:
    world = ready()
    for number, changes in enumerate(
        [{}, {"system": True}, {"kind": Kind.VIRTUAL}, {"kind": Kind.OPTICAL}, {"kind": Kind.LOOP}]
    ):
        node = f"/dev/x{number}"
        whole = replace(BLANK, syspath=node, node=node, **changes)  # type: ignore[arg-type]
        world.happen(events.WholeSeen(whole))
    assert [whole.node for whole in preparable(world.state)] == ["/dev/x0", "/dev/x4"]
    world.happen(events.WholeGone("/dev/x0"))
    world.happen(events.WholeGone("/dev/nope"))
    assert [whole.node for whole in preparable(world.state)] == ["/dev/x4"]


def test_a_disk_with_a_saved_one_on_it_is_not_shown() -> None:
    world = ready()
    world.happen(events.WholeSeen(BLANK))
    assert preparable(world.state) == (BLANK,)
    world.happen(events.DeviceSeen(device()))
    assert preparable(world.state) == ()


def test_nobody_fills_the_memory_with_disks() -> None:
    world = ready()
    for number in range(MOST + 5):
        world.happen(events.WholeSeen(replace(BLANK, syspath=f"/sys/{number}")))
    assert len(world.state.wholes) == MOST


def test_a_disk_that_can_take_backups_is_never_said_to_need_preparing() -> None:
    """udev tells of it twice, as a whole disk and as a file system: in either order."""
    world = World(config()).start()
    content = Content("/dev/sdb", fstype="ext4", uuid=UUIDS[0])
    world.happen(events.WholeSeen(replace(BLANK, contents=(content,))))
    assert alerts(world.state, world.config, world.now) == ()


def test_alerts_name_the_command() -> None:
    world = World(config()).start()
    world.happen(events.WholeSeen(BLANK))
    (blank,) = alerts(world.state, world.config, world.now)
    assert (blank.code, blank.uuid) == ("unknown-disk", "")
    assert "tetras-backctl prepare /dev/sdb --name NAME" in blank.message
    world.happen(events.DeviceSeen(device(uuid="1234-ABCD", fstype="exfat")))
    (exfat,) = alerts(world.state, world.config, world.now)
    assert exfat.uuid == "1234-ABCD"
    assert "tetras-backctl prepare /dev/sdb --name NAME --erase" in exfat.message


@pytest.mark.parametrize(
    ("node", "whole", "expected"),
    [
        ("/dev/sdb1", "/dev/sdb", True),
        ("/dev/sdb", "/dev/sdb", False),
        ("/dev/sdba", "/dev/sdb", False),
        ("/dev/sdba1", "/dev/sdb", False),
        ("/dev/loop1p1", "/dev/loop1", True),
        ("/dev/loop12", "/dev/loop1", False),
        ("/dev/loop1p", "/dev/loop1", False),
        ("/dev/nvme0n1p2", "/dev/nvme0n1", True),
    ],
)
def test_partitions_are_known_by_name(node: str, whole: str, expected: bool) -> None:
    assert is_partition(node, whole) is expected


@given(st.integers(LEAST["ext4"], 1 << 50))
def test_the_partition_is_aligned_and_leaves_room_for_the_table(size: int) -> None:
    length = order(replace(BLANK, size=size)).length
    assert length % MIB == GAP % MIB == 0
    assert MIB <= size - GAP - length < 2 * MIB
