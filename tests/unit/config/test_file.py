import os
import stat
import threading
from pathlib import Path

import pytest

from tetrasback.config.edits import EnableScripts, ForgetDisk, SaveDisk
from tetrasback.config.file import ConfigFile
from tetrasback.config.model import Config, DiskConfig
from tetrasback.errors import ConfigurationError, InvalidArgs, UnknownDisk

BLUE = "0b5a9f3e-0000-4000-8000-00000000000a"
GREEN = "1b5a9f3e-0000-4000-8000-00000000000b"
GOOD = f'# disks\n[disks."{BLUE}"]\nname = "bleu"\n'
BROKEN = f'[disks."{BLUE}"]\nname = "bleu\n'


class Place:
    """A configuration file and its last good copy, and as many daemons one after the other."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "configuration.toml"
        self.copy = directory / "state" / "configuration.last-good.toml"
        self.copy.parent.mkdir()

    def fresh(self) -> ConfigFile:
        return ConfigFile(self.path, self.copy)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_load_without_a_file_gives_the_defaults(place: Place) -> None:
    loaded = place.fresh().load()
    assert (loaded.config, loaded.warnings, loaded.error) == (Config(), (), "")
    assert not place.path.exists()


@pytest.mark.parametrize("content", ["", "\n \n", "# nothing\n", "\ufeff"])
def test_load_of_a_file_that_says_nothing_gives_the_defaults(place: Place, content: str) -> None:
    place.path.write_text(content)
    loaded = place.fresh().load()
    assert (loaded.config, loaded.error) == (Config(), "")


@pytest.mark.parametrize("content", [GOOD, GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD])
def test_load_reads_the_file_and_keeps_a_copy(place: Place, content: str) -> None:
    place.path.write_bytes(content.encode())
    loaded = place.fresh().load()
    assert loaded.config.disks == {BLUE: DiskConfig("bleu")}
    assert loaded.error == ""
    assert place.copy.read_bytes() == content.encode()
    assert stat.S_IMODE(place.copy.stat().st_mode) == 0o600


def test_load_warns_of_unknown_keys(place: Place) -> None:
    place.path.write_text("colour = 1\n")
    loaded = place.fresh().load()
    assert [str(warning) for warning in loaded.warnings] == [
        "colour: is not known and has no effect"
    ]


BAD_CONTENTS = {
    "half": (BROKEN.encode(), "line 2, column 13"),
    "no utf-8": (GOOD.encode() + b'\nx = "\xe9"\n', "line 5: is not UTF-8"),
    "wrong value": (GOOD.encode() + b"[backup]\nnice = 99\n", "line 5: backup.nice: must be"),
    "wrong entry": (GOOD.encode() + b'[mail]\non = [\n"x",\n]\n', "line 5: mail.on[0]"),
    "missing name": (f"\n\n[disks.{BLUE}]\n".encode(), f'line 3: disks."{BLUE}".name: is missing'),
    "nested": (b"x = " + b"[" * 200_000, "nested too deeply"),
    "long number": (b"x = " + b"9" * 5000, "configuration.toml: "),
    "twice": (b"x = 1\nx = 2\n", "line 2"),
    "unended": (b'x = "', "line 1"),
    "large": (b"#" * (1024 * 1024 + 1), "larger than 1 MiB"),
    "nul": (b"x = \0\n", "line 1, column 5"),
}


@pytest.mark.parametrize(("content", "told"), BAD_CONTENTS.values(), ids=BAD_CONTENTS.keys())
@pytest.mark.parametrize("restart", [False, True])
def test_load_of_a_broken_file_keeps_the_last_good(
    place: Place, content: bytes, told: str, restart: bool
) -> None:
    file = place.fresh()
    place.path.write_text(GOOD)
    file.load()
    place.path.write_bytes(content)
    loaded = (place.fresh() if restart else file).load()
    assert loaded.config.disks == {BLUE: DiskConfig("bleu")}
    assert str(place.path) in loaded.error
    assert told in loaded.error
    assert loaded.error.isprintable()
    assert len(loaded.error) < 1200
    assert place.path.read_bytes() == content
    assert place.copy.read_text() == GOOD
    place.path.write_text(GOOD)
    assert file.load().error == ""


def test_load_of_a_broken_file_without_a_last_good_gives_the_defaults(place: Place) -> None:
    place.path.write_text(BROKEN)
    loaded = place.fresh().load()
    assert loaded.config == Config()
    assert "line 2" in loaded.error


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xef\xbb\xbf\r\n"])
@pytest.mark.parametrize("restart", [False, True])
def test_load_of_an_emptied_or_lost_file_keeps_the_last_good(
    place: Place, content: bytes | None, restart: bool
) -> None:
    file = place.fresh()
    place.path.write_text(GOOD)
    file.load()
    place.path.unlink()
    if content is not None:
        place.path.write_bytes(content)
    if restart:
        file = place.fresh()
    loaded = file.load()
    assert loaded.config.disks == {BLUE: DiskConfig("bleu")}
    assert "comment" in loaded.error
    with pytest.raises(ConfigurationError, match="comment"):
        file.edit(SaveDisk(GREEN, "vert"))
    place.path.write_text("# all forgotten\n")
    assert file.load().config == Config()
    assert file.load().error == ""


@pytest.mark.parametrize("kind", ["directory", "fifo", "loop", "device"])
def test_load_of_what_is_no_file_is_told(place: Place, kind: str) -> None:
    if kind == "directory":
        place.path.mkdir()
    elif kind == "fifo":
        os.mkfifo(place.path)
    elif kind == "loop":
        place.path.symlink_to(place.path)
    else:
        place.path.symlink_to("/dev/zero")
    file = place.fresh()
    assert str(place.path) in file.load().error
    with pytest.raises(ConfigurationError):
        file.edit(SaveDisk(BLUE, "bleu"))


def test_load_with_a_broken_copy_says_so(place: Place) -> None:
    place.path.write_text(BROKEN)
    place.copy.write_text("also broken")
    loaded = place.fresh().load()
    assert loaded.config == Config()
    assert str(place.copy) in str(loaded.warnings[0])


def test_load_goes_on_where_no_copy_can_be_kept(place: Place) -> None:
    place.path.write_text(GOOD)
    place.copy.parent.rmdir()
    loaded = place.fresh().load()
    assert loaded.config.disks == {BLUE: DiskConfig("bleu")}
    assert loaded.error == ""
    assert str(place.copy) in str(loaded.warnings[0])


def test_edit_makes_a_file_for_root_alone(place: Place) -> None:
    config = place.fresh().edit(SaveDisk(BLUE, "bleu"))
    assert config.disks == {BLUE: DiskConfig("bleu")}
    assert place.fresh().load().config == config
    assert stat.S_IMODE(place.path.stat().st_mode) == 0o600
    assert place.copy.read_bytes() == place.path.read_bytes()


def test_edit_starts_from_what_the_file_says_now(place: Place) -> None:
    file = place.fresh()
    file.edit(SaveDisk(BLUE, "bleu"))
    place.path.write_text(GOOD + "# by hand\n[backup]\nnice = 1\n")
    config = file.edit(SaveDisk(GREEN, "vert"))
    assert config.backup.nice == 1
    assert list(config.disks) == [BLUE, GREEN]
    assert "# by hand" in place.path.read_text()


@pytest.mark.parametrize("content", [content for content, _ in BAD_CONTENTS.values()])
def test_edit_of_a_broken_file_is_refused(place: Place, content: bytes) -> None:
    place.path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"configuration\.toml"):
        place.fresh().edit(SaveDisk(GREEN, "vert"))
    assert place.path.read_bytes() == content
    assert sorted(os.listdir(place.path.parent)) == ["configuration.toml", "state"]


def test_edit_refused_by_the_change_writes_nothing(place: Place) -> None:
    place.path.write_text(GOOD)
    file = place.fresh()
    before = place.path.stat()
    with pytest.raises(InvalidArgs):
        file.edit(SaveDisk(GREEN, "bleu"))
    with pytest.raises(UnknownDisk):
        file.edit(ForgetDisk(GREEN))
    file.edit(SaveDisk(BLUE, "bleu"))
    assert place.path.stat() == before


def test_edit_keeps_mark_line_ends_mode_and_owner(place: Place) -> None:
    content = ("\ufeff" + GOOD).replace("\n", "\r\n").encode()
    place.path.write_bytes(content)
    os.chown(place.path, 12, 34)
    place.path.chmod(0o640)
    place.fresh().edit(SaveDisk(GREEN, "vert"))
    added = f'\r\n[disks."{GREEN}"]\r\nname = "vert"\r\n'.encode()
    assert place.path.read_bytes() == content + added
    status = place.path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12, 34, 0o640)


def test_edit_through_a_symlink_replaces_its_target(place: Place, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "real.toml"
    target.parent.mkdir()
    target.write_text(GOOD)
    place.path.symlink_to(target)
    place.fresh().edit(ForgetDisk(BLUE))
    assert place.path.is_symlink()
    assert target.read_text() == "# disks\n"
    assert os.listdir(target.parent) == ["real.toml"]


def test_edits_from_many_threads_lose_nothing(place: Place) -> None:
    file = place.fresh()
    uuids = [f"{number:016X}" for number in range(12)]
    threads = [
        threading.Thread(target=file.edit, args=(SaveDisk(uuid, f"disk {uuid}"),)) for uuid in uuids
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(file.load().config.disks) == uuids


def test_edit_of_a_thousand_disks_keeps_them_all(place: Place) -> None:
    tables = [f'[disks."{n:016X}"]\nname = "{n}"  # no {n}\n' for n in range(1000)]
    place.path.write_text("\n".join(tables))
    file = place.fresh()
    file.edit(EnableScripts(("a.sh",)))
    file.edit(ForgetDisk(f"{500:016X}"))
    del tables[500]
    assert place.path.read_text() == "\n".join(tables) + '\n[backup]\nscripts = ["a.sh"]\n'
