"""backup_nocloud.sh on a real disk: what it makes, what it costs, whose folders it touches."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run, wait_until
from tests.harness.process import OWN_MOUNTS
from tests.system.scripts_support import (
    HOST,
    NOCLOUD,
    Bench,
    differences,
    finish,
    members,
    mounted,
    odd_entries,
    small_source,
    start,
)

MACHINE = Path("/etc/machine-id").read_text().strip()
OTHER_MACHINE = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    return Bench(mounted(loop_disk(), workspace / "mnt"), small_source(workspace / "src"))


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%d_%H-%M-%S", time.localtime(time.time() + seconds))


def mark_of(bench: Bench, folder: str) -> Path:
    return bench.mount / ".tetras-back/complete" / folder


def as_other_machine(bench: Bench, workspace: Path, identity_text: str) -> Bench:
    """The same bench on a host with another machine id, bound over the file for it alone."""
    identity = workspace / "machine-id"
    identity.write_text(identity_text + "\n")
    shell = f'mount --bind {identity} /etc/machine-id && exec "$@"'
    return Bench(bench.mount, bench.source, [*OWN_MOUNTS, "sh", "-c", shell, "sh"])


def test_first_backup_holds_homes_and_configuration(bench: Bench) -> None:
    done = bench.run()
    assert done.status == 0, done.output
    folder = bench.mount / done.snapshot
    assert done.snapshot.endswith(f"_Sauvegarde_{HOST}")
    assert differences(bench.source / "home", folder / "Donnees") == ""
    assert {"etc/hosts", "srv/site/index", "var/www/index.html", "root/.profile"} <= set(
        members(folder / "serveur.tar.gz")
    )
    assert not any(name.startswith("home") for name in members(folder / "serveur.tar.gz"))
    assert (bench.mount / ".tetras-back").stat().st_mode & 0o777 == 0o700
    assert f"machine={MACHINE}" in mark_of(bench, done.snapshot).read_text().splitlines()
    assert bench.leftovers() == []


def test_progress_tells_step_bytes_and_end(bench: Bench) -> None:
    done = bench.run()
    # A step that takes long is told again and again.
    steps = [step for step, _ in groupby(line.split(" ")[1] for line in done.said("progress"))]
    assert steps == ["room", "home", "databases", "archive", "sync", "done"]
    fractions = [float(line.split(" ")[0]) for line in done.said("progress")]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    total, again = done.said("bytes")[-1].split(" ")
    assert total == again
    assert done.said("files")[-1] == "3"


def test_second_backup_links_what_has_not_changed(bench: Bench) -> None:
    (bench.source / "home/big").write_bytes(os.urandom(8 << 20))
    first = bench.backup("--data")
    used = shutil.disk_usage(bench.mount).used
    (bench.source / "home/bob/notes").write_text("changed\n")
    second = bench.backup("--data")
    assert shutil.disk_usage(bench.mount).used - used < 1 << 20
    for name, same in {"big": True, "alice/photo": True, "bob/notes": False}.items():
        old, new = (bench.mount / folder / "Donnees" / name for folder in (first, second))
        assert os.path.samefile(old, new) is same, name
    assert (bench.mount / first / "Donnees/bob/notes").read_text() == "n\n" * 50


def test_changed_attributes_do_not_reach_the_older_backup(bench: Bench) -> None:
    first = bench.backup("--data")
    (bench.source / "home/alice/photo").chmod(0o600)
    second = bench.backup("--data")
    modes = [
        (bench.mount / folder / "Donnees/alice/photo").stat().st_mode & 0o777
        for folder in (first, second)
    ]
    assert modes == [0o644, 0o600]


@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_every_kind_of_entry_comes_back_as_it_was(
    workspace: Path, loop_disk: Callable[..., LoopDisk], fs: str
) -> None:
    source = workspace / "src"
    source.mkdir()
    odd_entries(source / "home")
    run(["cp", "-a", source / "home", source / "etc"])
    bench = Bench(mounted(loop_disk(fs), workspace / "mnt"), source)
    bench.backup("--data", "--config")
    folder = bench.mount / bench.backup("--data", "--config")
    assert differences(source / "home", folder / "Donnees") == ""
    assert differences(folder / "Donnees", source / "home") == ""
    assert (folder / "Donnees/sparse").stat().st_blocks * 512 < 1 << 20
    restored = workspace / "restored"
    restored.mkdir()
    run(["tar", "--xattrs", "--xattrs-include=*", "--acls", "-xpSf", folder / "serveur.tar.gz",
         "-C", restored])  # fmt: skip
    (source / "etc/socket").unlink()  # tar does not keep sockets; they mean nothing at rest
    os.utime(restored / "etc", ns=(1, (source / "etc").stat().st_mtime_ns))
    assert differences(source / "etc", restored / "etc") == ""
    assert (restored / "etc/sparse").stat().st_blocks * 512 < 1 << 20


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--data"], {"Donnees"}),
        (["--config"], {"serveur.tar.gz"}),
        (["--data", "--config"], {"Donnees", "serveur.tar.gz"}),
        (["--also", "/opt/tool/", "--also=usr"], {"serveur.tar.gz"}),
    ],
)
def test_options_choose_the_parts(bench: Bench, options: list[str], parts: set[str]) -> None:
    for name in ("opt/tool/x", "usr/bin/y"):
        (bench.source / name).parent.mkdir(parents=True)
        (bench.source / name).touch()
    folder = bench.mount / bench.backup(*options)
    assert {path.name for path in folder.iterdir()} == parts
    if "--also=usr" in options:
        assert {"opt/tool/x", "usr/bin/y", "etc/hosts"} <= set(members(folder / "serveur.tar.gz"))


@pytest.mark.parametrize(
    "arguments",
    [["--datas"], ["-x"], ["--also"], ["--also", "../x"], ["--also", "/"], ["--also", "bases"],
     ["--also", "-x"], ["elsewhere"]],
)  # fmt: skip
def test_wrong_usage_is_told_and_touches_nothing(bench: Bench, arguments: list[str]) -> None:
    done = bench.run(NOCLOUD, *arguments)
    assert done.status == 2
    assert "usage: backup_nocloud.sh" in done.output
    assert bench.folders() == []


def test_by_hand_without_daemon(bench: Bench) -> None:
    done = subprocess.run(
        [*bench.argv(NOCLOUD, "--config")],
        env={"PATH": os.environ["PATH"], "TETRAS_BACK_SOURCE": str(bench.source)},
        capture_output=True,
        text=True,
        check=False,
    )
    note = (
        "note: the backup is not sealed: /var/lib/tetras-back, where the key would be, is not there"
    )
    said = [line for line in done.stdout.splitlines() if line != note]  # where it is not installed
    assert (done.returncode, said, done.stderr) == (0, [], "")
    assert bench.folders()[0].endswith(f"_Sauvegarde_{socket.gethostname()}")


def test_a_reader_of_progress_that_goes_away_is_no_harm(bench: Bench) -> None:
    running = start(bench.argv(NOCLOUD), bench.environment(), bench.mount)
    os.close(running.progress)
    output, _ = running.process.communicate(timeout=60)
    assert (running.process.returncode, output) == (0, "")


def test_the_disk_mounted_below_the_source_is_not_in_the_backup(
    workspace: Path, loop_disk: Callable[..., LoopDisk]
) -> None:
    source = small_source(workspace / "src")
    run(["mount", "-t", "tmpfs", "none", source / "home/bob"])
    (source / "home/bob/nested").write_text("on another file system\n")
    (source / "srv/disk[1]").mkdir()
    mount = mounted(loop_disk(), source / "home/alice/my*disk")
    run(["mount", "--bind", mount, source / "srv/disk[1]"])
    bench = Bench(mount, source)
    bench.backup()
    folder = mount / bench.backup()
    assert (folder / "Donnees/bob/nested").exists()
    assert not (folder / "Donnees/alice/my*disk").exists()
    assert not [name for name in members(folder / "serveur.tar.gz") if "disk[1]" in name]


def test_the_originals_folders_are_a_link_source(bench: Bench) -> None:
    old = bench.plant(f"2019-03-01_12-00-00_sauvegarde_{HOST}")
    run(["rsync", "-a", f"{bench.source}/home/", old / "Donnees"])
    new = bench.mount / bench.backup() / "Donnees/alice/photo"
    assert new.samefile(old / "Donnees/alice/photo")


def test_a_changed_host_name_changes_nothing(bench: Bench) -> None:
    first = bench.backup()
    second = bench.backup(HOSTNAME="renamed")
    assert second.endswith("_Sauvegarde_renamed")
    photos = [bench.mount / folder / "Donnees/alice/photo" for folder in (first, second)]
    assert photos[0].samefile(photos[1])


def test_another_machine_of_the_same_name_is_another_server(bench: Bench, workspace: Path) -> None:
    first = as_other_machine(bench, workspace, OTHER_MACHINE).backup()
    assert f"machine={OTHER_MACHINE}" in mark_of(bench, first).read_text()
    second = bench.backup()
    photos = [bench.mount / folder / "Donnees/alice/photo" for folder in (first, second)]
    assert not photos[0].samefile(photos[1])


def test_without_a_machine_id_the_host_name_says_whose_it_is(bench: Bench, workspace: Path) -> None:
    nameless = as_other_machine(bench, workspace, "")
    first = nameless.backup()
    assert f"machine=host-{HOST}" in mark_of(bench, first).read_text()
    second = nameless.backup()
    photos = [bench.mount / folder / "Donnees/alice/photo" for folder in (first, second)]
    assert photos[0].samefile(photos[1])


def test_never_earlier_than_the_newest(bench: Bench) -> None:
    newest = stamp(60)
    bench.plant(f"{newest}_Sauvegarde_{HOST}", data={"alice/letter.txt": b""})
    name = bench.backup()
    assert name.startswith(stamp(61)[:17])
    assert name > f"{newest}_Sauvegarde_{HOST}"


def test_a_clock_that_is_hours_off_is_a_warning(bench: Bench) -> None:
    bench.plant("2099-12-31_23-59-59_Sauvegarde_srv", data={"alice/letter.txt": b""})
    done = bench.run()
    assert done.status == 3
    assert done.snapshot == "2100-01-01_00-00-00_Sauvegarde_srv"
    assert "clock" in done.said("warning")[0]


@pytest.mark.parametrize("empty", ["missing", "empty", "shrunk"])
def test_a_weak_source_is_a_warning_that_says_so(bench: Bench, empty: str) -> None:
    bench.backup()
    kept = bench.mount / ".tetras-back" / f"work-{MACHINE}" / "new.interrupted"
    kept.mkdir()
    shutil.rmtree(bench.source / "home/alice")
    if empty != "shrunk":
        shutil.rmtree(bench.source / "home")
    if empty == "empty":
        (bench.source / "home").mkdir()
    done = bench.run()
    assert done.status == 3
    assert [line for line in done.said("warning") if line.startswith("source-shrunk: ")]
    assert "/home" in done.said("warning")[0]
    assert (bench.mount / done.snapshot / "Donnees").is_dir()
    assert kept.is_dir()  # perhaps the best there is


def test_a_source_that_is_not_there_fails(bench: Bench) -> None:
    done = bench.run(SOURCE=str(bench.source / "gone"))
    assert done.status == 1
    assert "is not there" in done.output
    assert bench.folders() == []


@pytest.mark.parametrize("place", [".tetras-back", ".tetras-back/complete", "work"])
def test_links_in_the_disks_own_directory_are_refused(
    bench: Bench, workspace: Path, place: str
) -> None:
    outside = workspace / "outside"
    outside.mkdir()
    trap = bench.mount / place.replace("work", f".tetras-back/work-{MACHINE}")
    trap.parent.mkdir(exist_ok=True)
    trap.symlink_to(outside)
    done = bench.run()
    assert done.status == 1
    assert "is not a directory" in done.output
    assert list(outside.iterdir()) == []


def test_links_and_odd_names_among_the_folders_are_ignored(bench: Bench, workspace: Path) -> None:
    outside = workspace / "outside"
    shutil.copytree(bench.source / "home", outside / "Donnees")
    bench.mount.joinpath(f"2020-01-01_00-00-00_Sauvegarde_{HOST}").symlink_to(outside)
    trapped = bench.mount / f"2020-01-02_00-00-00_Sauvegarde_{HOST}"
    trapped.mkdir()
    trapped.joinpath("Donnees").symlink_to(outside / "Donnees")
    for name in (
        "2020-01-03_00-00-00_Sauvegarde_srv\n",
        "-rf",
        "*",
        "2020-99-99_00-00-00_Sauvegarde_srv",
    ):
        bench.mount.joinpath(name).mkdir()
    complete = bench.mount / ".tetras-back/complete"
    complete.mkdir(parents=True)
    os.mkfifo(complete / trapped.name)
    before = sorted(os.listdir(bench.mount))
    folder = bench.backup()
    assert not (bench.mount / folder / "Donnees/alice/photo").samefile(
        outside / "Donnees/alice/photo"
    )
    assert sorted([*before, folder]) == sorted(os.listdir(bench.mount))


def test_what_an_interrupted_run_left_is_cleared(bench: Bench, workspace: Path) -> None:
    bench.backup()
    outside = workspace / "precious"
    outside.mkdir()
    outside.joinpath("file").touch()
    work = bench.mount / ".tetras-back" / f"work-{MACHINE}"
    work.joinpath("old.2019-01-01_00-00-00_Sauvegarde_srv/Donnees").mkdir(parents=True)
    work.joinpath("new.1.2").mkdir()
    work.joinpath("new.1.2/link").symlink_to(outside)
    work.joinpath("link").symlink_to(outside)
    foreign = bench.mount / ".tetras-back" / f"work-{OTHER_MACHINE}/new.1.2"
    foreign.mkdir(parents=True)
    mark_of(bench, f"2019-02-01_00-00-00_Sauvegarde_{HOST}").write_text(f"machine={MACHINE}\n")
    bench.backup()
    assert bench.leftovers() == [foreign]
    assert outside.joinpath("file").exists()
    assert len(list(mark_of(bench, "x").parent.iterdir())) == 2


@contextmanager
def leased(path: Path) -> Iterator[None]:
    """Whoever opens PATH must wait meanwhile, as where a file server has it."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    with path.open("r+b") as file:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield
    signal.signal(signal.SIGIO, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_stopped_half_way_then_clean(bench: Bench, number: signal.Signals) -> None:
    first = bench.backup()
    (bench.source / "home/huge").write_bytes(os.urandom(1 << 20) * 24)
    with leased(bench.source / "home/huge"):  # so that it is still at it when the signal comes
        running = start(bench.argv(NOCLOUD), bench.environment(), bench.mount)
        wait_until(
            lambda: list(bench.mount.glob(".tetras-back/work-*/*/*/Donnees/alice")), "a copy"
        )
        began = time.monotonic()
        if number == signal.SIGTERM:
            running.process.send_signal(number)
        else:
            os.killpg(running.process.pid, number)
        done = finish(running)
        assert time.monotonic() - began < 5
    assert done.status not in (0, 3)
    assert bench.folders() == [first]
    assert bench.leftovers() != []
    second = bench.backup()
    assert bench.folders() == [first, second]
    assert bench.leftovers() == []


def test_two_runs_at_once_do_not_meet(bench: Bench) -> None:
    bench.backup()
    with subprocess.Popen(
        ["flock", bench.mount / ".tetras-back", "cat"], stdin=subprocess.PIPE
    ) as holder:
        wait_until(lambda: bench.run().status == 1, "the lock to be held")
        done = bench.run()
        assert holder.stdin is not None
        holder.stdin.close()
    assert "another backup" in done.output
