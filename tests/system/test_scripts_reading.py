"""A file that cannot be read is a warning that names it; one that has gone is a note."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run, wait_until
from tests.system.scripts_support import (
    MIRROR,
    NOCLOUD,
    Bench,
    finish,
    members,
    mounted,
    small_source,
    start,
)

INCOMPLETE = "SAUVEGARDE-INCOMPLETE.txt"
WEAK = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
)


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    return Bench(mounted(loop_disk(), workspace / "mnt"), small_source(workspace / "src"))


@pytest.fixture
def light(workspace: Path) -> Bench:
    """A disk in memory, where the disk's own faults do not matter."""
    mount = workspace / "mnt"
    mount.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=755", "none", mount])
    return Bench(mount, small_source(workspace / "src"))


def wrap(bench: Bench, program: str, text: str) -> dict[str, str]:
    """An environment in which a shell script TEXT stands before PROGRAM."""
    place = bench.source.parent / "bin"
    place.mkdir(exist_ok=True)
    place.joinpath(program).write_text("#!/bin/bash\n" + text)
    place.joinpath(program).chmod(0o755)
    environment = bench.environment()
    return {**environment, "PATH": f"{place}:{environment['PATH']}"}


@pytest.fixture
def bad_blocks(workspace: Path, bench: Bench) -> Path:
    """home/bob is a disk whose last part is gone: real I/O errors in the file `bad`."""
    image = workspace / "bad.img"
    place = bench.source / "home/bob"
    with image.open("wb") as file:
        file.truncate(32 << 20)
    run(["mkfs.ext4", "-q", "-O", "^has_journal", image])
    run(["mount", "-o", "loop", image, place])
    (place / "good").write_text("good\n")
    (place / "bad é").write_bytes(os.urandom(16 << 20))
    run(["sync", "-f", place])
    run(["umount", place])
    last_extent = run(["debugfs", "-R", 'ex "/bad é"', image]).stdout.splitlines()[-1]
    last_block = int(last_extent.split(" - ")[2].split()[0])
    loop = run(["losetup", "-f", "--show", "-r", image]).stdout.strip()
    os.truncate(image, (last_block - 100) * 1024)
    run(["mount", "-o", "ro,noload", loop, place])
    run(["losetup", "--detach", loop])
    return place


@pytest.mark.parametrize(
    ("script", "options"), [(NOCLOUD, ()), (NOCLOUD, ("--data", "--compare")), (MIRROR, ())]
)
def test_bad_blocks_in_the_source_are_a_warning(
    bench: Bench, bad_blocks: Path, script: str, options: Sequence[str]
) -> None:
    done = bench.run(script, *options)
    assert done.status == 3, done.output
    (warning,) = done.said("warning")
    assert warning == f"source-unreadable: cannot read {bad_blocks}/bad é: Input/output error"
    if script == NOCLOUD:
        copied = bench.mount / done.snapshot / "Donnees/bob"
    else:
        copied = bench.mount / "home/bob"
        assert not (bench.mount / "SAUVEGARDE-INCOMPLETE.txt").exists()
    assert (copied / "good").read_text() == "good\n"
    assert not (copied / "bad é").exists()


def test_bad_blocks_in_the_archives_source_are_a_warning(bench: Bench, bad_blocks: Path) -> None:
    done = bench.run(NOCLOUD, "--also", "home/bob")
    assert done.status == 3, done.output
    assert len(done.said("warning")) == 1
    assert "cannot read home/bob/bad é: " in done.said("warning")[0]
    assert "home/bob/good" in members(bench.mount / done.snapshot / "serveur.tar.gz")


def test_many_unreadable_files_are_named_up_to_a_limit(bench: Bench) -> None:
    """A root that may not read stands for a disk that cannot: both are told alike."""
    for number in range(130):
        (bench.source / f"home/alice/{number}").touch()
        (bench.source / f"home/alice/{number}").chmod(0)
    weak = Bench(bench.mount, bench.source, [*WEAK, "--"])
    done = weak.run()
    assert done.status == 3, done.output
    warnings = done.said("warning")
    assert len(warnings) == 101
    assert all("Permission denied" in line for line in warnings[:100])
    assert warnings[100] == "source-unreadable: 30 more could not be read"


