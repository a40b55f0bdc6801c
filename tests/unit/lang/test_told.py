"""The daemon's sentences in the reader's language: the same list as the daemon's, no fact lost."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.process import PROJECT
from tetrasback.lang.told import SENTENCES, told

CLIENT_SIDE = frozenset({"client", "ctl", "lang"})
NB = "\N{NO-BREAK SPACE}"


def pieces(path: Path) -> Iterator[str]:
    """Every text in a source file, `*` where an f-string has a value."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.fixture(scope="session")
def said() -> set[str]:
    """Every text of the daemon's modules."""
    package = PROJECT / "tetrasback"
    return {
        text
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] not in CLIENT_SIDE
        for text in pieces(path)
    }


# Said in two parts, which the test below cannot see together.
COMPOSED = {
    "{script} gave {count} warning": "* gave * warning*",
    "{script} gave {count} warnings": "* gave * warning*",
    "kept running although they were to be stopped: {units}": (
        "kept running although they were to be stopped"
    ),
    "could not be started again: {units}": "could not be started again",
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_daemon_still_says_it(said: set[str], sentence: str) -> None:
    assert COMPOSED.get(sentence, re.sub(r"\{\w+\}", "*", sentence)) in said


def test_english_is_left_alone() -> None:
    assert told("disk bleu may be unplugged") == "disk bleu may be unplugged"
    assert told("", "the disk is full") == "the disk is full"
    assert told("what nobody knows", "about") == "what nobody knows"


@pytest.mark.usefixtures("french")
def test_facts_stay_and_reasons_are_said_again() -> None:
    assert told("disk a: b may be unplugged") == f"le disque «{NB}a: b{NB}» peut être débranché"
    assert told("disk bleu cannot be used: it is mounted elsewhere: unmount it there") == (
        f"le disque «{NB}bleu{NB}» n’est pas utilisable{NB}: il est monté ailleurs{NB}: démontez-le"
    )
    assert told("the last backup on disk bleu ended as: failed").endswith(f"{NB}: échec")
    assert told("ok.sh gave 12 warnings") == "ok.sh a donné 12 avertissements"


@pytest.mark.usefixtures("french")
def test_what_is_not_known_follows_what_its_code_says() -> None:
    text = "tetras.toml: line 3: must be a number, not a string"
    assert told(text, "la configuration contient une erreur") == (
        f"la configuration contient une erreur ({text})"
    )
    assert told(f"the configuration file is not in force: {text}") == (
        f"le fichier de configuration n’est pas en vigueur{NB}: {text}"
    )
    assert told(text) == text
