"""French is whole: every sentence that a person reads is marked, and every marked one translated.

After a change of the English text: `make po`, translate in `po/fr.po` what is new, and here it is
green again.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.process import PROJECT, run

PACKAGE = PROJECT / "tetrasback"
CATALOGUE = PROJECT / "po/fr.po"
MARKS = frozenset({"_", "N_", "NP_", "ngettext", "pgettext"})
CLIENTS = ("client", "ctl", "lang", "notifier", "letters")
"""Parts whose texts a person reads; those of the others go into the journal or over the bus."""

NB = "\N{NO-BREAK SPACE}"

# Prose that nobody is told: styles of rich, what is compared, errors that are caught.
UNTOLD = frozenset(
    {
        "bold red",
        "bold blue",
        "Rejected send message",
        "the bus closed the connection",
        "an access control list of an unknown form",
        "it is not of our making",
        "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set",
    }
)

# What is shown at once, so that even a single word is read.
SHOWN_BY = frozenset({"Column", "about", "line", "note"})
SHOWN_AS = frozenset({"help", "description", "epilog", "title", "metavar"})
NAMES = re.compile(r"\W*(tetras-back[a-z-]*|Tetras-back|[A-Z]+)?\W*")
"""Of programs and places: the same in every language."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def called(node: ast.AST) -> str:
    """The name of the function that is called, '' for another node."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def is_logging(node: ast.AST) -> bool:
    """Whether it writes to the journal, which is English."""
    return isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log.")


def docstrings(tree: ast.Module) -> set[int]:
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def texts(tree: ast.AST, skip: set[int]) -> Iterator[tuple[int, str]]:
    """Texts outside of every mark, with their lines; of an f-string what is written in it."""
    for node in ast.iter_child_nodes(tree):
        if id(node) in skip or called(node) in MARKS or is_logging(node):
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        yield from texts(node, skip)


def shown(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Texts that are shown as they stand, with their lines."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        given = [item.value for item in node.keywords if item.arg in SHOWN_AS]
        given += node.args if called(node) in SHOWN_BY else []
        for argument in given:
            for part in argument.values if isinstance(argument, ast.JoinedStr) else [argument]:
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.lineno, part.value


def is_prose(text: str) -> bool:
    """Two words of a sentence, rather than a name, a key or a pattern."""
    return bool(re.search(r"(^|[^\w.{'\"-])[a-z]{2,} [a-z]{2,}", text))


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_only_whole_texts_are_marked(path: Path) -> None:
    """A catalogue knows no values: they are filled in afterwards."""
    for node in ast.walk(ast.parse(path.read_text())):
        if called(node) in MARKS and isinstance(node, ast.Call):
            for argument in node.args:
                assert not isinstance(argument, ast.JoinedStr | ast.BinOp), node.lineno
                assert called(argument) != "format", node.lineno


@pytest.mark.parametrize(
    "path",
    [path for path in modules() if path.relative_to(PACKAGE).parts[0] in CLIENTS],
    ids=name_of,
)
def test_what_a_person_reads_is_marked(path: Path) -> None:
    tree = ast.parse(path.read_text())
    unmarked = {
        f"{line}: {text}"
        for line, text in texts(tree, docstrings(tree))
        if is_prose(text) and text not in UNTOLD
    }
    unmarked |= {
        f"{line}: {text}" for line, text in shown(tree) if not NAMES.fullmatch(text.strip())
    }
    assert not unmarked


def entries(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """What each entry of a catalogue says in English and in its language, without the header."""
    text = run(["msgcat", "--no-wrap", path]).stdout
    for block in text.split("\n\n"):
        said: dict[str, str] = {}
        key = ""
        for line in block.splitlines():
            found = re.match(r'(msg\w+(?:\[\d\])?) (".*")$', line)
            if found:
                key, quoted = found[1], found[2]
                said[key] = ast.literal_eval(quoted)
            elif line.startswith('"'):
                said[key] += ast.literal_eval(line)
        if said.get("msgid"):
            english = [said[name] for name in ("msgid", "msgid_plural") if name in said]
            yield english, [value for name, value in said.items() if name.startswith("msgstr")]


def test_catalogue_has_what_is_marked_and_nothing_else(tmp_path: Path) -> None:
    template = tmp_path / "tetras-back.pot"
    run(["make", "--silent", f"--directory={PROJECT}", template, f"TEMPLATE={template}"])
    assert run(["msgcmp", CATALOGUE, template], check=False).stderr == ""


def test_nothing_is_left_half_done() -> None:
    for kind in ("--untranslated", "--only-fuzzy", "--only-obsolete"):
        assert run(["msgattrib", kind, CATALOGUE]).stdout == ""
    assert "nplurals=2; plural=(n > 1)" in CATALOGUE.read_text()
    assert run(["msgfmt", "--check", "--output-file=/dev/null", CATALOGUE]).stderr == ""


def test_values_keep_their_places() -> None:
    def places(text: str) -> set[str]:
        return set(re.findall(r"\{\w*\}|%(?:\(\w+\))?[a-zA-Z]", text))

    for english, french in entries(CATALOGUE):
        if english[0] != "%Y-%m-%d %H:%M":
            assert list(map(places, english)) == list(map(places, french)), english


PAGES = sorted(path.name for path in (PROJECT / "man").glob("*.[1-8]"))


@pytest.mark.parametrize(
    ("source", "translation"),
    [("README.md", "README.fr.md"), *((f"man/{name}", f"man/fr/{name}") for name in PAGES)],
)
def test_page_is_translated_as_it_is_now(source: str, translation: str) -> None:
    """It names the digest of what it translates: translate what has changed, then set that anew."""
    text = (PROJECT / source).read_text()
    # What the demo has printed is recorded in the English one alone.
    text = re.sub(r"^```\n.*?^```\n", "", text, flags=re.DOTALL | re.MULTILINE)
    digest = hashlib.sha256(text.encode()).hexdigest()
    head = (PROJECT / translation).read_text().splitlines()[:3]
    wanted = f"Translated from {source}, sha256 {digest}"
    assert any(wanted in line for line in head), f"{translation} should say: {wanted}"


def test_no_page_is_left_over() -> None:
    assert sorted(path.name for path in (PROJECT / "man/fr").iterdir()) == PAGES


@pytest.mark.parametrize("name", PAGES)
def test_page_of_the_manual_is_sound(name: str) -> None:
    page = PROJECT / "man/fr" / name
    assert re.match(rf'{re.escape(name)}: "\S+ - ', run(["lexgrog", page]).stdout.split("/")[-1])
    macros = "-man" if "\n.TH " in page.read_text() else "-mdoc"
    assert run(["groff", macros, "-ww", "-z", "-Kutf8", "-Tutf8", page]).stderr == ""


def test_typography_is_that_of_french() -> None:
    for _, french in entries(CATALOGUE):
        for text in french:
            assert not re.search(r" [:;?!»]|« |[^\W\d]'", text), text
            assert not re.search(rf"[^{NB}\W][;?!»]|«[^{NB}]", text), text
