"""The manifest: names of any bytes, what a seal stands for, what is refused."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tetrasback.snapshot.manifest import (
    BadManifest,
    Writer,
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
