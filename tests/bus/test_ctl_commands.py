"""tetras-backctl against a stand-in on a real bus: what it prints, what it exits with."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bus.standin import UUID, Ctl, StandIn, standing_in
from tests.harness import PrivateBus
from tetrasback import errors
from tetrasback.wire import Alert, BackupView, DiskView, HistoryEntry, ManagerView, ScriptView

OTHER = "1b5a9f3e-95f2-4d2f-a5a4-6ab9a5a4c4de"
HOSTILE = "\x1b]0;owned\x07\u202eevil\n[red]x[/red]"


@pytest.fixture
async def daemon(bus: PrivateBus) -> AsyncIterator[StandIn]:
    async with standing_in(bus) as running:
        running.add(DiskView(uuid=UUID, name="bleu", saved=True, device="/dev/null"))
        running.manager = ManagerView(
            version="9.9", scripts=(ScriptView("backup_nocloud.sh", True, "/usr/lib/x"),)
        )
        yield running


@pytest.fixture
def ctl(bus: PrivateBus) -> Ctl:
    return Ctl(bus)


COMMANDS = (
    ("status",),
    ("disks",),
    ("scripts",),
    ("history",),
    ("history", "bleu"),
    ("log", "7"),
    ("version",),
    ("save", f"{OTHER}=rouge"),
    ("save", "ble=rouge"),
    ("save", "--device", "/dev/null", "rouge"),
    ("forget", "bleu"),
    ("plug", "bleu"),
    ("plug", "/dev/null"),
    ("unplug", UUID),
    ("cancel", "b"),
    ("enable", "backup_nocloud.sh"),
    ("disable", "backup_nocloud.sh"),
    ("reload",),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
async def test_every_command_speaks_plainly_and_json(
    daemon: StandIn, ctl: Ctl, words: tuple[str, ...]
) -> None:
    daemon.log = "all went well"
    plain = await ctl(*words)
    assert (plain.code, plain.err) == (0, "")
    assert plain.out.strip()
    daemon.add(DiskView(uuid=UUID, name="bleu", saved=True, device="/dev/null"))
    machine = await ctl("--json", *words)
    assert machine.code == 0
    assert isinstance(json.loads(machine.out), dict)


ERRORS = [
    (error.dbus_name, error.exit_code)
    for error in errors.BY_NAME.values()
    if error is not errors.Unreachable
] + [
    ("org.freedesktop.DBus.Error.NoReply", errors.EXIT_UNREACHABLE),
    ("org.freedesktop.DBus.Error.Spawn.ExecFailed", errors.EXIT_UNREACHABLE),
    ("org.example.Unheard", errors.EXIT_ERROR),
]


@pytest.mark.parametrize(("name", "code"), ERRORS, ids=[name for name, _ in ERRORS])
async def test_every_error_has_its_exit_code_and_one_line(
    daemon: StandIn, ctl: Ctl, name: str, code: int
) -> None:
    daemon.errors["ForgetDisk"] = (name, f"this cannot be{HOSTILE}")
    ended = await ctl("--json", "forget", "bleu")
    assert ended.code == code
    assert ended.err.startswith("tetras-backctl: ")
    assert ended.err.count("\n") == 1
    assert "\x1b" not in ended.err
    assert json.loads(ended.out)["error"]["exit_code"] == code


async def test_without_bus_or_daemon_it_is_unreachable(
    bus: PrivateBus, ctl: Ctl, tmp_path: Path
) -> None:
    ended = await ctl("status")
    assert ended.code == 8
    assert "not running" in ended.err
    ended = await ctl("version")
    assert ended.code == 8
    assert ended.out.startswith("tetras-backctl ")
    ended = await ctl("status", DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={tmp_path}/none")
    assert (ended.code, ended.err.count("\n")) == (8, 1)


async def test_a_bus_that_is_no_bus_is_unreachable(ctl: Ctl, tmp_path: Path) -> None:
    import asyncio

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    server = await asyncio.start_unix_server(close, tmp_path / "socket")
    async with server:
        ended = await ctl("status", DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={tmp_path}/socket")
    assert (ended.code, ended.err.count("\n")) == (8, 1)


async def test_names_that_fit_none_or_many(daemon: StandIn, ctl: Ctl) -> None:
    daemon.add(DiskView(uuid=OTHER, name="blanc", saved=True))
    assert (await ctl("forget", "bl")).code == 2
    assert (await ctl("forget", "vert")).code == 4
    assert (await ctl("forget", OTHER.replace("1b", "2b"))).code == 4
    assert (await ctl("unplug", "blanc")).code == 5
    assert (await ctl("forget", "")).code == 2
    assert (await ctl("nonsense")).code == 2
    assert (await ctl("save", "--device", "/dev/nonexistent", "x")).code == 1
    assert "ForgetDisk" not in [call[0] for call in daemon.calls]


async def test_status_tells_the_worst_first_and_asks_only_what_it_needs(
    daemon: StandIn, ctl: Ctl
) -> None:
    daemon.add(DiskView(uuid=OTHER, device="/dev/sdz1", filesystem_type="vfat", state="unknown"))
    daemon.manager = ManagerView(
        alerts=(
            Alert("failed", UUID, 1, "the last backup failed"),
            Alert("unknown-disk", OTHER, 1, ""),
            Alert("safe-to-unplug", UUID, 1, "may be unplugged"),
        ),
    )
    daemon.backups[3] = BackupView(id=3, uuid=UUID, state="running", fraction=0.42)
    daemon.history = [
        HistoryEntry(id=3, uuid=UUID, name="bleu"),
        HistoryEntry(id=2, uuid=UUID, name="bleu", verdict="failed", code="disk-full"),
    ]
    ended = await ctl("status")
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines] == ["error", "info", "running", "good", "last"]
    assert "ext4" in lines[1]
    assert "42%" in lines[2]
    assert "GetManagedObjects" not in [call[0] for call in daemon.calls]


async def test_text_of_strangers_never_reaches_the_terminal(daemon: StandIn, ctl: Ctl) -> None:
    daemon.add(
        DiskView(
            uuid=OTHER,
            name=HOSTILE,
            label=HOSTILE,
            model=HOSTILE,
            device="/dev/x",
            state="unknown",
            reason=HOSTILE,
            filesystem_type=HOSTILE,
        )
    )
    daemon.manager = ManagerView(alerts=(Alert(HOSTILE, OTHER, 1, HOSTILE),), version=HOSTILE)
    daemon.history = [HistoryEntry(id=1, uuid=UUID, name=HOSTILE, verdict=HOSTILE, code=HOSTILE)]
    daemon.log = f"{HOSTILE}\nsecond\tline"
    for words in (("disks",), ("status",), ("history",), ("log", "1"), ("version",)):
        ended = await ctl(*words)
        assert ended.code == 0
        assert not set(ended.out) & {"\x1b", "\x07", "\u202e"}
        assert "[red]x" in ended.out or words == ("version",)
    machine = (await ctl("disks", "--json")).out
    assert machine.isascii()
    assert HOSTILE in [disk["label"] for disk in json.loads(machine)["disks"]]


async def test_a_reader_that_leaves_is_no_error_to_shout_about(daemon: StandIn, ctl: Ctl) -> None:
    daemon.log = "line\n" * 20_000
    process = await ctl.start("log", "1")
    assert process.stdout is not None
    assert process.stderr is not None
    await process.stdout.readline()
    process.stdout._transport.close()  # type: ignore[attr-defined]
    assert (await process.stderr.read()) == b""
    await process.wait()


async def test_a_password_is_not_asked_for_without_a_terminal(daemon: StandIn, ctl: Ctl) -> None:
    daemon.errors["Reload"] = (errors.AuthorizationRequired.dbus_name, "")
    ended = await ctl("reload")
    assert ended.code == 3
    assert [call for call in daemon.calls if call[0] == "Reload"] == [("Reload", [], False)]


async def test_history_is_read_in_pages(daemon: StandIn, ctl: Ctl) -> None:
    daemon.history = [
        HistoryEntry(id=number, uuid=UUID, name="bleu", verdict="success")
        for number in range(2500, 0, -1)
    ]
    ended = await ctl("history", "--json", "-n", "2200", "--before", "2400")
    ids = [entry["id"] for entry in json.loads(ended.out)["history"]]
    assert ids == list(range(2399, 199, -1))
    assert (await ctl("history", "-n", "0")).code == 2


async def test_completion_offers_words_and_is_never_loud(daemon: StandIn, ctl: Ctl) -> None:
    daemon.add(DiskView(uuid=OTHER, name="avec espace", saved=True))
    daemon.add(DiskView(uuid=OTHER.replace("1b", "2b"), name="\x1b[31m"))
    assert (await ctl("__complete", "names")).out.splitlines() == ["bleu", "avec espace"]
    assert (await ctl("__complete", "scripts")).out == "backup_nocloud.sh\n"
    assert (await ctl("__complete", "unsaved")).out.startswith("2b5a")
    daemon.silent.clear()
    daemon.errors["GetManagedObjects"] = (errors.Failed.dbus_name, "no")
    ended = await ctl("__complete", "disks")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
