"""The files for D-Bus, polkit, udev and systemd, each judged by the program that reads it."""

import configparser
import re
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.harness import Polkitd, PrivateBus, User, run, run_as, wait_until
from tests.harness.process import BASE_ENVIRONMENT, OWN_MOUNTS, PROJECT, PYTHON, Process
from tetrasback import names

_POLICY = PROJECT / "polkit/org.tetraslibre.back.policy"
_POLICY_DTD = "/usr/share/polkit-1/policyconfig-1.dtd"
_BUS_DTD = "/usr/share/xml/dbus-1/introspect.dtd"

# The contract's table: what asks for a password, and what a person at the server just does.
_ADMIN = {
    *("save-disk", "forget-disk", "configure", "read-log"),
    *("list-snapshots", "pin-snapshot"),
}
_LOCAL = {"plug", "unplug", "run-backup", "cancel-backup", "cancel-job", "hold", "register-client"}
_SERVICES = ("org.tetraslibre.Back", "org.tetraslibre.Back.Relay")
_UNITS = {"tetras-back": "tetras-backd", "tetras-back-relay": "tetras-back-relay"}
_EACH_TIME = {"prepare-disk", "browse", "restore", "verify"}


@pytest.mark.parametrize(
    ("path", "dtd"),
    [
        *((f"dbus/{name}.xml", _BUS_DTD) for name in _SERVICES),
        ("polkit/org.tetraslibre.back.policy", _POLICY_DTD),
    ],
)
def test_xml_is_valid(path: str, dtd: str) -> None:
    done = run(["xmllint", "--nonet", "--noout", "--dtdvalid", dtd, PROJECT / path], check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("service", _SERVICES)
def test_every_member_of_the_interfaces_is_described(service: str) -> None:
    text = (PROJECT / f"dbus/{service}.xml").read_text()
    members = re.findall(
        r"<!--\s+(\w+):\n((?:(?!-->).)*)-->\s+<(method|signal|property)", text, re.S
    )
    described = [name for name, _, _ in members]
    root = ElementTree.fromstring(text.encode())
    wanted = []
    for interface in root.iter("interface"):
        wanted += [member.get("name") for member in interface if member.tag != "annotation"]
    assert described == wanted
    for member, (_, comment, _) in zip(
        (member for interface in root.iter("interface") for member in interface),
        members,
        strict=True,
    ):
        arguments = [argument.get("name") for argument in member.iter("arg")]
        assert re.findall(r"@(\w+):", comment) == arguments, member.get("name")


@pytest.mark.parametrize("service", _SERVICES)
def test_manual_of_the_interface_names_every_member(service: str) -> None:
    manual = (PROJECT / "man/org.tetraslibre.Back.5").read_text()
    root = ElementTree.parse(PROJECT / f"dbus/{service}.xml").getroot()
    for interface in root.iter("interface"):
        for member in interface:
            name = member.attrib["name"]
            arguments = [f"{a.attrib['type']} {a.attrib['name']}" for a in member.iter("arg")]
            inputs = [
                text
                for text, arg in zip(arguments, member.iter("arg"), strict=True)
                if arg.get("direction") != "out"
            ]
            if member.tag == "property":
                assert f"Sy {name} No {member.attrib['type']}" in manual
            else:
                assert " ".join([f".It Fn {name}", *(f'"{text}"' for text in inputs)]) in manual


def test_policy_has_the_contracts_defaults() -> None:
    found = {}
    for action in ElementTree.parse(_POLICY).iter("action"):
        defaults = tuple(value.text for value in action.iterfind("defaults/*"))
        found[action.attrib["id"].removeprefix(names.ACTION_PREFIX)] = defaults
    keep = "auth_admin_keep"
    assert found == {
        **dict.fromkeys(_ADMIN, (keep, keep, keep)),
        **dict.fromkeys(_EACH_TIME, ("auth_admin",) * 3),
        **dict.fromkeys(_LOCAL, (keep, keep, "yes")),
    }


def test_relay_owns_its_action() -> None:
    owners = {
        action.attrib["id"]: owner.text
        for action in ElementTree.parse(_POLICY).iter("action")
        for owner in action.iterfind("annotate[@key='org.freedesktop.policykit.owner']")
    }
    assert owners == {names.ACTION_PREFIX + "register-client": f"unix-user:{names.RELAY_USER}"}


def test_policy_speaks_english_and_french() -> None:
    language = "{http://www.w3.org/XML/1998/namespace}lang"
    for action in ElementTree.parse(_POLICY).iter("action"):
        for tag in ("description", "message"):
            assert [item.get(language) for item in action.iter(tag)] == [None, "fr"]


def test_real_polkitd_knows_every_action(polkitd: Polkitd) -> None:
    own = {name for name in polkitd.actions() if name.startswith(names.ACTION_PREFIX)}
    assert own == {names.ACTION_PREFIX + name for name in _ADMIN | _EACH_TIME | _LOCAL}
    assert "rror" not in polkitd.process.tail()


def test_bus_turns_away_what_the_contract_does_not_list(bus: PrivateBus, user: User) -> None:
    def call(method: str) -> str:
        words = ["gdbus", "call", "--system", "--timeout=5", "--dest", names.BUS_NAME]
        words += ["--object-path", names.ROOT_PATH, "--method", method]
        return run_as(user, words, env=bus.environment).stderr

    # Somebody must own the name; what a call that comes through gets does not matter here.
    stand_in = [PYTHON, "-m", "dbusmock", "--system", names.BUS_NAME, names.ROOT_PATH, "org.x.Y"]
    process = Process(stand_in, log=bus.directory / "mock.log", env=bus.environment)
    wait_until(lambda: bus.has_owner(names.BUS_NAME), "the name to be owned")
    assert call("org.freedesktop.DBus.Peer.Ping") == ""
    assert "UnknownMethod" in call("org.tetraslibre.Back.Reload")
    assert "AccessDenied" in call("org.tetraslibre.Back.Disk.Anything")
    assert "AccessDenied" in call("org.example.Other.Method")
    process.stop()


@pytest.mark.parametrize("name", _SERVICES)
def test_nobody_else_may_own_the_name(bus: PrivateBus, user: User, name: str) -> None:
    request = [
        *("busctl", f"--address={bus.address}", "call", "org.freedesktop.DBus"),
        *("/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName"),
        *("su", name, "4"),
    ]
    assert "Access denied" in run_as(user, request, env=bus.environment).stderr


@pytest.mark.parametrize(
    ("name", "program", "user", "unit"),
    [
        (names.BUS_NAME, "tetras-backd", "root", "tetras-back.service"),
        (names.RELAY_NAME, "tetras-back-relay", names.RELAY_USER, "tetras-back-relay.service"),
    ],
)
def test_activation_starts_the_unit(name: str, program: str, user: str, unit: str) -> None:
    service = configparser.ConfigParser()
    service.read(PROJECT / f"dbus/{name}.service")
    assert dict(service["D-BUS Service"]) == {
        "name": name,
        "exec": f"/usr/sbin/{program}",
        "user": user,
        "systemdservice": unit,
    }


def _unit(name: str, directory: Path) -> Path:
    """A unit whose program is there; ours is not installed here."""
    unit = directory / f"{name}.service"
    text = (PROJECT / "systemd" / unit.name).read_text()
    unit.write_text(text.replace(f"/usr/sbin/{_UNITS[name]}", "/bin/true"))
    return unit


@pytest.mark.parametrize("name", _UNITS)
def test_systemd_accepts_the_unit(name: str, tmp_path: Path) -> None:
    unit = _unit(name, tmp_path)
    done = run(["systemd-analyze", "verify", "--man=no", unit], check=False)
    assert done.returncode == 0, done.stderr
    assert unit.name not in done.stderr


def test_systemd_accepts_the_users_unit(tmp_path: Path) -> None:
    unit = tmp_path / "tetras-back-notify.service"
    text = (PROJECT / "systemd/user" / unit.name).read_text()
    unit.write_text(text.replace("/usr/bin/tetras-back-notify", "/bin/true"))
    done = run(
        ["systemd-analyze", "--user", "verify", "--man=no", unit],
        env={**BASE_ENVIRONMENT, "XDG_RUNTIME_DIR": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert unit.name not in done.stderr


def test_autostart_and_unit_start_the_same_program_but_not_both() -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment, method-assign]
    entry.read(PROJECT / "systemd/user/tetras-back-notify.desktop")
    desktop = entry["Desktop Entry"]
    unit = (PROJECT / "systemd/user/tetras-back-notify.service").read_text()
    assert f"\nExecStart={desktop['Exec']}\n" in unit
    assert desktop["TryExec"] == desktop["Exec"]
    assert desktop["X-systemd-skip"] == "true"  # where systemd reads it, the unit is there
    for key in ("Name", "Comment"):
        assert desktop[key] != desktop[f"{key}[fr]"]
    run(["desktop-file-validate", PROJECT / "systemd/user/tetras-back-notify.desktop"])


def test_sysusers_makes_the_group_and_the_relays_user(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for database in ("passwd", "group"):
        shutil.copy(Path("/etc", database), tmp_path / "etc")
    run(["systemd-sysusers", f"--root={tmp_path}", PROJECT / "systemd/tetras-back.sysusers"])
    groups = (tmp_path / "etc/group").read_text()
    assert re.search(r"^tetras-back:", groups, re.MULTILINE)
    assert not re.search(rf":.*\b{names.RELAY_USER}$", groups, re.MULTILINE)
    users = (tmp_path / "etc/passwd").read_text()
    assert re.search(rf"^{names.RELAY_USER}:.*:/usr/sbin/nologin$", users, re.MULTILINE)


def test_tmpfiles_makes_the_directories(tmp_path: Path) -> None:
    for directory in ("etc", "run", "var/lib"):
        (tmp_path / directory).mkdir(parents=True)
    tmpfiles = PROJECT / "systemd/tetras-back.tmpfiles"
    run(["systemd-tmpfiles", "--create", f"--root={tmp_path}", tmpfiles])
    assert (tmp_path / "var/lib/tetras-back").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "etc/tetras-back").is_dir()


def test_udev_understands_the_rules(tmp_path: Path) -> None:
    # udevadm reads rules from fixed places: a /run of its own leaves the machine's alone.
    script = (
        'mount -t tmpfs tmpfs /run && mkdir -p /run/udev/rules.d && cp "$1" /run/udev/rules.d/ &&'
        " exec udevadm test --action=change /sys/block/loop0"
    )
    rules = PROJECT / "udev/90-tetras-back.rules"
    enter = [*OWN_MOUNTS, "sh", "-c", script, "sh"]
    told = run([*enter, rules], check=False).stderr
    assert f"Reading rules file: /run/udev/rules.d/{rules.name}" in told
    assert f"{rules.name}:" not in told  # every complaint begins with file and line

    broken = tmp_path / "90-broken.rules"
    broken.write_text(rules.read_text().replace('SUBSYSTEMS=="usb"', 'SUBSISTEMS=="usb"'))
    assert "90-broken.rules:" in run([*enter, broken], check=False).stderr


def test_udev_rules_run_nothing() -> None:
    for path in (PROJECT / "udev").iterdir():
        rules = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        assert not re.search(r"\b(RUN|PROGRAM|IMPORT)\b", "\n".join(rules))
