"""Callers without rights, on a bus that lets everybody do everything: the daemon says no."""

import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.bus.contract import Caller, LoneDaemon, PlainBus, caller
from tests.harness import LoopDisk, Polkitd, PrivateBus, User, run_as
from tetrasback import names

UUID = "0b5a9f3e-77aa-4c1d-9e2f-0123456789ab"
CALLS = {
    "SaveDisk": ("save-disk", UUID, "vert"),
    "ForgetDisk": ("forget-disk", UUID),
    "Plug": ("plug", "/dev/no-such-device"),
    "Unplug": ("unplug", "/dev/no-such-device"),
    "RunBackup": ("run-backup", UUID),
    "CancelBackup": ("cancel-backup", UUID),
    "PrepareDisk": ("prepare-disk", "/dev/no-such-device", "vert", "ext4", "false"),
    "SetScriptEnabled": ("configure", "no-such-script.sh", "true"),
    "Reload": ("configure",),
    "ImportConfiguration": ("configure", "%CFG = ();"),
    "GetLog": ("read-log", "99"),
}
"""Method → action, arguments; each would be an error of another kind for root, or do something."""
OPERATORS = {"Plug", "Unplug", "RunBackup", "CancelBackup"}
MALFORMED = {
    "SaveDisk": ("x", "vert"),
    "ForgetDisk": ("x",),
    "Plug": ("/etc/passwd",),
    "Unplug": ("--help",),
    "RunBackup": ("",),
    "CancelBackup": ("../x",),
    "PrepareDisk": ("/dev/no-such-device", "vert", "exfat", "false"),
    "SetScriptEnabled": ("a/b", "true"),
    "GetHistory": ("x", "0", "1"),
}


@pytest.fixture
def plain_bus(workspace: Path) -> Iterator[PrivateBus]:
    with PlainBus(workspace) as running:
        yield running


@pytest.fixture
def daemon(plain_bus: PrivateBus, workspace: Path) -> Iterator[LoneDaemon]:
    text = f'[backup]\nscripts = ["ok.sh"]\n[disks."{UUID}"]\nname = "bleu"\n'
    with LoneDaemon(plain_bus, workspace, text) as running:
        yield running


@pytest.fixture
async def root(daemon: LoneDaemon) -> AsyncIterator[Caller]:
    """Root, who sees that nothing has happened in the end."""
    async with caller(daemon.bus) as connected:
        before = daemon.config.read_text(), await connected.everything()
        yield connected
        assert (daemon.config.read_text(), await connected.everything()) == before
        assert connected.signals() == []


def ask(daemon: LoneDaemon, user: User, method: str, *arguments: str) -> str:
    """Call as USER; the error's full name, or the answer."""
    done: subprocess.CompletedProcess[str] = run_as(
        user,
        [
            *("gdbus", "call", "--address", daemon.bus.address, "--dest", names.BUS_NAME),
            *("--object-path", names.ROOT_PATH, "--timeout", "30"),
            *("--method", f"{names.MANAGER_INTERFACE}.{method}", "--", *arguments),
        ],
        env=daemon.client_environment,
    )
    if done.returncode == 0:
        return done.stdout.strip()
    _, found, rest = done.stderr.partition("GDBus.Error:")
    assert found, done.stderr
    return rest.split(":", 1)[0]


async def test_without_polkit_only_root_may(root: Caller, daemon: LoneDaemon, user: User) -> None:
    for method, (_, *arguments) in CALLS.items():
        assert ask(daemon, user, method, *arguments) == names.DBUS_ERROR_PREFIX + "AccessDenied"
    for method, wrong in MALFORMED.items():
        assert ask(daemon, user, method, *wrong) == names.DBUS_ERROR_PREFIX + "InvalidArgs"
    assert ask(daemon, user, "GetHistory", "", "0", "10") == "(@aa{sv} [],)"


async def test_with_polkit_a_password_would_help(
    root: Caller, daemon: LoneDaemon, user: User
) -> None:
    with Polkitd(daemon.bus) as polkitd:
        assert {names.ACTION_PREFIX + action for action, *_ in CALLS.values()} <= polkitd.actions()
        for method, (_, *arguments) in CALLS.items():
            error = names.DBUS_ERROR_PREFIX + "InteractiveAuthorizationRequired"
            assert ask(daemon, user, method, *arguments) == error, method


async def test_operators_may_run_backups_and_no_more(
    root: Caller, daemon: LoneDaemon, operator: User
) -> None:
    wanted = {
        "Plug": "NoSuchDevice",
        "Unplug": "NoSuchDevice",
        "RunBackup": "NotPlugged",
        "CancelBackup": "NotRunning",
    }
    assert wanted.keys() == OPERATORS
    with Polkitd(daemon.bus):
        for method, (_, *arguments) in CALLS.items():
            error = ask(daemon, operator, method, *arguments)
            if method in wanted:
                assert error == names.ERROR_PREFIX + wanted[method]
            else:
                assert error == names.DBUS_ERROR_PREFIX + "InteractiveAuthorizationRequired"


async def test_anybody_may_read_and_listen_but_change_nothing(
    root: Caller, daemon: LoneDaemon, user: User
) -> None:
    argv = ["busctl", f"--address={daemon.bus.address}"]
    for words in (
        ["tree", names.BUS_NAME],
        ["introspect", names.BUS_NAME, names.ROOT_PATH],
        ["introspect", names.BUS_NAME, names.disk_path(UUID)],
        ["get-property", names.BUS_NAME, names.ROOT_PATH, names.MANAGER_INTERFACE, "Alerts"],
    ):
        assert run_as(user, [*argv, *words], env=daemon.client_environment).returncode == 0
    for path, interface, name, kind, value in (
        (names.ROOT_PATH, names.MANAGER_INTERFACE, "Busy", "b", "true"),
        (names.disk_path(UUID), names.DISK_INTERFACE, "Saved", "b", "false"),
    ):
        done = run_as(
            user,
            [*argv, "set-property", names.BUS_NAME, path, interface, name, kind, value],
            env=daemon.client_environment,
        )
        assert done.returncode != 0
        assert "no property can be set" in done.stderr


async def test_a_refused_caller_learns_nothing_of_devices(
    root: Caller, daemon: LoneDaemon, user: User, loop_disk: Callable[..., LoopDisk]
) -> None:
    there = loop_disk("ext4", 16).attach()
    for device in (there, "/dev/null", "/dev/no-such-device"):
        for method in ("Plug", "Unplug"):
            error = ask(daemon, user, method, device)
            assert error == names.DBUS_ERROR_PREFIX + "AccessDenied"
