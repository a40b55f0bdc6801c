"""Access control lists: one user more or less, and the same for everybody else."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tetrasback.host.acl import READ, WRITE, XATTR, Acl

RELAY = 4321
OTHER = 4322


def getfacl(path: Path) -> list[str]:
    """What the system's own program shows, with what is in force where a mask limits it."""
    shown = subprocess.run(
        ["/usr/bin/getfacl", "--omit-header", "--numeric", "--absolute-names", path],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [" ".join(line.split()) for line in shown.splitlines() if line]


def stored(path: Path) -> Acl:
    return Acl.decode(os.getxattr(path, XATTR))


def change(path: Path, acl: Acl) -> None:
    os.setxattr(path, XATTR, acl.encode())


def test_file_without_a_list_gets_one_and_loses_it_again(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.touch()
    file.chmod(0o644)
    change(file, Acl.of_mode(file.stat().st_mode).letting_in(RELAY, READ | WRITE))
    assert getfacl(file) == [
        "user::rw-",
        f"user:{RELAY}:rw-",
        "group::r--",
        "mask::rw-",
        "other::r--",
    ]
    change(file, stored(file).without(RELAY))
    assert XATTR not in os.listxattr(file)
    assert file.stat().st_mode & 0o777 == 0o644


def test_mask_that_keeps_others_out_goes_on_keeping_them_out(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.touch()
    subprocess.run(
        ["/usr/bin/setfacl", "-m", f"u:{OTHER}:rw,g:{OTHER}:rw,g::rw,o::-,m::r", file], check=True
    )
    change(file, stored(file).letting_in(RELAY, READ | WRITE))
    assert getfacl(file) == [
        "user::rw-",
        f"user:{RELAY}:rw-",
        f"user:{OTHER}:r--",
        "group::r--",
        f"group:{OTHER}:r--",
        "mask::rw-",
        "other::---",
    ]


entries = st.dictionaries(
    st.tuples(st.sampled_from([2, 8]), st.integers(1, 5)), st.integers(0, 7), max_size=4
)


@given(st.integers(0, 0o777), entries, st.integers(0, 7), st.integers(1, 7), st.integers(1, 5))
def test_nobody_else_may_more_or_less(
    mode: int, named: dict[tuple[int, int], int], mask: int, rights: int, relay: int
) -> None:
    before = Acl.of_mode(mode)
    if named:
        before = Acl({**before.entries, **named, (16, 0xFFFFFFFF): mask})
    let_in = before.letting_in(relay, rights)
    assert let_in.allows(relay) & rights == rights
    assert Acl.decode(let_in.encode()) == let_in
    taken_out = let_in.without(relay)
    assert not taken_out.names(relay)
    for acl in (let_in, taken_out):
        for uid in set(range(8)) - {relay}:
            assert acl.allows(uid) == before.allows(uid)
        assert in_force(acl, relay) == in_force(before, relay)


def in_force(acl: Acl, but: int) -> dict[tuple[int, int], int]:
    """What each entry gives in truth, leaving out one user's."""
    mask = acl.entries.get((16, 0xFFFFFFFF), 7)
    return {
        key: allowed & mask if key[0] in (2, 4, 8) else allowed
        for key, allowed in acl.entries.items()
        if key[0] != 16 and key != (2, but)
    }


@pytest.mark.parametrize("data", [b"", b"\2", b"\1\0\0\0", b"\2\0\0\0\1"])
def test_other_things_are_no_lists(data: bytes) -> None:
    with pytest.raises(ValueError, match="unknown form"):
        Acl.decode(data)