def test_a_file_that_vanished_is_a_note(bench: Bench) -> None:
    """rsync stops between its list and its copying, as it would on a slow disk."""
    gone = bench.source / "home/alice/photo"
    for number in range(60):
        (bench.source / f"home/alice/a{number}").write_bytes(b"x" * 20_000)
    slow = wrap(
        bench,
        "rsync",
        '[[ " $* " == *" --dry-run "* ]] || set -- --bwlimit=500K "$@"\nexec /usr/bin/rsync "$@"\n',
    )
    running = start(bench.argv(MIRROR), slow, bench.mount)
    wait_until(lambda: list(bench.mount.glob("home/alice/a1*")), "a copy")
    gone.unlink()
    done = finish(running)
    assert done.status == 0, done.output
    assert f"vanished while it was read: {gone}" in done.said("note")


def complaint(bench: Bench, program: str, text: str, status: int) -> tuple[int, list[str], str]:
    """Run with PROGRAM doing its work, and then complaining TEXT and ending with STATUS."""
    after = f'/usr/bin/{program} "$@" || exit\nprintf "%s\\n" {text!r} >&2\nexit {status}\n'
    if program == "rsync":
        after = '[[ " $* " != *" --dry-run "* ]] || exec /usr/bin/rsync "$@"\n' + after
    else:
        after = after.replace("/usr/bin/tar", "/bin/tar")
    script = MIRROR if program == "rsync" else NOCLOUD
    done = finish(start(bench.argv(script), wrap(bench, program, after), bench.mount))
    return done.status, done.said("warning"), done.output


READABLE = 'rsync: [sender] send_files failed to open "/x": Permission denied (13)'


@pytest.mark.parametrize(
    ("program", "text", "status"),
    [
        ("rsync", 'rsync: [receiver] write failed on "/x": Input/output error (5)', 11),
        ("rsync", 'rsync: [receiver] mkstemp "/x" failed: Read-only file system (30)', 23),
        ("rsync", 'rsync: [generator] failed to set times on "/x": Input/output error (5)', 23),
        ("rsync", 'rsync: [receiver] rename "/x" -> "y": Input/output error (5)', 23),
        ("rsync", "ERROR: alice/photo failed verification -- update discarded.", 23),
        ("rsync", "something that nobody has ever seen", 23),
        ("rsync", "rsync error: some files/attrs were not transferred (code 23) at main.c(1)", 23),
        ("rsync", READABLE, 12),
        ("rsync", READABLE, 99),
        ("tar", "tar: /mnt/serveur.tar.gz: Cannot write: Input/output error", 2),
        ("tar", "tar: bases/mysql/x.sql: Cannot open: Input/output error", 2),
        ("tar", "tar: Child returned status 1", 2),
        ("tar", "gzip: stdout: Input/output error", 2),
        ("tar", "tar: Exiting with failure status due to previous errors", 2),
        ("tar", "tar: etc/x: Cannot open: Permission denied", 3),
    ],
)  # fmt: skip
def test_what_is_not_surely_the_source_is_a_failure(
    light: Bench, program: str, text: str, status: int
) -> None:
    """Faults of the disk that no loop device can show, in these programs' own words."""
    ended, _, output = complaint(light, program, text, status)
    assert ended == 1, output
    assert light.folders() == []
    assert program != "rsync" or (light.mount / INCOMPLETE).exists()


@pytest.mark.parametrize(
    ("program", "text", "status", "warning"),
    [
        ("rsync", READABLE, 23, "cannot read /x: Permission denied"),
        ("rsync", 'rsync: [sender] opendir "/x" failed: Input/output error (5)', 23,
         "cannot read /x: Input/output error"),
        ("rsync", 'rsync: [sender] readlink_stat("/x") failed: Input/output error (5)', 23,
         "cannot read /x: Input/output error"),
        ("tar", "tar: etc/x: Cannot open: Permission denied", 2,
         "cannot read etc/x: Cannot open: Permission denied"),
        ("tar", "tar: etc/hosts: file changed as we read it", 1,
         "changed while it was read: etc/hosts"),
        ("tar", "tar: etc/x: File shrank by 20 bytes; padding with zeros", 1,
         "cannot read etc/x: File shrank by 20 bytes; padding with zeros"),
    ],
)  # fmt: skip
def test_what_is_surely_the_source_is_a_warning(
    light: Bench, program: str, text: str, status: int, warning: str
) -> None:
    ended, warnings, output = complaint(light, program, text, status)
    assert ended == 3, output
    assert set(warnings) == {"source-unreadable: " + warning}
    assert len(light.folders()) == (program == "tar")
    assert not (light.mount / INCOMPLETE).exists()


@pytest.mark.parametrize(
    "text",
    ["tar: etc: file changed as we read it", "tar: etc/x: File removed before we read it"],
)
def test_what_only_moved_on_is_a_note(light: Bench, text: str) -> None:
    ended, warnings, output = complaint(light, "tar", text, 1)
    assert (ended, warnings) == (0, []), output
