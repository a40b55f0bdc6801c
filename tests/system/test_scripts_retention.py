"""backup_nocloud.sh keeps what the configuration's rules keep, and leaves out what it excludes."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run
from tests.system.scripts_support import HOST, NOCLOUD, Bench, members, mounted, small_source

MACHINE = Path("/etc/machine-id").read_text().strip()
DAYS = [f"2020-{month:02}-{day:02}_00-00-00" for month in (1, 2, 3) for day in (1, 2, 3)]


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    return Bench(mounted(loop_disk(), workspace / "mnt"), small_source(workspace / "src"))


def plant(bench: Bench, date: str, machine: str = MACHINE) -> str:
    """A complete backup of that date, by its mark of MACHINE; its folder."""
    name = f"{date}_Sauvegarde_{HOST}"
    bench.plant(name, data={"file": os.urandom(1000)})
    marks = bench.mount / ".tetras-back/complete"
    marks.mkdir(parents=True, exist_ok=True)
    (marks / name).write_text(f"machine={machine}\n")
    return name


def dates(bench: Bench, newest: str) -> list[str]:
    """Those of the backups before the NEWEST."""
    return [folder[:10] for folder in bench.folders() if folder != newest]


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ("", [date[:10] for date in DAYS]),
        ("last=3", ["2020-03-02", "2020-03-03"]),
        ("monthly=3", ["2020-02-03", "2020-03-03"]),
        ("daily=2 yearly=2", ["2020-03-03"]),
        ("within=1d", []),
    ],
)
def test_what_no_rule_keeps_goes_when_the_new_backup_is_there(
    bench: Bench, rules: str, kept: list[str]
) -> None:
    for date in DAYS:
        plant(bench, date)
    foreign = plant(bench, "2019-01-01_00-00-00", "0" * 32)
    done = bench.run(KEEP=rules)
    assert (done.status, done.said("warning")) == (0, []), done.output
    # The newest there was stays in any case: without it, this run's own may be the only one.
    left = [date for date in dates(bench, done.snapshot) if date != "2019-01-01"]
    assert left == (kept or ["2020-03-03"])
    assert foreign in bench.folders()
    gone = [line for line in done.said("note") if line.startswith("pruned: ")]
    assert len(gone) == len(DAYS) - len(left)
    assert all(re.search(r", [0-9.]+[KMG]?i?B, as the rules say$", line) for line in gone)
    assert bench.leftovers() == []


def test_a_pinned_backup_stays(bench: Bench) -> None:
    folders = [plant(bench, date) for date in DAYS]
    pins = bench.mount / ".tetras-back/pins"
    pins.mkdir()
    (pins / folders[0]).touch()
    done = bench.run(KEEP="last=1")
    assert bench.folders() == [folders[0], folders[-1], done.snapshot]


def test_a_weak_source_keeps_everything(bench: Bench) -> None:
    for date in DAYS:
        plant(bench, date)
    bench.backup()
    run(["find", bench.source / "home", "-mindepth", "1", "-delete"])
    done = bench.run(KEEP="last=1")
    assert done.status == 3
    assert len(bench.folders()) == len(DAYS) + 2


def test_rules_that_make_no_sense_keep_everything_and_are_told(bench: Bench) -> None:
    plant(bench, DAYS[0])
    done = bench.run(KEEP="nonsense=3")
    assert done.status == 3
    assert [line for line in done.said("warning") if "nonsense=3" in line]
    assert len(bench.folders()) == 2


def test_what_no_rule_keeps_makes_room_before_what_one_does(bench: Bench) -> None:
    big = bench.source / "home/big"
    made = []
    for _ in range(3):
        big.write_bytes(os.urandom(14 << 20))
        made.append(bench.backup("--data"))
    (bench.mount / ".tetras-back/pins").mkdir()
    (bench.mount / ".tetras-back/pins" / made[0]).touch()
    big.write_bytes(os.urandom(14 << 20))
    done = bench.run(NOCLOUD, "--data", KEEP="last=2")
    assert done.status == 0, done.output
    assert bench.folders() == [made[0], made[2], done.snapshot]
    assert [line for line in done.said("note") if made[1] in line and "to make room" in line]


@pytest.mark.parametrize(("part", "warned"), [("0.5", True), ("0.1", False), ("1", True)])
def test_how_much_a_source_may_shrink(bench: Bench, part: str, warned: bool) -> None:
    for number in range(100):
        (bench.source / f"home/alice/{number}").write_text("x" * 1000)
    bench.backup("--data")
    for number in range(70):
        (bench.source / f"home/alice/{number}").unlink()
    done = bench.run(NOCLOUD, "--data", SHRINK_ALERT=part)
    assert bool(done.said("warning")) is warned, done.said("warning")


def test_excluded_names_are_in_neither_part(bench: Bench) -> None:
    for path in ("home/alice/.cache/x", "home/alice/keep", "root/.cache/y", "etc/skip.tmp"):
        (bench.source / path).parent.mkdir(parents=True, exist_ok=True)
        (bench.source / path).write_text("x")
    (bench.source / "etc/a*[b] c").mkdir()
    (bench.source / "etc/a*[b] c/skip.tmp").write_text("x")
    patterns = ["/home/*/.cache/*", "/root/.cache/", "skip.tmp", "/srv/nothing"]
    done = bench.run(EXCLUDE="\n".join(patterns))
    assert (done.status, done.said("warning")) == (0, []), done.output
    homes = bench.mount / done.snapshot / "Donnees/alice"
    assert (homes / "keep").exists()
    assert list((homes / ".cache").iterdir()) == []
    names = members(bench.mount / done.snapshot / "serveur.tar.gz")
    assert "etc/a*[b] c" in names
    assert not [name for name in names if "skip.tmp" in name or "root/.cache" in name]
    assert "etc/hosts" in names
