"""What the web page says, for JavaScript: `python3 po/web.py words` or `catalogue LANG` on stdout.

words            cockpit/words.js: the tables and sentences that all clients share
catalogue LANG   cockpit/po.LANG.js: of po/LANG.po what the page says, as Cockpit loads it
manifest LANG    cockpit/po.manifest.LANG.js: its name in Cockpit's menu, for newer ones

The form of the two is that of Cockpit's own pages: `cockpit.locale({"": {header}, msgid: [null,
translation, …]})`, a context before its msgid and U+0004 (doc/guide of Cockpit, "translations").
"""

import gettext
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from tetrasback.client.explain import MEANINGS  # noqa: E402
from tetrasback.errors import BY_NAME  # noqa: E402
from tetrasback.lang import english, words  # noqa: E402

TABLES = (
    *("DISK_STATES", "REASONS", "PHASES", "STEPS", "LABELS", "TRIGGERS", "VERDICTS"),
    *("JOB_KINDS", "PREPARING", "VERDICT_WORDS", "CODES", "WHY", "ALERTS", "ALERT_LEVELS"),
    "PROOFS",
)
SAID = ("words.py", "english.py", "units.py", "told.py")
"""Of the package, whose sentences the page says as well; and the meanings of errors."""

HEADER = "// Made by po/web.py: change what it reads."


def main(what: str, language: str = "") -> None:
    """Write it to standard output."""
    if what == "words":
        print(HEADER, *_words(), sep="\n")
    else:
        print(HEADER, f"cockpit.locale({_catalogue(language, what == 'manifest')});", sep="\n")


def _words() -> Iterator[str]:
    for name in TABLES:
        yield from _table(name, getattr(words, name))
    meanings = {
        name: next(MEANINGS[base] for base in kind.__mro__ if base in MEANINGS)
        for name, kind in BY_NAME.items()
    }
    yield from _table("ERRORS", meanings)
    yield f"export const SENTENCES = {_json(english.SENTENCES)};"


def _table(name: str, table: Mapping[str, str]) -> Iterator[str]:
    yield "/** @type {Record<string, string>} */"
    yield f"export const {name} = {_json(dict(table))};"


def _catalogue(language: str, manifest_only: bool) -> str:
    sources = ["cockpit/*", "cockpit/views/*", *(f"tetrasback/lang/{name}" for name in SAID)]
    sources.append("tetrasback/client/explain.py")
    if manifest_only:
        sources = ["cockpit/manifest.json"]
    chosen = subprocess.run(
        [
            "msggrep",
            "--force-po",
            *(f"--location={source}" for source in sources),
            f"po/{language}.po",
        ],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    binary = subprocess.run(
        ["msgfmt", "--check", "--output-file=-", "-"],
        input=chosen,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    known: dict[str | tuple[str, int], str] = gettext.GNUTranslations(BytesIO(binary))._catalog  # type: ignore[attr-defined]
    messages: dict[str, list[str | None]] = {}
    for key, text in sorted(known.items(), key=str):
        msgid = key if isinstance(key, str) else key[0]
        if msgid:
            messages.setdefault(msgid, [None]).append(text)
    found = re.search(r"plural=([^;]+);", known[""])
    rule = found[1].strip() if found else "n != 1"
    header = _inside({"language": language, "language-direction": "ltr"})
    return f'{{"": {{"plural-forms": (n) => {rule},\n{header}}},\n{_inside(messages)}}}'


def _inside(value: Mapping[str, object]) -> str:
    """What stands between the braces."""
    return _json(value)[1:-1].strip()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
