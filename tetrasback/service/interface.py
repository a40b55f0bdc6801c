"""The daemon's three interfaces, as tables: methods with their polkit action, properties, signals.

A method is one line that maps onto Control; `dispatch` calls nothing that does not stand here, and
`introspect` describes nothing else.
"""

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, Final

from tetrasback import names, wire
from tetrasback.core import signals
from tetrasback.service.api import Control
from tetrasback.service.contract import Arguments, Collection, Contract, Method
from tetrasback.service.text import safe_lines
from tetrasback.service.values import plain


async def _save_disk(control: Control, args: Sequence[Any]) -> str:
    return names.disk_path(await control.save_disk(args[0], args[1]))


async def _plug(control: Control, args: Sequence[Any]) -> str:
    return names.disk_path(await control.plug(args[0]))


async def _run_backup(control: Control, args: Sequence[Any]) -> str:
    return names.backup_path(await control.run_backup(args[0]))


async def _prepare_disk(control: Control, args: Sequence[Any]) -> str:
    return names.disk_path(await control.prepare_disk(args[0], args[1], args[2], args[3]))


async def _import_configuration(control: Control, args: Sequence[Any]) -> list[str]:
    remarks: list[str] = plain("as", await control.import_configuration(args[0]))
    return remarks


async def _get_history(control: Control, args: Sequence[Any]) -> list[Any]:
    entries = await control.history(args[0], args[1], args[2]) if args[2] else ()
    return [plain("a{sv}", wire.to_wire(entry)) for entry in entries]


async def _list_snapshots(control: Control, args: Sequence[Any]) -> list[Any]:
    found = await control.retrieval.list_snapshots(args[0])
    return [plain("a{sv}", wire.to_wire(item)) for item in found]


async def _verify(control: Control, args: Sequence[Any]) -> str:
    return names.job_path(await control.retrieval.verify(args[0], args[1], args[2]))


async def _restore(control: Control, args: Sequence[Any]) -> str:
    uuid, snapshot, paths, destination, options = args
    return names.job_path(
        await control.retrieval.restore(uuid, snapshot, paths, destination, options)
    )


async def _get_jobs(control: Control, args: Sequence[Any]) -> list[Any]:
    entries = await control.retrieval.jobs(args[0], args[1], args[2]) if args[2] else ()
    return [plain("a{sv}", wire.to_wire(entry)) for entry in entries]


async def _get_job_log(control: Control, args: Sequence[Any]) -> str:
    return safe_lines(await control.retrieval.job_log(args[0]))


async def _get_log(control: Control, args: Sequence[Any]) -> str:
    return safe_lines(await control.log(args[0]))


def _action(verb: str) -> str:
    return names.ACTION_PREFIX + verb


_METHODS: Final = (
    Method(
        "SaveDisk",
        (("s", "uuid"), ("s", "name")),
        ("o", "disk"),
        _action("save-disk"),
        _save_disk,
    ),
    Method(
        "ForgetDisk",
        (("s", "uuid"),),
        None,
        _action("forget-disk"),
        lambda control, args: control.forget_disk(args[0]),
    ),
    Method("Plug", (("s", "device"),), ("o", "disk"), _action("plug"), _plug),
    Method(
        "Unplug",
        (("s", "device"),),
        None,
        _action("unplug"),
        lambda control, args: control.unplug(args[0]),
    ),
    Method("RunBackup", (("s", "uuid"),), ("o", "backup"), _action("run-backup"), _run_backup),
    Method(
        "CancelBackup",
        (("s", "uuid"),),
        None,
        _action("cancel-backup"),
        lambda control, args: control.cancel_backup(args[0]),
    ),
    Method(
        "Hold",
        (("s", "uuid"), ("u", "minutes")),
        None,
        _action("hold"),
        lambda control, args: control.hold(args[0], args[1]),
    ),
    Method(
        "Release",
        (("s", "uuid"),),
        None,
        _action("hold"),
        lambda control, args: control.unhold(args[0]),
    ),
    Method(
        "PrepareDisk",
        (("s", "device"), ("s", "name"), ("s", "filesystem"), ("b", "erase")),
        ("o", "disk"),
        _action("prepare-disk"),
        _prepare_disk,
        as_shown=True,  # a password takes time, in which another disk may get the same node
    ),
    Method(
        "SetScriptEnabled",
        (("s", "script"), ("b", "enabled")),
        None,
        _action("configure"),
        lambda control, args: control.set_script_enabled(args[0], args[1]),
    ),
    Method("Reload", (), None, _action("configure"), lambda control, args: control.reload()),
    Method(
        "ImportConfiguration",
        (("s", "text"),),
        ("as", "remarks"),
        _action("configure"),
        _import_configuration,
    ),
    Method(
        "GetHistory",
        (("s", "uuid"), ("t", "before"), ("u", "limit")),
        ("aa{sv}", "entries"),
        None,
        _get_history,
    ),
    Method("GetLog", (("t", "id"),), ("s", "log"), _action("read-log"), _get_log),
    Method(
        "ListSnapshots",
        (("s", "uuid"),),
        ("aa{sv}", "snapshots"),
        _action("list-snapshots"),
        _list_snapshots,
    ),
    Method(
        "PinSnapshot",
        (("s", "uuid"), ("s", "snapshot"), ("b", "pinned")),
        None,
        _action("pin-snapshot"),
        lambda control, args: control.retrieval.pin_snapshot(args[0], args[1], args[2]),
    ),
    Method(
        "Browse",
        (("s", "uuid"), ("s", "snapshot")),
        ("s", "path"),
        _action("browse"),
        lambda control, args: control.retrieval.browse(args[0], args[1], args[2]),
        for_user=True,
    ),
    Method(
        "EndBrowse",
        (("s", "uuid"),),
        None,
        _action("browse"),
        lambda control, args: control.retrieval.end_browse(args[0]),
    ),
    Method(
        "Verify",
        (("s", "uuid"), ("s", "snapshot"), ("u", "percent")),
        ("o", "job"),
        _action("verify"),
        _verify,
    ),
    Method(
        "Restore",
        (
            ("s", "uuid"),
            ("s", "snapshot"),
            ("as", "paths"),
            ("s", "destination"),
            ("a{sv}", "options"),
        ),
        ("o", "job"),
        _action("restore"),
        _restore,
    ),
    Method(
        "CancelJob",
        (("t", "id"),),
        None,
        _action("cancel-job"),
        lambda control, args: control.retrieval.cancel_job(args[0]),
    ),
    Method(
        "GetJobs",
        (("s", "uuid"), ("t", "before"), ("u", "limit")),
        ("aa{sv}", "entries"),
        None,
        _get_jobs,
    ),
    Method("GetJobLog", (("t", "id"),), ("s", "log"), _action("read-log"), _get_job_log),
)

