"""Which disk is meant."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tetrasback.ctl.match import full_uuid, match, shortest, uuid_of_device
from tetrasback.errors import InvalidArgs, NoSuchDevice, NotAFilesystem, UnknownDisk
from tetrasback.wire import DiskView

NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=64)
UUIDS = st.uuids().map(str)
DISKS = st.dictionaries(UUIDS, NAMES, min_size=1, max_size=8).map(
    lambda found: [DiskView(uuid=uuid, name=name) for uuid, name in found.items()]
)


@given(DISKS, st.data())
def test_match_finds_every_disk_by_its_uuid_in_any_case(
    disks: list[DiskView], data: st.DataObject
) -> None:
    disk = data.draw(st.sampled_from(disks))
    assert match(disks, disk.uuid.upper()) is disk


@given(DISKS, st.text(max_size=40))
def test_match_never_guesses(disks: list[DiskView], text: str) -> None:
    try:
        found = match(disks, text)
    except (UnknownDisk, InvalidArgs):
        return
    folded = text.casefold()
    others = [
        disk
        for disk in disks
        if disk is not found
        and (disk.uuid.startswith(folded) or disk.name.casefold().startswith(folded))
    ]
    assert not others or text in (found.name, found.uuid)


@given(st.lists(UUIDS, min_size=1, max_size=30, unique=True))
def test_shortest_is_enough_to_name_the_disk(uuids: list[str]) -> None:
    disks = [DiskView(uuid=uuid) for uuid in uuids]
    for uuid in uuids:
        assert match(disks, shortest(uuid, uuids)).uuid == uuid


def test_match_prefers_what_is_exact() -> None:
    disks = [DiskView(uuid="a1", name="bleu"), DiskView(uuid="b1", name="bleu 2")]
    assert match(disks, "bleu").uuid == "a1"
    assert match(disks, "BLEU 2").uuid == "b1"
    with pytest.raises(InvalidArgs, match="bleu, bleu 2"):
        match(disks, "ble")
    with pytest.raises(UnknownDisk):
        match(disks, "vert")
    with pytest.raises(InvalidArgs):
        match(disks, "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0B5A9F3E-95F2-4D2F-A5A4-6AB9A5A4C4DE", "0b5a9f3e-95f2-4d2f-a5a4-6ab9a5a4c4de"),
        ("cafe-2024", "CAFE-2024"),
        ("0123456789abcdef", "0123456789ABCDEF"),
        ("0b5a9f3e", ""),
        ("../../etc", ""),
        ("", ""),
    ],
)
def test_full_uuid_knows_the_three_forms(text: str, expected: str) -> None:
    assert full_uuid(text) == expected


def test_uuid_of_device_asks_the_daemon_then_udev(tmp_path: Path) -> None:
    device, other, third = tmp_path / "sdb1", tmp_path / "sdc1", tmp_path / "sdd1"
    for path in (device, other, third):
        path.touch()
    link = tmp_path / "by-label"
    link.symlink_to(device)
    links = tmp_path / "by-uuid"
    links.mkdir()
    (links / "CAFE-2024").symlink_to(other)
    disks = [DiskView(uuid="u", device=str(device))]
    assert uuid_of_device(disks, str(link), links) == "u"
    assert uuid_of_device(disks, str(other), links) == "CAFE-2024"
    with pytest.raises(NotAFilesystem):
        uuid_of_device(disks, str(third), links)
    with pytest.raises(NoSuchDevice):
        uuid_of_device(disks, str(tmp_path / "none"), links)
