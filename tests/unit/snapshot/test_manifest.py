"""The manifest: names of any bytes, what a seal stands for, what is refused."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tetrasback.snapshot.attributes import SUBSETS_MAX, canonical, seal, sealed_part
from tetrasback.snapshot.manifest import (
    BadManifest,
    Writer,
    attribute_word,
    decode_name,
    encode_name,
    facts,
    open_manifest,
    read_line,
)

KEY = bytes(range(32))
NAMES = st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name)


@given(NAMES)
def test_any_name_comes_back_from_one_plain_word(name: bytes) -> None:
    text = os.fsdecode(name)
    word = encode_name(text)
    assert decode_name(word) == text
    assert word.isascii()
    assert not set(word) & set(" \t\n#*?[")


def made(path: Path, key: bytes = KEY) -> Path:
    with path.open("wb") as file:
        writer = Writer(file, key)
        writer.directory(".", b". type=dir mode=0755\n./a type=file mode=0644 size=3\n", 1, 3)
        writer.directory("./d\\040e", b"./d\\040e type=dir mode=0755\n", 0, 0)
        writer.close()
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    manifest = open_manifest(made(tmp_path / "m"), KEY)
    assert (manifest.files, manifest.bytes) == (1, 3)
    assert manifest.lines(".") == {
        ".": "type=dir mode=0755",
        "./a": "type=file mode=0644 size=3",
    }
    assert manifest.lines("./nowhere") == {}
    assert [entry.path for entry in manifest.entries()] == [".", "./a", "./d e"]
    manifest.close()


def test_another_servers_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadManifest, match="not this server's"):
        open_manifest(made(tmp_path / "m", bytes(32)), KEY)


def test_a_manifest_with_any_byte_changed_is_refused(tmp_path: Path) -> None:
    whole = made(tmp_path / "m").read_bytes()
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 1
        (tmp_path / "m").write_bytes(changed)
        with pytest.raises(BadManifest):
            open_manifest(tmp_path / "m", KEY)


def test_a_manifest_that_was_cut_is_refused(tmp_path: Path) -> None:
    whole = made(tmp_path / "m").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "m").write_bytes(whole[:length])
        with pytest.raises(BadManifest):
            open_manifest(tmp_path / "m", KEY)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(BadManifest):
        open_manifest(tmp_path / "fifo", KEY)
    (tmp_path / "link").symlink_to(made(tmp_path / "m"))
    with pytest.raises(OSError, match="symbolic links"):
        open_manifest(tmp_path / "link", KEY)


@pytest.mark.parametrize("line", ["/etc/passwd type=file", "./a/../../b type=file", "./a", ""])
def test_a_line_that_leads_elsewhere_is_refused(line: str) -> None:
    with pytest.raises(BadManifest):
        read_line(line)


def test_facts_tell_a_times_nanoseconds_also_before_1970(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"abc")
    os.utime(path, ns=(0, -1_500_000_000))
    entry = read_line(f"./old {facts(path.stat())}sha256=0")
    assert (entry.type, entry.size, entry.mtime_ns) == ("file", 3, -1_500_000_000)
    assert entry.mode == path.stat().st_mode & 0o7777


# --- attributes -----------------------------------------------------------------------------------

ATTRIBUTES = st.dictionaries(
    NAMES.map(os.fsdecode), st.binary(max_size=20), max_size=SUBSETS_MAX // 2
).map(lambda found: tuple(found.items()))


@given(ATTRIBUTES)
def test_attributes_are_lines_of_plain_words_in_any_order(
    attributes: tuple[tuple[str, bytes], ...],
) -> None:
    lines = canonical(attributes).splitlines(keepends=True) if attributes else []
    text = canonical(attributes)
    assert text.count(b"\n") == text.count(b"=") == len(attributes)
    assert canonical(attributes[::-1]) == text
    assert bool(seal(attributes)) == bool(lines)


@given(ATTRIBUTES, ATTRIBUTES)
def test_different_attributes_have_different_words(
    one: tuple[tuple[str, bytes], ...], other: tuple[tuple[str, bytes], ...]
) -> None:
    assert (seal(one) == seal(other)) == (dict(one) == dict(other))


@given(ATTRIBUTES, ATTRIBUTES)
def test_what_was_added_is_told_from_what_is_sealed(
    sealed: tuple[tuple[str, bytes], ...], others: tuple[tuple[str, bytes], ...]
) -> None:
    present = {**dict(others), **dict(sealed)}
    assert dict(sealed_part(tuple(present.items()), seal(sealed)) or ()) == dict(sealed)
    for name in dict(sealed):
        lacking = tuple(item for item in present.items() if item[0] != name)
        assert sealed_part(lacking, seal(sealed)) is None


def test_more_than_anybody_has_are_not_tried() -> None:
    many = tuple((f"user.{number}", b"") for number in range(SUBSETS_MAX + 1))
    assert sealed_part(many, seal(many)) == many
    assert sealed_part(many, seal(many[:-1])) is None
    assert sealed_part(many, "") == ()


@given(ATTRIBUTES)
def test_a_line_keeps_its_tags_beside_the_word_for_attributes(
    attributes: tuple[tuple[str, bytes], ...],
) -> None:
    entry = read_line(f"./a type=file tags=1:2 {attribute_word(attributes)}sha256=ab")
    assert entry.attributes == seal(attributes)
    assert (entry.words["tags"], entry.words["sha256"]) == ("1:2", "ab")