METHODS: Final = {method.name: method for method in _METHODS}
"""Every method of `org.tetraslibre.Back`, by name."""

PROPERTIES: Final = {
    names.MANAGER_INTERFACE: wire.signature_of(wire.ManagerView),
    names.DISK_INTERFACE: wire.signature_of(wire.DiskView),
    names.BACKUP_INTERFACE: wire.signature_of(wire.BackupView),
    names.JOB_INTERFACE: wire.signature_of(wire.JobView),
}
"""Interface → property → signature. Nobody can set one."""

CONSTANT: Final = frozenset({(names.MANAGER_INTERFACE, "Version")})
"""(interface, property) that stay as they are while the daemon runs."""

SIGNALS: Final[dict[type[signals.Signal], Arguments]] = {
    signals.DiskSaved: (("s", "uuid"), ("s", "name")),
    signals.DiskForgotten: (("s", "uuid"),),
    signals.DiskPlugged: (("s", "uuid"), ("s", "device")),
    signals.DiskUnplugged: (("s", "uuid"), ("s", "device")),
    signals.DiskRejected: (("s", "uuid"), ("s", "device"), ("s", "reason")),
    signals.BackupStarted: (("o", "backup"), ("s", "uuid"), ("s", "name")),
    signals.BackupProgress: (("o", "backup"), ("d", "fraction"), ("s", "step")),
    signals.BackupFinished: (("o", "backup"), ("s", "uuid"), ("s", "verdict"), ("s", "message")),
    signals.SafeToUnplug: (("s", "uuid"), ("s", "device")),
    signals.JobStarted: (("o", "job"), ("s", "kind"), ("s", "uuid")),
    signals.JobProgress: (("o", "job"), ("d", "fraction"), ("s", "step")),
    signals.JobFinished: (
        ("o", "job"),
        ("s", "kind"),
        ("s", "uuid"),
        ("s", "verdict"),
        ("s", "message"),
    ),
}
"""Class in the core → arguments; the signal's name is the class's."""


def signal_body(signal: signals.Signal) -> list[Any]:
    """The arguments of a signal, ready for the library."""
    paths = {"backup": names.backup_path, "job": names.job_path}
    return [
        paths[name](value) if signature == "o" else plain(signature, value)
        for (signature, name), value in zip(SIGNALS[type(signal)], astuple(signal), strict=True)
    ]


CONTRACT: Final = Contract(
    program="tetras-backd",
    name=names.BUS_NAME,
    policy="dbus/org.tetraslibre.Back.conf",
    root=names.ROOT_PATH,
    interface=names.MANAGER_INTERFACE,
    methods=METHODS,
    properties=PROPERTIES,
    constant=CONSTANT,
    collections=(
        Collection(names.DISK_INTERFACE, names.disk_path),
        Collection(names.BACKUP_INTERFACE, names.backup_path, frozenset({"State", "Verdict"})),
        Collection(names.JOB_INTERFACE, names.job_path, frozenset({"State", "Verdict"})),
    ),
    signals={signal.__name__: arguments for signal, arguments in SIGNALS.items()},
    passing=frozenset({signals.BackupProgress.__name__, signals.JobProgress.__name__}),
    signal_body=signal_body,
)
"""`org.tetraslibre.Back`, as `service.Service` serves it."""
