"""`snapshots`, `pin` and `unpin` against a stand-in: what they show, and which backup is meant."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.bus.standin import UUID, Ctl, StandIn, standing_in
from tests.harness import PrivateBus
from tetrasback import errors
from tetrasback.wire import DiskView, SnapshotView

OTHER = "1b5a9f3e-95f2-4d2f-a5a4-6ab9a5a4c4de"
HOSTILE = "\x1b]0;owned\x07\u202eevil\n[red]x[/red]"
START = 1_764_000_840_000_000
"""24 November 2025, 16:14 in UTC."""
NEWEST = SnapshotView(
    snapshot="2025-11-24_16-14-00_Sauvegarde_web",
    started_at=START,
    host="web",
    ours=True,
    bytes=4_700_000,
    files=212,
    manifest=True,
    proof="sealed",
)
OLDER = replace(
    NEWEST,
    snapshot="2025-11-23_16-14-00_Sauvegarde_web",
    started_at=START - 86_400_000_000,
    pinned=True,
    proof="broken",
)
ORIGINAL = SnapshotView(
    snapshot="2019-01-02_03-04-05_sauvegarde_old",
    started_at=1,
    host="old",
    original=True,
    proof="unsealed",
)


@pytest.fixture
async def daemon(bus: PrivateBus) -> AsyncIterator[StandIn]:
    async with standing_in(bus) as running:
        running.add(DiskView(uuid=UUID, name="bleu", saved=True))
        running.add(DiskView(uuid=OTHER, name="rouge", saved=True))
        running.snapshots = {UUID: [NEWEST, OLDER, ORIGINAL]}
        yield running


@pytest.fixture
def ctl(bus: PrivateBus) -> Ctl:
    return Ctl(bus)


async def test_each_backup_has_its_line_newest_first(daemon: StandIn, ctl: Ctl) -> None:
    ended = await ctl("snapshots", "bleu")
    assert (ended.code, ended.err) == (0, "")
    title, *rows = ended.out.splitlines()
    assert title.split() == ["SNAPSHOT", "STARTED", "HOST", "SIZE", "FILES", "REMARKS"]
    assert [row.split()[0] for row in rows] == [one.snapshot for one in (NEWEST, OLDER, ORIGINAL)]
    assert rows[0].split()[1:] == ["2025-11-24", "16:14", "web", "4.7", "MB", "212"]
    assert rows[0].endswith("212")
    assert rows[1].endswith("pinned, not what was sealed")
    assert rows[2].endswith("another server's, the original's, cannot be verified, not sealed")


async def test_without_a_disk_it_is_every_saved_one(daemon: StandIn, ctl: Ctl) -> None:
    daemon.snapshots[OTHER] = [NEWEST]
    ended = await ctl("snapshots")
    assert [line.split()[0] for line in ended.out.splitlines()] == [
        *("DISK", "bleu", "bleu", "bleu", "rouge")
    ]
    del daemon.snapshots[UUID]
    ended = await ctl("snapshots")
    assert (ended.code, len(ended.out.splitlines())) == (5, 2)
    assert ended.err == "tetras-backctl: bleu: never seen here\n"


async def test_a_disk_without_any_is_told(daemon: StandIn, ctl: Ctl) -> None:
    daemon.snapshots[UUID] = []
    ended = await ctl("snapshots", "bleu")
    assert (ended.code, ended.out) == (0, "no complete backup\n")
    ended = await ctl("snapshots", "rouge")
    assert (ended.code, ended.out) == (5, "")
    assert (await ctl("pin", "bleu", "latest")).code == 1


async def test_json_names_disk_and_backup(daemon: StandIn, ctl: Ctl) -> None:
    rows = json.loads((await ctl("snapshots", "bleu", "--json")).out)["snapshots"]
    assert rows[1] == {
        "uuid": UUID,
        "name": "bleu",
        "snapshot": OLDER.snapshot,
        "started_at": "2025-11-23T16:14:00+00:00",
        "host": "web",
        "ours": True,
        "original": False,
        "pinned": True,
        "bytes": 4_700_000,
        "files": 212,
        "manifest": True,
        "proof": "broken",
    }
    assert (rows[2]["bytes"], rows[2]["files"]) == (None, None)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("latest", NEWEST),
        ("2025-11-23", OLDER),
        ("2019", ORIGINAL),
        (NEWEST.snapshot, NEWEST),
    ],
)
async def test_a_backup_is_pinned_however_it_is_named(
    daemon: StandIn, ctl: Ctl, text: str, meant: SnapshotView
) -> None:
    ended = await ctl("pin", "bleu", text)
    assert (ended.code, ended.err) == (0, "")
    assert f"{meant.snapshot} on bleu is pinned" in ended.out
    ended = await ctl("unpin", "bleu", text, "--json")
    assert json.loads(ended.out)["snapshot"] == {
        "uuid": UUID,
        "name": "bleu",
        "snapshot": meant.snapshot,
        "pinned": False,
    }
    pins = [call[1] for call in daemon.calls if call[0] == "PinSnapshot"]
    assert pins == [[UUID, meant.snapshot, True], [UUID, meant.snapshot, False]]


async def test_a_whole_name_is_not_looked_for(daemon: StandIn, ctl: Ctl) -> None:
    """So that one password is enough, and the service is who says that there is no such backup."""
    daemon.errors["PinSnapshot"] = (errors.UnknownBackup.dbus_name, "no such backup on it")
    ended = await ctl("pin", "bleu", "2001-01-01_00-00-00_Sauvegarde_web")
    assert (ended.code, ended.err) == (1, "tetras-backctl: no such backup on it\n")
    assert "ListSnapshots" not in [call[0] for call in daemon.calls]


@pytest.mark.parametrize(("text", "code"), [("2025", 2), ("1999", 1), ("", 1)])
async def test_what_means_none_or_several_pins_nothing(
    daemon: StandIn, ctl: Ctl, text: str, code: int
) -> None:
    ended = await ctl("pin", "bleu", text)
    assert (ended.code, ended.err.count("\n")) == (code, 1)
    assert "PinSnapshot" not in [call[0] for call in daemon.calls]


async def test_latest_of_a_disk_of_other_servers_is_theirs_only_if_it_is_one(
    daemon: StandIn, ctl: Ctl
) -> None:
    """A new server in place of a dead one: nothing on the disk is its own."""
    foreign = replace(NEWEST, ours=False)
    daemon.snapshots[UUID] = [foreign, replace(OLDER, ours=False)]
    assert NEWEST.snapshot in (await ctl("pin", "bleu", "latest")).out
    daemon.snapshots[UUID] = [foreign, ORIGINAL]
    ended = await ctl("pin", "bleu", "latest")
    assert ended.code == 2
    assert "several servers (old, web)" in ended.err
    daemon.snapshots[UUID] = [replace(foreign, host="other"), OLDER]
    assert OLDER.snapshot in (await ctl("pin", "bleu", "latest")).out


async def test_latest_is_one_that_proves_to_be_this_servers(daemon: StandIn, ctl: Ctl) -> None:
    name = "2027-01-01_00-00-00_Sauvegarde_web"
    forged = replace(NEWEST, snapshot=name, started_at=START + 1, proof="unsealed")
    daemon.snapshots[UUID] = [forged, NEWEST]
    assert NEWEST.snapshot in (await ctl("pin", "bleu", "latest")).out
    daemon.snapshots[UUID] = [forged, OLDER]
    assert name in (await ctl("pin", "bleu", "latest")).out


async def test_names_on_a_disk_never_reach_the_terminal(daemon: StandIn, ctl: Ctl) -> None:
    hostile = replace(NEWEST, snapshot=HOSTILE, host=HOSTILE, ours=False)
    daemon.snapshots[UUID] = [hostile, replace(hostile, snapshot=HOSTILE + "2", host=HOSTILE + "2")]
    for words in (("snapshots",), ("snapshots", "bleu"), ("pin", "bleu", HOSTILE)):
        ended = await ctl(*words)
        assert "[red]x" in ended.out
        assert not set(ended.out) & {"\x1b", "\x07", "\u202e"}
    for text in ("latest", HOSTILE[:3], "no" + HOSTILE):
        ended = await ctl("pin", "bleu", text)
        assert ended.code in (1, 2)
        assert (ended.err.count("\n"), "\x1b" in ended.err) == (1, False)
    assert HOSTILE in (await ctl("snapshots", "--json")).out.encode().decode("unicode_escape")


async def test_an_older_service_is_told_in_one_line(daemon: StandIn, ctl: Ctl) -> None:
    for member in ("ListSnapshots", "PinSnapshot"):
        daemon.errors[member] = (errors.UnknownMethod.dbus_name, "no such method")
    for words in (("snapshots",), ("snapshots", "bleu"), ("pin", "bleu", NEWEST.snapshot)):
        ended = await ctl(*words)
        assert (ended.code, ended.err.count("\n")) == (1, 1)
        assert "older than this program" in ended.err


async def test_backups_are_completed_for_whoever_may_list_them(daemon: StandIn, ctl: Ctl) -> None:
    daemon.snapshots[UUID] = [NEWEST, replace(OLDER, snapshot=HOSTILE)]
    assert (await ctl("__complete", "snapshots", "ble")).out.splitlines() == [
        "latest",
        NEWEST.snapshot,
    ]
    daemon.errors["ListSnapshots"] = (errors.AuthorizationRequired.dbus_name, "")
    for words in (("snapshots", "bleu"), ("snapshots", "nope"), ("snapshots",)):
        ended = await ctl("__complete", *words)
        assert (ended.code, ended.out, ended.err) == (0, "", "")
