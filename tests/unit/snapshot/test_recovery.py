"""What of the way back is arithmetic: paths that are asked for, names, lists of access control."""

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness import run
from tetrasback.snapshot.recovery.acl import encode_acl
from tetrasback.snapshot.recovery.archive import BadMember, safe_path
from tetrasback.snapshot.recovery.cursor import KEPT_MAX, Cursor
from tetrasback.snapshot.recovery.wanted import Wanted, is_within, outermost, read_path
from tetrasback.snapshot.troubles import Refused

NAMES = st.text(st.characters(blacklist_characters="/\0", codec="utf-8"), min_size=1, max_size=5)
PATHS = st.lists(NAMES.filter(lambda name: name not in (".", "..")), max_size=4).map("/".join)


@given(st.lists(PATHS, min_size=1), PATHS)
def test_the_outermost_paths_hold_all_others_and_no_other(paths: list[str], other: str) -> None:
    kept = outermost(paths)
    assert all(any(is_within(path, top) for top in kept) for path in paths)
    assert not any(is_within(a, b) for a in kept for b in kept if a != b)
    asked = any(is_within(other, path) for path in paths)
    assert Wanted(kept).has(other) == asked
    assert set(kept) <= set(paths)


@given(st.lists(PATHS, min_size=1), st.lists(PATHS))
def test_what_did_not_come_by_is_missing(paths: list[str], found: list[str]) -> None:
    kept = outermost(paths)
    wanted = Wanted(kept)
    for path in found:
        wanted.has(path)
    expected = {top for top in kept if not any(is_within(path, top) for path in found)}
    assert set(wanted.missing()) == expected - {""}


@given(PATHS)
def test_what_leads_to_a_path_is_not_it(path: str) -> None:
    wanted = Wanted([path])
    parts = path.split("/")
    for end in range(1, len(parts)):
        assert wanted.leads("/".join(parts[:end]))
    assert not wanted.leads(path)


def test_what_is_left_out_is_not_had() -> None:
    wanted = Wanted([""], ["home", "bases"])
    assert not wanted.has("home/anna")
    assert not wanted.has("bases")
    assert wanted.has("homes")


@given(PATHS)
def test_a_path_of_the_server_loses_only_its_first_slash(path: str) -> None:
    assert read_path("/" + path) == path
    assert read_path(f"//./{path}//") == path


@pytest.mark.parametrize("text", ["", "etc", "./etc", "/etc/..", "/../etc", "/a\0b"])
def test_other_paths_are_refused(text: str) -> None:
    with pytest.raises(Refused, match="not a path as on the server"):
        read_path(text)


@given(st.text(st.sampled_from("./a\0b"), max_size=30))
def test_a_name_of_an_archive_never_leads_out(name: str) -> None:
    try:
        path = safe_path(name)
    except BadMember:
        return
    assert not path.startswith("/")
    assert not {"", ".", ".."} & set(path.split("/") if path else ())


@pytest.mark.parametrize("name", ["a" * 70_000, "a/" * 5000])
def test_a_name_that_no_program_can_use_is_refused(name: str) -> None:
    with pytest.raises(BadMember):
        safe_path(name)


def test_an_access_control_list_is_as_the_kernel_has_it(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    run(["setfacl", "-m", "u:33:rw,g:7:r,u:1000000:-,m::rwx", file])
    text = run(["getfacl", "--numeric", "--omit-header", "--absolute-names", file]).stdout
    assert encode_acl(text) == os.getxattr(file, "system.posix_acl_access")
    assert encode_acl(",".join(text.split())) == encode_acl(text)


def test_names_in_a_list_are_those_of_this_machine() -> None:
    version, tag, bits, who = struct.unpack("<IHHI", encode_acl("user:root:r-x"))
    assert (version, tag, bits, who) == (2, 2, 5, 0)


@given(st.text(st.sampled_from("user:gropmaskthe-wx0123,\n#"), max_size=40))
def test_a_senseless_list_is_a_plain_error(text: str) -> None:
    try:
        data = encode_acl(text)
    except ValueError:
        return
    assert (len(data) - 4) % 8 == 0


def test_a_cursor_goes_deep_and_comes_back(tmp_path: Path) -> None:
    depth = KEPT_MAX + 20
    top = os.open(tmp_path, os.O_RDONLY)
    cursor = Cursor(top)
    try:
        ways = [cursor.identity]
        for _ in range(depth):
            os.mkdir("d", dir_fd=cursor.here)
            cursor.down("d")
            ways.append(cursor.identity)
        cursor.go("/".join(["d"] * (depth - 3)))
        for identity in reversed(ways[: depth - 2]):
            assert cursor.identity == identity
            if identity != ways[0]:
                cursor.up()
    finally:
        cursor.close()
        os.close(top)


def test_a_cursor_is_not_led_elsewhere(tmp_path: Path) -> None:
    depth = KEPT_MAX + 20
    deep = tmp_path.joinpath(*["d"] * depth)
    deep.mkdir(parents=True)
    top = os.open(tmp_path, os.O_RDONLY)
    cursor = Cursor(top)
    try:
        cursor.go("/".join(["d"] * depth))
        deep.rename(tmp_path / "moved")
        with pytest.raises(OSError, match="moved meanwhile"):
            cursor.up()
    finally:
        cursor.close()
        os.close(top)
