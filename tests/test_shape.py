"""The shape of the program: who may import whom, and names that several files must share."""

import ast
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.process import PROJECT
from tetrasback import names
from tetrasback.core import signals
from tetrasback.relay.interface import CONTRACT as RELAY
from tetrasback.service.contract import Contract
from tetrasback.service.interface import CONTRACT, METHODS, SIGNALS
from tetrasback.service.introspect import Introspection

PACKAGE = PROJECT / "tetrasback"

PURE = frozenset({"names", "errors"})
CONFIG_DATA = frozenset({"config.model", "config.forms", "config.edits"})

# Part → the parts it may import, besides itself and PURE. The longest name that fits counts.
ARROWS: dict[str, frozenset[str]] = {
    "names": frozenset(),
    "errors": frozenset(),
    "wire": frozenset(),
    "lang": frozenset(),
    "host": frozenset(),
    "perl": frozenset(),
    "config": frozenset({"host", "perl", "snapshot.patterns", "snapshot.retention"}),
    "core": CONFIG_DATA,
    "ports": CONFIG_DATA | {"core"},
    "letters": frozenset({"core", "lang"}),
    "adapters": frozenset({"config", "core", "host", "lang", "letters", "ports"}),
    "recorder": frozenset({"core", "ports"}),
    "performer": frozenset({"core", "ports"}),
    "engine": CONFIG_DATA | {"core", "performer", "ports", "recorder"},
    "views": CONFIG_DATA | {"core", "ports", "wire"},
    "preparation": frozenset({"core", "engine", "ports"}),
    "retrieval": CONFIG_DATA | {"core", "engine", "ports", "views", "wire"},
    "control": frozenset(
        {"config", "core", "engine", "perl", "ports", "preparation", "retrieval", "views", "wire"}
    ),
    "service": frozenset({"core.signals", "wire"}),
    "daemon": frozenset(
        {"adapters", "config", "control", "core", "engine", "host", "ports", "service", "wire"}
    ),
    "client": frozenset({"host", "lang", "wire"}),
    "relay": frozenset({"client", "host", "lang", "service", "wire"}),
    "notifier": frozenset({"client", "host", "lang", "wire"}),
    "ctl": frozenset({"client", "lang", "perl", "wire"}),
    "scripts": frozenset(),
    "snapshot": frozenset(),
}

# Adapters never import each other; these are no adapters but what several of them share, or what
# one was too long for.
ADAPTER_HELPERS = frozenset(
    {
        *(
            "blockdev",
            "dbuscall",
            "description",
            "hang",
            "history_tables",
            "holders",
            "destination",
            "kernellog",
            "lease",
            "letterhead",
            "listing",
            "marks",
            "mounting",
            "mountpoint",
            "mountwatch",
            "nodes",
            "partitioning",
            "probing",
            "recipes",
            "running",
        ),
        *("session", "sim_disks", "sim_mail", "sim_records", "sim_tasks", "sim_wholes", "spindown"),
        *(
            "sysfs",
            "tools",
            "uevents",
            "window",
            "outbox",
            "outside",
            "sendmail",
            "trust",
            *("showing", "userview"),
        ),
    }
)

# What the core may use of the standard library: nothing that looks at the outside.
CORE_LIBRARY = frozenset(
    {
        *("collections", "dataclasses", "enum", "functools", "itertools", "math", "operator"),
        *("re", "typing", "unicodedata"),
    }
)

DBUS_LIBRARY_HOMES = ("service.", "client.", "adapters.inhibitor", "relay.link")


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """Name below the package, such as `core.state`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts)


def imports(path: Path) -> Iterator[str]:
    """Every module that is imported, at any depth; `from x import y` as x.y where y is one."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it leads"
            base = node.module or ""
            for alias in node.names:
                below = PROJECT / Path(*base.split("."), alias.name)
                is_module = below.with_suffix(".py").exists() or below.is_dir()
                yield f"{base}.{alias.name}" if is_module else base


def own_imports(path: Path) -> set[str]:
    """Modules of the package that are imported, by their name below it."""
    return {
        name.removeprefix("tetrasback.") for name in imports(path) if name.startswith("tetrasback.")
    }


