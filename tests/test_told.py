"""What the daemon and the relay say on the bus, and the list by which it is said in French, agree.

A sentence that is changed in one of them and not in the other would be shown in English, behind
what its code says.
"""

import ast
import errno
import os
import re
from pathlib import Path

import pytest

from tests.harness.process import PROJECT
from tetrasback import errors
from tetrasback.lang.english import SENTENCES

PACKAGE = PROJECT / "tetrasback"
CLIENTS = frozenset({"client", "ctl", "lang", "notifier", "letters"})
VALUE = "x"

SAYING = frozenset(
    {
        "Fault",
        "Finding",
        "Alert",
        *(kind.__name__ for kind in errors.BY_NAME.values()),
        "Failed",
        "HistoryError",
    }
)
"""What is made with a sentence that goes out."""

# Never shown by a client: the programs' own ends at their start, and a simulation.
UNHEARD = ("adapters/sim", "adapters/mounting.py", "service/link.py", "service/service.py")

# Said to whoever writes a program; and what stands between the values is no sentence.
FOR_PROGRAMS = frozenset(
    {
        f"{VALUE}: {VALUE}",
        f"another tetras-backd uses {VALUE}: stop it, or give another --state-dir",
        f"the system bus has not answered for {VALUE} s; is dbus-daemon stopped?",
        f"the system bus does not answer ({VALUE})",
        "this machine has no machine id; systemd-machine-id-setup makes one",
        f'{VALUE} takes arguments of the type "{VALUE}"',
        "no property can be set; methods change things",
        f"name the interface of {VALUE}",
        f"there is no interface {VALUE} here",
        f"there is no interface {VALUE} here; Introspect shows them",
        f"there is no property {VALUE}; GetAll shows those there are",
    }
)

# Put together from parts, which stand in the list as a whole.
COMPOSED = {
    "{script} gave {count} warning": f"{VALUE} gave {VALUE} warning{VALUE}",
    "{script} gave {count} warnings": f"{VALUE} gave {VALUE} warning{VALUE}",
    "kept running although they were to be stopped: {units}": (
        "kept running although they were to be stopped"
    ),
    "could not be started again: {units}": "could not be started again",
    "disk {disk} is plugged but not saved": "but not saved",
    (
        "disk {disk} is plugged but cannot take backups as it is ({fstype}); to erase it and make"
        " it a backup disk: {command}"
    ): (
        f"but cannot take backups as it is ({VALUE}); to erase it and make it a backup disk:"
        f" tetras-backctl prepare {VALUE} --name NAME --erase"
    ),
    "{file}: is empty; to start afresh, write a comment into it": "empty",
    "{file}: is missing; to start afresh, write a comment into it": "missing",
    "{device} could not be read: {why}; have the disk checked": "read",
    "{device} could not be written to: {why}; have the disk checked": "written to",
    "{device} was pulled out while being read": "read",
    "{device} was pulled out while being written to": "written to",
    "{device} could not be looked at: {why}": "looked at",
    "{device} could not be erased: {why}": "erased",
    "{device} could not be partitioned: {why}": "partitioned",
    "{device} could not be written to: {why}": "written to",
    "{device} could not be let go of: {why}": "let go of",
    "partitioning {device}": "partitioning",
    "making the file system on {device}": "making the file system on",
    "{folder}, {size}, to make room": "to make room",
    "{folder}, {size}, as the rules say": "as the rules say",
    "{folder}, {size} so far, to make room": " so far",
    "{folder}, {size} so far, as the rules say": " so far",
    "the source {path} is empty or missing; nothing is deleted from the disk": (
        "is empty or missing"
    ),
    (
        "the source {path} has shrunk from {before} files to {after} since the last backup;"
        " nothing is deleted from the disk"
    ): f"has shrunk from {VALUE} files to {VALUE} since the last backup",
    (
        "the source {path} has shrunk from {before} bytes to {after} since the last backup;"
        " nothing is deleted from the disk"
    ): f"has shrunk from {VALUE} bytes to {VALUE} since the last backup",
    (
        "the disk is full: about {needed} needed, {free} free, and nothing may be deleted in this"
        " run; use a larger disk"
    ): ", and nothing may be deleted in this run",
    (
        "the disk is full: about {needed} needed, {free} free; use a larger disk"
    ): f"the disk is full: about {VALUE} needed, {VALUE} free{VALUE}; use a larger disk",
    "{what} failed: {program} was ended": f"{VALUE} was ended",
    "{device} data of no known kind": "data of no known kind",
}
FRAMES = frozenset(
    {
        f"{VALUE} could not be {VALUE}: {VALUE}",
        f"{VALUE} was pulled out while being {VALUE}",
        f"{VALUE}: is {VALUE}; to start afresh, write a comment into it",
        f"disk {VALUE} is plugged {VALUE}",
    }
)
"""What the parts are put into."""

SYSTEM = frozenset(os.strerror(number) for number in errno.errorcode)


def pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(sentence)))


PATTERNS = [pattern(sentence) for sentence in SENTENCES]


def written(node: ast.expr) -> list[str]:
    """The texts that an expression may be, with VALUE for what is not written in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        parts = [item.value if isinstance(item, ast.Constant) else VALUE for item in node.values]
        return ["".join(str(part) for part in parts)]
    if isinstance(node, ast.IfExp):
        return written(node.body) + written(node.orelse)
    return []


def called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def programs() -> list[Path]:
    return [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in CLIENTS
    ]


@pytest.fixture(scope="module")
def said() -> set[str]:
    """Every text in the programs."""
    found = {
        text
        for path in programs()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.expr)
        for text in written(node)
    }
    # What tetras-back-snapshot says to a script, which says it on.
    found |= {re.sub(r"\{\w+\}", VALUE, text.partition(": ")[2]) for text in found}
    for script in (PACKAGE / "scripts").glob("*.sh"):
        for text in re.findall(r'"((?:[^"\\]|\\.)*)"', script.read_text()):
            found.add(re.sub(r"\$\{[^}]*\}|\$\(\([^)]*\)\)|\$\w+", VALUE, text))
    return found


@pytest.mark.parametrize("sentence", SENTENCES)
def test_what_is_listed_is_said(said: set[str], sentence: str) -> None:
    if sentence in COMPOSED:
        assert COMPOSED[sentence] in said
    else:
        found = pattern(sentence)
        assert sentence in SYSTEM or any(found.fullmatch(text) for text in said)


@pytest.mark.parametrize("path", programs(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_said_is_listed(path: Path) -> None:
    if str(path.relative_to(PACKAGE)).startswith((*UNHEARD, "snapshot/")):
        return
    unknown = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or called(node) not in SAYING:
            continue
        for argument in [*node.args, *(item.value for item in node.keywords)]:
            unknown |= {
                text
                for text in written(argument)
                if " " in text
                and text not in {*FOR_PROGRAMS, *FRAMES, *COMPOSED.values()}
                and not any(known.fullmatch(text) for known in PATTERNS)
            }
    assert not unknown
