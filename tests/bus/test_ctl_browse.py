"""`browse` and `diff` against a stand-in; what `diff` compares are real directories."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bus.standin import UUID, Ctl, StandIn, standing_in
from tests.harness import PrivateBus
from tetrasback import errors
from tetrasback.wire import DiskView, SnapshotView

OLD = "2024-01-02_03-04-05_Sauvegarde_web"
NEW = "2025-01-02_03-04-05_Sauvegarde_web"
BLEU = DiskView(uuid=UUID, name="bleu", saved=True, device="/dev/sdz1", state="safe-to-unplug")


@pytest.fixture
async def daemon(bus: PrivateBus, tmp_path: Path) -> AsyncIterator[StandIn]:
    async with standing_in(bus) as running:
        running.add(BLEU)
        running.snapshots[UUID] = [
            SnapshotView(snapshot=name, started_at=at, ours=True)
            for at, name in ((2, NEW), (1, OLD))
        ]
        running.shown = str(tmp_path)
        for name, text in ((OLD, "old"), (NEW, "newer")):
            homes = tmp_path / name / "Donnees/anna"
            homes.mkdir(parents=True)
            (homes / "letter").write_text(text)
            (homes / f"only {text}\x1b[31m").touch()
        yield running


@pytest.fixture
def ctl(bus: PrivateBus) -> Ctl:
    return Ctl(bus)


def ended(daemon: StandIn) -> list[object]:
    return [call[1] for call in daemon.calls if call[0] == "EndBrowse"]


async def test_the_path_alone_is_on_standard_output(daemon: StandIn, ctl: Ctl) -> None:
    done = await ctl("browse", "bleu", "2024")
    assert (done.code, done.out) == (0, f"{daemon.shown}/{OLD}\n")
    assert "until 2026-11-21 21:58" in done.err
    assert "tetras-backctl browse --close bleu" in done.err
    assert "shown until 2026-11-21 21:58" in (await ctl("disks")).out
    shown = json.loads((await ctl("browse", "bleu", "--json")).out)["browse"]
    assert shown == {
        "uuid": UUID,
        "name": "bleu",
        "path": f"{daemon.shown}/newest",
        "until": "2026-11-21T21:58:00+00:00",
    }


async def test_it_is_closed_and_told_whether_the_disk_is_safe(daemon: StandIn, ctl: Ctl) -> None:
    assert (await ctl("browse", "--close")).err == "tetras-backctl: no backup is shown\n"
    await ctl("browse", "bleu")
    done = await ctl("browse", "--close")
    assert done.out == "bleu is shown no longer\nbleu is safe to unplug\n"
    answer = json.loads((await ctl("browse", "--close", "bleu", "--json")).out)
    assert (answer["disk"]["name"], answer["safe_to_unplug"]) == ("bleu", True)
    assert ended(daemon) == [[UUID], [UUID]]
    daemon.errors["EndBrowse"] = (errors.NotRunning.dbus_name, "this disk is not being browsed")
    assert (await ctl("browse", "--close", "bleu")).code == 1
    assert (await ctl("browse")).code == 2


async def test_differences_are_told_and_the_view_is_ended(daemon: StandIn, ctl: Ctl) -> None:
    done = await ctl("diff", "bleu", "2024", "latest")
    assert done.code == 0
    assert "no manifest" in done.err
    assert sorted(done.out.splitlines()) == [
        "+ /home/anna/only newer\N{REPLACEMENT CHARACTER}[31m",
        "- /home/anna/only old\N{REPLACEMENT CHARACTER}[31m",
        "M /home/anna/letter",
        "m /home/anna",
    ]
    answer = json.loads((await ctl("diff", "bleu", OLD, NEW, "/home/anna/letter", "--json")).out)
    assert answer["diff"] == {
        "older": OLD,
        "newer": NEW,
        "differences": [{"change": "M", "path": "/home/anna/letter"}],
    }
    assert ended(daemon) == [[UUID], [UUID]]
    # What somebody looks at is not taken from them.
    await ctl("browse", "bleu")
    assert (await ctl("diff", "bleu", OLD, NEW)).code == 0
    assert ended(daemon) == [[UUID], [UUID]]


async def test_what_cannot_be_compared_fails_and_the_view_is_ended(
    daemon: StandIn, ctl: Ctl
) -> None:
    daemon.snapshots[UUID].append(replace(daemon.snapshots[UUID][0], snapshot="gone"))
    done = await ctl("diff", "bleu", OLD, "gone")
    assert done.code == 1
    assert len(done.err.splitlines()) == 1
    assert ended(daemon) == [[UUID]]
    assert (await ctl("diff", "bleu", OLD, "none")).code == 1
    assert ended(daemon) == [[UUID]]


async def test_an_older_service_is_told_in_one_line(daemon: StandIn, ctl: Ctl) -> None:
    for member in ("Browse", "EndBrowse"):
        daemon.errors[member] = (errors.UnknownMethod.dbus_name, "no such method")
    for words in (("browse", "bleu"), ("browse", "--close", "bleu"), ("diff", "bleu", OLD, NEW)):
        done = await ctl(*words)
        assert (done.code, done.err.count("\n")) == (1, 1)
        assert "older than this program" in done.err