def is_within(module: str, parts: frozenset[str]) -> bool:
    return any(module == part or module.startswith(part + ".") for part in parts)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_follow_the_arrows(path: Path) -> None:
    name = name_of(path)
    if name == "__init__":
        assert not own_imports(path)
        return
    part = name.split(".")[0]
    assert part in ARROWS, "a new part: say in ARROWS what it may import"
    allowed = ARROWS[part] | PURE | {part}
    if part in ("names", "wire"):
        allowed = frozenset()
    wrong = {module for module in own_imports(path) if not is_within(module, allowed)}
    assert not wrong, f"{name} may not import {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "adapters").glob("*.py")), ids=name_of)
def test_adapters_never_import_each_other(path: Path) -> None:
    wrong = {
        module
        for module in own_imports(path)
        if module.startswith("adapters.") and module.split(".")[1] not in ADAPTER_HELPERS
    }
    assert not wrong, f"{path.name} imports {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").glob("*.py")), ids=name_of)
def test_core_looks_at_nothing_outside(path: Path) -> None:
    wrong = {
        name
        for name in imports(path)
        if not name.startswith("tetrasback") and name.split(".")[0] not in CORE_LIBRARY
    }
    assert not wrong, f"{path.name} imports {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_dbus_library_stays_in_its_homes(path: Path) -> None:
    uses = any(name.split(".")[0] == "dbus_next" for name in imports(path))
    assert not uses or name_of(path).startswith(DBUS_LIBRARY_HOMES)


def members(interface: ET.Element) -> list[object]:
    """All that an interface says, without comments and the order of its members."""
    return sorted(
        (
            member.tag,
            member.attrib["name"],
            sorted((key, value) for key, value in member.attrib.items() if key != "name"),
            [sorted(child.attrib.items()) for child in member],
        )
        for member in interface
    )


def interfaces(text: str) -> dict[str, list[object]]:
    return {node.attrib["name"]: members(node) for node in ET.fromstring(text).iter("interface")}


@pytest.mark.parametrize("contract", [CONTRACT, RELAY], ids=lambda contract: contract.name)
def test_interface_file_equals_the_introspection(contract: Contract) -> None:
    written = interfaces((PROJECT / f"dbus/{contract.name}.xml").read_text())
    live = interfaces(Introspection(contract).document(list(contract.properties), ["child"]))
    assert written == live


def test_every_method_has_its_action_and_only_histories_have_none() -> None:
    without = {name for name, method in METHODS.items() if method.action is None}
    assert without == {"GetHistory", "GetJobs"}


def test_every_action_stands_in_the_policy_and_is_used() -> None:
    policies = [ET.parse(path) for path in (PROJECT / "polkit").glob("*.policy")]
    known = {action.attrib["id"] for policy in policies for action in policy.iter("action")}
    methods = [*METHODS.values(), *RELAY.methods.values()]
    assert known == {method.action for method in methods if method.action}


def test_rules_name_actions_that_exist() -> None:
    actions = {method.action for method in METHODS.values()}
    for path in (PROJECT / "polkit").glob("*.rules"):
        named = set(re.findall(r'"(org\.tetraslibre\.back\.[a-z-]+)"', path.read_text()))
        assert named
        assert named <= actions


def test_every_signal_of_the_core_has_its_arguments() -> None:
    assert set(SIGNALS) == set(signals.Signal.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize("contract", [CONTRACT, RELAY], ids=lambda contract: contract.name)
def test_bus_files_use_the_names_of_the_program(contract: Contract) -> None:
    policy = ET.parse(PROJECT / contract.policy)
    rules = list(policy.iter("allow"))
    assert {rule.attrib["own"] for rule in rules if "own" in rule.attrib} == {contract.name}
    sent = [rule.attrib for rule in rules if "send_destination" in rule.attrib]
    assert {rule["send_destination"] for rule in sent} == {contract.name}
    assert {rule["send_interface"] for rule in sent} == {
        contract.interface,
        names.PROPERTIES_INTERFACE,
        names.INTROSPECTABLE_INTERFACE,
        *([names.OBJECT_MANAGER_INTERFACE] if contract.collections else []),
        names.PEER_INTERFACE,
    }
    activation = (PROJECT / f"dbus/{contract.name}.service").read_text()
    assert f"\nName={contract.name}\n" in activation
