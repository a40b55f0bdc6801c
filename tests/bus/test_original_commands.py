"""tetras-back, the original's flags, against a stand-in on a real bus."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bus.standin import UUID, Ctl, StandIn, standing_in
from tests.harness import PrivateBus, Relay
from tetrasback import errors
from tetrasback.wire import DiskView

OTHER = "1b5a9f3e-95f2-4d2f-a5a4-6ab9a5a4c4de"


@pytest.fixture
async def daemon(bus: PrivateBus) -> AsyncIterator[StandIn]:
    async with standing_in(bus) as running:
        running.add(DiskView(uuid=UUID, name="bleu", saved=True, device="/dev/sdz1"))
        yield running


@pytest.fixture
def original(bus: PrivateBus) -> Ctl:
    return Ctl(bus, "tetrasback.ctl.original")


def changes(daemon: StandIn) -> list[tuple[str, list[object]]]:
    """The calls that change something."""
    return [(name, body) for name, body, _ in daemon.calls if not name.startswith("Get")]


FLAGS = [
    (("--save", f"{OTHER}=vert=clair"), ("SaveDisk", [OTHER, "vert=clair"])),
    (("-s", f"{OTHER.upper()}=vert"), ("SaveDisk", [OTHER, "vert"])),
    ((f"--save={OTHER}=disque à Léa",), ("SaveDisk", [OTHER, "disque à Léa"])),
    (("--forget", UUID), ("ForgetDisk", [UUID])),
    (("-f", UUID), ("ForgetDisk", [UUID])),
    (("--plug", "/dev/sdz1"), ("Plug", ["/dev/sdz1"])),
    (("-p", "/dev/sdz1"), ("Plug", ["/dev/sdz1"])),
    (("--unplug", "/dev/sdz1"), ("Unplug", ["/dev/sdz1"])),
    (("-u/dev/sdz1",), ("Unplug", ["/dev/sdz1"])),
]


@pytest.mark.parametrize(("words", "call"), FLAGS, ids=[" ".join(words) for words, _ in FLAGS])
async def test_every_flag_is_the_call_of_today(
    daemon: StandIn, original: Ctl, words: tuple[str, ...], call: tuple[str, list[str]]
) -> None:
    ended = await original(*words)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.strip()
    assert changes(daemon) == [call]


async def test_fifos_are_registered_in_the_originals_format(
    daemon: StandIn, original: Ctl, bus: PrivateBus, relay: Relay, workspace: Path
) -> None:
    fifo = workspace / "fifo"
    os.mkfifo(fifo, 0o600)
    ended = await original("--register", str(fifo))
    assert (ended.code, ended.err) == (0, "")
    listed = await Ctl(bus)("clients", "--json")
    assert json.loads(listed.out) == {"clients": [{"path": str(fifo), "format": "original"}]}
    with fifo.open() as opened:
        document = json.load(opened)
    assert document["KNOWN"][UUID]["name"] == "bleu"
    ended = await original("-l", str(fifo), "-r", f"{fifo}.gone")
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert "no FIFO" in ended.err
    assert json.loads((await Ctl(bus)("clients", "--json")).out) == {"clients": []}


async def test_several_are_carried_out_in_their_order(daemon: StandIn, original: Ctl) -> None:
    ended = await original("-u", "/dev/a", "-s", f"{OTHER}=vert", "-u", "/dev/b", "-f", OTHER)
    assert ended.code == 0
    assert changes(daemon) == [
        ("Unplug", ["/dev/a"]),
        ("SaveDisk", [OTHER, "vert"]),
        ("Unplug", ["/dev/b"]),
        ("ForgetDisk", [OTHER]),
    ]


async def test_the_first_failure_is_the_exit_code_and_the_rest_is_tried(
    daemon: StandIn, original: Ctl
) -> None:
    daemon.errors["Unplug"] = (errors.NotPlugged.dbus_name, "not here")
    daemon.errors["ForgetDisk"] = (errors.AccessDenied.dbus_name, "")
    ended = await original("-s", f"{OTHER}=vert", "-u", "/dev/b", "-f", UUID, "-p", "/dev/a")
    assert ended.code == errors.EXIT_NOT_PLUGGED
    assert [line.partition(" ")[0] for line in ended.err.splitlines()] == ["tetras-back:"] * 2
    assert "not here" in ended.err
    assert [name for name, _ in changes(daemon)] == ["SaveDisk", "Unplug", "ForgetDisk", "Plug"]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--save", UUID),
        ("--save", f"{UUID}="),
        ("--save", "=bleu"),
        ("--forget",),
        ("--forg", UUID),
        ("nonsense",),
        ("-x",),
    ],
    ids=" ".join,
)
async def test_a_line_with_a_fault_does_nothing(
    daemon: StandIn, original: Ctl, words: tuple[str, ...]
) -> None:
    ended = await original(*(("--unplug", "/dev/a") if words else ()), *words)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("tetras-back: ")
    assert ended.err.endswith("; see: tetras-back --help\n")
    assert daemon.calls == []


@pytest.mark.parametrize(
    ("flag", "verb"), [("--start", "start"), ("-d", "start"), ("--stop", "stop")]
)
async def test_the_service_is_systemds(original: Ctl, tmp_path: Path, flag: str, verb: str) -> None:
    ended = await original(flag, DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={tmp_path}/none")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"tetras-back: systemd {verb}s the service: systemctl {verb} tetras-back\n"


async def test_a_daemon_out_of_reach_is_told_in_one_line(original: Ctl) -> None:
    ended = await original("--forget", UUID)
    assert (ended.code, ended.err.count("\n")) == (8, 1)
    assert ended.err.startswith("tetras-back: ")


async def test_a_password_is_not_asked_for_without_a_terminal(
    daemon: StandIn, original: Ctl
) -> None:
    daemon.errors["ForgetDisk"] = (errors.AuthorizationRequired.dbus_name, "")
    assert (await original("--forget", UUID)).code == 3
    assert [call for call in daemon.calls if call[0] == "ForgetDisk"] == [
        ("ForgetDisk", [UUID], False)
    ]
