"""Command lines for making disks: labels of any name, and numbers that fit the sectors."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tetrasback.adapters.recipes import filesystem, label, partition_table
from tetrasback.config.forms import check_disk_name
from tetrasback.core.wholes import GAP, Order, WholeDisk
from tetrasback.errors import InvalidArgs

BYTES = {"ext4": 16, "xfs": 12, "btrfs": 255}
UUID = "9b5a9f3e-0000-4000-8000-000000000009"


def order(name: str = "bleu", fstype: str = "ext4", size: int = 10**12) -> Order:
    return Order(WholeDisk("/sys/block/sdb", "/dev/sdb", size=size), name, fstype, UUID)


def is_name(text: str) -> bool:
    try:
        check_disk_name(text)
    except InvalidArgs:
        return False
    return True


@given(st.text(min_size=1, max_size=64).filter(is_name), st.sampled_from(sorted(BYTES)))
def test_every_name_gives_a_label_that_fits(name: str, fstype: str) -> None:
    found = label(name, fstype)
    assert len(found.encode()) <= BYTES[fstype]
    assert "/" not in found
    assert "\\" not in found
    assert name.replace("/", "-").replace("\\", "-").strip().startswith(found)


@pytest.mark.parametrize(
    ("name", "fstype", "expected"),
    [
        ("bleu", "ext4", "bleu"),
        ("disque de l'été", "xfs", "disque de l'"),
        ("Sauvegarde 2026", "xfs", "Sauvegarde 2"),
        ("ééééééééé", "ext4", "éééééééé"),
        ("a/b\\c", "btrfs", "a-b-c"),
    ],
)
def test_labels(name: str, fstype: str, expected: str) -> None:
    assert label(name, fstype) == expected


@pytest.mark.parametrize("fstype", BYTES)
def test_a_name_is_one_word_of_the_command_line(fstype: str) -> None:
    words = filesystem(order("x; rm -rf / #", fstype), "/dev/sdb1")
    assert words[-1] == "/dev/sdb1"
    assert words[words.index("-L") + 1] == label("x; rm -rf / #", fstype)
    assert any(UUID in word for word in words)


@given(st.integers(64 << 20, 1 << 50), st.sampled_from([512, 4096]))
def test_the_table_is_in_sectors_and_names_nothing_of_a_caller(size: int, sector: int) -> None:
    command, script = partition_table(order("size=1", size=size), sector)
    found = re.fullmatch(
        r"label: gpt\nunit: sectors\nstart=(\d+), size=(\d+), type=[0-9A-F-]+, name=\"\S+\"\n",
        script,
    )
    assert found
    assert int(found[1]) * sector == GAP
    assert int(found[2]) * sector == order(size=size).length
    assert command[-2:] == ("--", "/dev/sdb")
