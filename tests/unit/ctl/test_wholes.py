"""Whole disks in a person's words."""

from tetrasback.client.wholes import whole_of
from tetrasback.ctl.wholes import (
    MAX_LINES,
    contents_lines,
    facts,
    is_empty,
    preparable_hint,
    preparable_state,
    without_disk,
)
from tetrasback.wire import ContentView, DiskView, PreparableView

EXFAT = ContentView("/dev/sdb1", 10**12, "exfat", "Elements", "1234-ABCD", ("/media/x",), ("dm-0",))
SHOP = PreparableView("/dev/sdb", 7, "WD Elements", "WX1", 2 * 10**12, "gpt", (EXFAT,))
BLANK = PreparableView("/dev/sdc", 8, "", "", 10**12)


def test_the_picture_leaves_nothing_out() -> None:
    assert facts(SHOP) == "/dev/sdb (WD Elements, 2.0 TB), serial WX1, partition table gpt"
    assert contents_lines(SHOP) == [
        "  /dev/sdb1  exfat  “Elements”  1.0 TB  mounted at /media/x  in use (dm-0)"
    ]


def test_a_blank_disk_and_one_with_a_mere_table() -> None:
    table = PreparableView("/dev/sdd", partition_table="dos")
    assert (is_empty(BLANK), is_empty(table), is_empty(SHOP)) == (True, False, False)
    assert (preparable_state(BLANK), preparable_state(table)) == ("blank", "no file system")
    assert preparable_hint(BLANK).endswith("tetras-backctl prepare /dev/sdc --name NAME")
    assert preparable_hint(table).endswith("--name NAME --erase")
    assert contents_lines(BLANK) == []
    assert contents_lines(table) == ["  a partition table without partitions"]


def test_many_partitions_do_not_fill_the_screen() -> None:
    many = PreparableView(contents=(EXFAT,) * 200)
    assert len(contents_lines(many)) == MAX_LINES + 1


def test_words_of_a_disk_cannot_obey_the_terminal() -> None:
    evil = "\x1b[2Jx\u202e"
    item = ContentView("/dev/sdb1", 1, evil, evil, "", (evil,), (evil,))
    whole = PreparableView("/dev/sdb", 7, evil, evil, 1, evil, (item,))
    shown = facts(whole) + preparable_hint(whole) + "".join(contents_lines(whole))
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_disks_that_have_an_object_are_not_shown_twice() -> None:
    disks = [DiskView(uuid="1234-ABCD", device="/dev/sdb1"), DiskView(uuid="x", device="")]
    assert without_disk((SHOP, BLANK), disks) == [BLANK]
    assert whole_of("/dev/sdb1", (SHOP, BLANK)) == "/dev/sdb"
    assert whole_of("/dev/sdz1", (SHOP, BLANK)) == ""
