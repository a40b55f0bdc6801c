"""The files for D-Bus, polkit, udev and systemd, each judged by the program that reads it."""

import configparser
import re
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.harness import Polkitd, PrivateBus, User, run, run_as, wait_until
from tests.harness.process import PROJECT, PYTHON, Process
from tetrasback import names

_POLICY = PROJECT / "polkit/org.tetraslibre.back.policy"
_POLICY_DTD = "/usr/share/polkit-1/policyconfig-1.dtd"
_BUS_DTD = "/usr/share/xml/dbus-1/introspect.dtd"

# The contract's table: what asks for a password, and what a person at the server just does.
_ADMIN = {"save-disk", "forget-disk", "configure", "read-log"}
_LOCAL = {"plug", "unplug", "run-backup", "cancel-backup"}


@pytest.mark.parametrize(
    ("path", "dtd"),
    [
        ("dbus/org.tetraslibre.Back.xml", _BUS_DTD),
        ("polkit/org.tetraslibre.back.policy", _POLICY_DTD),
    ],
)
def test_xml_is_valid(path: str, dtd: str) -> None:
    done = run(["xmllint", "--nonet", "--noout", "--dtdvalid", dtd, PROJECT / path], check=False)
    assert done.returncode == 0, done.stderr


def test_every_member_of_the_interfaces_is_described() -> None:
    text = (PROJECT / "dbus/org.tetraslibre.Back.xml").read_text()
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


def test_manual_of_the_interface_names_every_member() -> None:
    manual = (PROJECT / "man/org.tetraslibre.Back.5").read_text()
    root = ElementTree.parse(PROJECT / "dbus/org.tetraslibre.Back.xml").getroot()
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
        **dict.fromkeys(_LOCAL, (keep, keep, "yes")),
    }


def test_policy_speaks_english_and_french() -> None:
    language = "{http://www.w3.org/XML/1998/namespace}lang"
    for action in ElementTree.parse(_POLICY).iter("action"):
        for tag in ("description", "message"):
            assert [item.get(language) for item in action.iter(tag)] == [None, "fr"]


def test_real_polkitd_knows_every_action(polkitd: Polkitd) -> None:
    own = {name for name in polkitd.actions() if name.startswith(names.ACTION_PREFIX)}
    assert own == {names.ACTION_PREFIX + name for name in _ADMIN | _LOCAL}
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


def test_only_root_may_own_the_name(bus: PrivateBus, user: User) -> None:
    request = [
        *("busctl", f"--address={bus.address}", "call", "org.freedesktop.DBus"),
        *("/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName"),
        *("su", names.BUS_NAME, "4"),
    ]
    assert "Access denied" in run_as(user, request, env=bus.environment).stderr


def test_activation_starts_the_unit() -> None:
    service = configparser.ConfigParser()
    service.read(PROJECT / "dbus/org.tetraslibre.Back.service")
    assert dict(service["D-BUS Service"]) == {
        "name": names.BUS_NAME,
        "exec": "/usr/sbin/tetras-backd",
        "user": "root",
        "systemdservice": "tetras-back.service",
    }


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    # Its program is not installed here; anything that exists will do to judge the rest.
    unit = tmp_path / "tetras-back.service"
    text = (PROJECT / "systemd/tetras-back.service").read_text()
    unit.write_text(text.replace("/usr/sbin/tetras-backd", "/bin/true"))
    done = run(["systemd-analyze", "verify", "--man=no", unit], check=False)
    assert done.returncode == 0, done.stderr
    assert "tetras-back.service" not in done.stderr


def test_sysusers_makes_the_group(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for database in ("passwd", "group"):
        shutil.copy(Path("/etc", database), tmp_path / "etc")
    run(["systemd-sysusers", f"--root={tmp_path}", PROJECT / "systemd/tetras-back.sysusers"])
    assert re.search(r"^tetras-back:", (tmp_path / "etc/group").read_text(), re.MULTILINE)


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
    enter = ["unshare", "--mount", "--propagation=private", "sh", "-c", script, "sh"]
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
