"""What is different in two backups, by their manifests and without; and what is not."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import LoopDisk
from tests.system.restore_support import snapshot_program
from tests.system.scripts_support import HOST, Bench, mounted, odd_entries, small_source


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    source = small_source(workspace / "src")
    odd_entries(source / "home/odd")
    (source / "home/old/deep").mkdir(parents=True)
    (source / "home/old/deep/file").write_text("x")
    (source / "home/kept").mkdir()
    return Bench(mounted(loop_disk("ext4", 128), workspace / "mnt"), source)


def changes(bench: Bench, one: str, other: str, *words: str) -> list[str]:
    told = snapshot_program(
        "diff",
        bench.mount / one,
        bench.mount / other,
        *words,
        key=bench.source.parent / "manifest.key",
    )
    assert told.status == 0, told.error
    return told.lines


def change_everything(bench: Bench) -> None:
    home = bench.source / "home"
    before = {path: path.stat() for path in (home, home / "alice", home / "bob", home / "odd")}
    (home / "alice/letter.txt").write_text("Dear\n" * 100)
    os.utime(home / "alice/letter.txt", ns=(1, (home / "alice/photo").stat().st_mtime_ns))
    (home / "alice/photo").chmod(0o600)
    (home / "bob/notes").rename(home / "bob/new notes")
    os.setxattr(home / "odd/plain", "user.colour", b"red")
    (home / "odd/link").unlink()
    (home / "odd/link").symlink_to("/elsewhere")
    (home / "old/deep/file").unlink()
    (home / "old/deep").rmdir()
    (home / "old").rmdir()
    (home / "fresh/deep").mkdir(parents=True)
    (home / "fresh/deep/file").write_text("y")
    (home / "kept").rmdir()
    (home / "kept").write_text("a file now")
    for path, status in before.items():
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    etc = bench.source / "etc"
    status = etc.stat()
    (etc / "hosts").write_text("127.0.0.2\n")
    (etc / "fstab").chmod(0o600)
    (etc / "motd").write_text("hello")
    (etc.parent / "srv/site/index").unlink()
    os.utime(etc, ns=(status.st_atime_ns, status.st_mtime_ns))


HOMES = [
    *("+ /home/fresh", "+ /home/fresh/deep", "+ /home/fresh/deep/file", "+ /home/kept"),
    *("+ /home/bob/new notes", "- /home/bob/notes", "- /home/kept"),
    *("- /home/old", "- /home/old/deep", "- /home/old/deep/file"),
    *("M /home/alice/letter.txt", "M /home/odd/link"),
    *("m /home/alice/photo", "m /home/odd/plain", "m /home/odd/second name"),
]
REST = ["+ /etc/motd", "- /srv/site/index", "M /etc/hosts", "m /etc/fstab", "m /srv/site"]


@pytest.mark.parametrize("manifests", [True, False])
def test_each_kind_of_change_is_told(bench: Bench, manifests: bool) -> None:
    one = bench.backup("--data", "--config")
    change_everything(bench)
    other = bench.backup("--data", "--config")
    if not manifests:
        (bench.mount / ".tetras-back/manifests" / one).unlink()
    assert sorted(changes(bench, one, other)) == sorted(HOMES + REST)
    turned = [line.translate({ord("+"): "-", ord("-"): "+"}) for line in HOMES + REST]
    assert sorted(changes(bench, other, one)) == sorted(turned)


def test_what_is_asked_for_is_told_alone(bench: Bench) -> None:
    one = bench.backup("--data", "--config")
    change_everything(bench)
    other = bench.backup("--data", "--config")
    assert changes(bench, one, other, "/home/alice/photo", "/etc/hosts") == [
        "m /home/alice/photo",
        "M /etc/hosts",
    ]
    assert changes(bench, one, other, "/home/odd/null", "/var") == []
    found = changes(bench, one, other, "/home/old", "--json")
    assert [json.loads(line) for line in found] == [
        {"change": "-", "path": f"/home/old{rest}"} for rest in ("", "/deep", "/deep/file")
    ]


def test_two_of_the_same_have_no_difference(bench: Bench) -> None:
    one, other = bench.backup("--data", "--config"), bench.backup("--data", "--config")
    assert changes(bench, one, other) == []
    (bench.source / "etc/fresh").touch()
    third = bench.backup("--data", "--config")
    assert sorted(changes(bench, other, third)) == ["+ /etc/fresh", "m /etc"]


def test_a_backup_of_the_original_is_compared_as_it_lies_there(bench: Bench) -> None:
    folder = f"2019-03-01_12-00-00_Sauvegarde_{HOST}"
    bench.plant(folder, data={"alice/letter.txt": b"old"})
    (bench.mount / folder / "serveur.tgz").unlink()
    found = changes(bench, folder, bench.backup("--data"), "/home/alice")
    assert sorted(found) == [*("+ /home/alice/photo", "M /home/alice/letter.txt", "m /home/alice")]


def test_it_refuses_what_is_no_backup(bench: Bench) -> None:
    folder = bench.mount / bench.backup("--data")
    told = snapshot_program("diff", folder, bench.mount)
    assert told.status == 1
    assert "is no backup" in told.error
