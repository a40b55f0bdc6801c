"""The interface as callers meet it, on a real bus: what is answered, what is refused and how."""

from pathlib import Path

import pytest

from tests.bus.serving import DISK_PATH, UUID, call, command, error_of, gdbus, serving
from tests.harness import PrivateBus
from tetrasback import names

MACHINE_ID = Path("/etc/machine-id").read_text().strip()


async def test_every_method_reaches_the_control(bus: PrivateBus) -> None:
    async with serving(bus) as (_, control):
        control.release.set()
        saved = await call(bus, "SaveDisk", "ss", UUID.upper(), "bleu")
        assert saved.stdout == f'o "{DISK_PATH}"\n'
        assert (await call(bus, "RunBackup", "s", UUID)).stdout == (
            'o "/org/tetraslibre/Back/backups/8"\n'
        )
        assert (await call(bus, "Unplug", "s", "/dev/sdz1")).returncode == 0
        assert (await call(bus, "CancelBackup", "s", UUID)).returncode == 0
        assert (await call(bus, "SetScriptEnabled", "sb", "a.sh", "true")).returncode == 0
        assert (await call(bus, "Reload")).returncode == 0
        remarks = await call(bus, "ImportConfiguration", "s", "$x = 1;")
        assert remarks.stdout == 'as 1 "one remark"\n'
        assert (await call(bus, "GetLog", "t", "7")).stdout == 's "line one\\nline two\\n"\n'
        assert (await call(bus, "GetHistory", "stu", UUID, "9", "1")).stdout.startswith(
            'aa{sv} 1 13 "Id" t 1 "UUID" s'
        )
        assert control.calls == [
            ("save", UUID.upper(), "bleu"),
            ("run", UUID),
            ("unplug", "/dev/sdz1"),
            ("cancel", UUID),
            ("script", "a.sh", True),
            ("reload",),
            ("import", 7),
            ("log", 7),
            ("history", UUID, 9, 1),
        ]


async def test_history_may_be_empty_and_has_a_limit(bus: PrivateBus) -> None:
    async with serving(bus):
        assert (await call(bus, "GetHistory", "stu", "", "0", "0")).stdout == "aa{sv} 0\n"
        refused = await gdbus(bus, "org.tetraslibre.Back.GetHistory", "", "0", "1001")
        assert "org.freedesktop.DBus.Error.InvalidArgs" in error_of(refused)


@pytest.mark.parametrize(
    ("path", "method", "args", "error"),
    [
        ("/org/tetraslibre/Back", "org.tetraslibre.Back.SaveDisk", ("x", "y"), "InvalidArgs"),
        ("/org/tetraslibre/Back", "org.tetraslibre.Back.Plug", ("../etc",), "InvalidArgs"),
        ("/org/tetraslibre/Back", "org.tetraslibre.Back.Nothing", (), "UnknownMethod"),
        ("/org/tetraslibre/Back/disks/x", "org.freedesktop.DBus.Properties.GetAll", ("",),
         "UnknownObject"),
        ("/else", "org.freedesktop.DBus.Introspectable.Introspect", (), "UnknownObject"),
        (DISK_PATH, "org.tetraslibre.Back.Reload", (), "UnknownInterface"),
        (DISK_PATH, "org.freedesktop.DBus.ObjectManager.GetManagedObjects", (), "UnknownInterface"),
        (DISK_PATH, "org.freedesktop.DBus.Properties.Get",
         ("org.tetraslibre.Back.Disk", "Nothing"), "UnknownProperty"),
        (DISK_PATH, "org.freedesktop.DBus.Properties.Get",
         ("org.tetraslibre.Back.Backup", "Id"), "UnknownInterface"),
        (DISK_PATH, "org.freedesktop.DBus.Properties.Set",
         ("org.tetraslibre.Back.Disk", "Name", "<'new'>"), "PropertyReadOnly"),
    ],
)  # fmt: skip
async def test_what_is_not_in_the_contract_is_refused_by_name(
    bus: PrivateBus, path: str, method: str, args: tuple[str, ...], error: str
) -> None:
    async with serving(bus) as (_, control):
        refused = error_of(await gdbus(bus, method, *args, path=path))
        assert f"org.freedesktop.DBus.Error.{error}" in refused
        assert "Traceback" not in refused
        assert control.calls == []


async def test_arguments_of_another_type_are_refused(bus: PrivateBus) -> None:
    async with serving(bus) as (_, control):
        for types in (("s", "x"), ("ssv", "x", "y", "s", "z"), ("a{sv}", "0"), ("aas", "0")):
            assert "takes arguments of the type" in error_of(await call(bus, "SaveDisk", *types))
        assert control.calls == []


async def test_errors_tell_one_line_and_no_insides(
    bus: PrivateBus, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(bus):
        refused = error_of(await gdbus(bus, "org.tetraslibre.Back.ForgetDisk", UUID))
        assert "org.tetraslibre.Back.Error.UnknownDisk: no such disk second line?" in refused
        broken = error_of(await call(bus, "Plug", "s", "/dev/sdz1"))
        assert broken == ("Call failed: internal error; the journal has the details")
    assert "an inside that nobody may see" in caplog.text


async def test_log_is_cut_and_cleaned(bus: PrivateBus) -> None:
    async with serving(bus) as (_, control):
        control.text = "old\n" + "x" * (2 << 20) + "\0\x1b[31m\udcffend\n"
        answer = (await call(bus, "GetLog", "t", "7")).stdout
        assert len(answer) < (1 << 20) + 100
        assert answer.endswith('x??[31m?end\\n"\n')


async def test_standard_interfaces(bus: PrivateBus) -> None:
    async with serving(bus):
        properties, peer = names.PROPERTIES_INTERFACE, names.PEER_INTERFACE
        got = await call(bus, "Get", "ss", "", "Name", path=DISK_PATH, interface=properties)
        assert got.stdout == 'v s "bleu"\n'
        everything = await call(bus, "GetAll", "s", names.DISK_INTERFACE, path=DISK_PATH,
                                interface=properties)  # fmt: skip
        assert everything.stdout.startswith('a{sv} 16 "UUID" s')
        assert (await call(bus, "Ping", path="/any/where", interface=peer)).returncode == 0
        for _ in range(2):
            machine_id = (await call(bus, "GetMachineId", interface=peer)).stdout.split('"')[1]
            assert machine_id == MACHINE_ID
        for _ in range(2):  # encoded, and from what has been encoded before
            objects = await call(bus, "GetManagedObjects", interface=names.OBJECT_MANAGER_INTERFACE)
            assert objects.stdout.startswith(f'a{{oa{{sa{{sv}}}}}} 3 "{DISK_PATH}" 1 ')


async def test_tree_can_be_walked(bus: PrivateBus) -> None:
    async with serving(bus):
        tree = await command(
            ["busctl", f"--address={bus.address}", "--list", "tree", names.BUS_NAME]
        )
        assert tree.stdout.removeprefix("/\n").split() == [
            "/org",
            "/org/tetraslibre",
            "/org/tetraslibre/Back",
            "/org/tetraslibre/Back/backups",
            "/org/tetraslibre/Back/backups/7",
            "/org/tetraslibre/Back/disks",
            DISK_PATH,
            "/org/tetraslibre/Back/jobs",
            "/org/tetraslibre/Back/jobs/9",
        ]
