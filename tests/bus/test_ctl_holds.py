"""`hold`, `release` and what `status` says of them, against a stand-in."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.bus.standin import UNTIL_START, UUID, Ctl, StandIn, standing_in
from tests.harness import PrivateBus
from tetrasback import errors
from tetrasback.wire import DiskView, HoldView, ManagerView

HOUR = 3600


@pytest.fixture
async def daemon(bus: PrivateBus) -> AsyncIterator[StandIn]:
    async with standing_in(bus) as running:
        running.add(DiskView(uuid=UUID, name="l'été", saved=True))
        yield running


@pytest.fixture
def ctl(bus: PrivateBus) -> Ctl:
    return Ctl(bus)


def held(*until: tuple[str, int]) -> tuple[HoldView, ...]:
    return tuple(HoldView(uuid, at * 1_000_000) for uuid, at in until)


async def test_hold_tells_until_when_and_how_to_end_it(daemon: StandIn, ctl: Ctl) -> None:
    ended = await ctl("hold", "l'", "--minutes", "90")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "plugging in l'été starts no backup until 2026-11-21 23:28;"
        " to end this: tetras-backctl release 'l'\"'\"'été'\n"
    )
    assert ("Hold", [UUID, 90], False) in daemon.calls


async def test_without_a_disk_it_is_every_disk_for_the_usual_time(
    daemon: StandIn, ctl: Ctl
) -> None:
    daemon.manager = ManagerView(holds=held((UUID, UNTIL_START)))
    ended = await ctl("hold")
    assert ended.out == (
        "plugging in a disk starts no backup until 2026-11-21 22:58;"
        " to end this: tetras-backctl release\n"
    )
    assert ("Hold", ["", 0], False) in daemon.calls


async def test_json_is_the_hold(daemon: StandIn, ctl: Ctl) -> None:
    hold = json.loads((await ctl("hold", UUID, "--json")).out)["hold"]
    assert hold == {"uuid": UUID, "name": "l'été", "until": "2026-11-21T22:58:00+00:00"}
    released = json.loads((await ctl("release", "l'", "--json")).out)
    assert released == {"released": {"uuid": UUID, "name": "l'été"}}
    released = json.loads((await ctl("release", "--json")).out)
    assert released == {"released": {"uuid": "", "name": ""}}


async def test_release_names_what_starts_again(daemon: StandIn, ctl: Ctl) -> None:
    assert "l'été is not held any more" in (await ctl("release", "l'")).out
    assert "no disk is held any more" in (await ctl("release")).out
    assert [call[1] for call in daemon.calls if call[0] == "Release"] == [[UUID], [""]]


async def test_status_shows_holds(daemon: StandIn, ctl: Ctl) -> None:
    daemon.manager = ManagerView(holds=held((UUID, UNTIL_START), ("", UNTIL_START + HOUR)))
    lines = (await ctl("status")).out.splitlines()
    assert [line.split()[0] for line in lines] == ["info", "info", "last"]
    assert "plugging in l'été starts no backup until 2026-11-21 21:58" in lines[0]
    assert "plugging in a disk starts no backup until 2026-11-21 22:58" in lines[1]
    shown = json.loads((await ctl("status", "--json")).out)["holds"]
    assert [(hold["uuid"], hold["name"]) for hold in shown] == [(UUID, "l'été"), ("", "")]


@pytest.mark.parametrize("minutes", ["0", "-1", "10081", "x", ""])
async def test_a_hold_has_its_limits(daemon: StandIn, ctl: Ctl, minutes: str) -> None:
    assert (await ctl("hold", f"--minutes={minutes}")).code == 2
    assert "Hold" not in [call[0] for call in daemon.calls]


@pytest.mark.parametrize("words", [("hold",), ("release", UUID)], ids=" ".join)
async def test_an_older_service_is_told_in_one_line(
    daemon: StandIn, ctl: Ctl, words: tuple[str, ...]
) -> None:
    for member in ("Hold", "Release"):
        daemon.errors[member] = (errors.UnknownMethod.dbus_name, "no such method")
    ended = await ctl(*words)
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert "older than this program" in ended.err


async def test_hostile_names_of_held_disks_do_no_harm(daemon: StandIn, ctl: Ctl) -> None:
    daemon.add(DiskView(uuid=UUID, name="\x1b]0;owned\x07", saved=True))
    daemon.manager = ManagerView(holds=held((UUID, UNTIL_START)))
    for words in (("status",), ("hold", UUID), ("release", UUID)):
        assert not set((await ctl(*words)).out) & {"\x1b", "\x07"}
