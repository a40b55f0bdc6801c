"""What the daemon says in English on the bus, said again in the reader's language.

Errors, alerts and a backup's message carry a code and a sentence. The code alone would lose what
the sentence says besides (which disk, how many files, which line of the configuration), so the
daemon's sentences stand in `lang.english` with a place for each fact, and `told` recognises them.
One that is not among them, from another version or a script, is shown as it is behind what its code
says.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from tetrasback.lang.english import SENTENCES
from tetrasback.lang.i18n import _, translating
from tetrasback.lang.units import size_of
from tetrasback.lang.words import VERDICT_WORDS, say

_SIZES: Final = frozenset({"size", "needed", "free"})
_PLACE: Final = re.compile(r"\{(\w+)\}")


def told(text: str, about: str = "") -> str:
    """TEXT of the daemon in the reader's language.

    ABOUT says in that language what its code means: for a TEXT that is not known, which then
    follows it, and for none.
    """
    if not text:
        return about
    if not translating():
        return text
    again = _again(text)
    if again:
        return again
    return _("{about} ({text})").format(about=about, text=text) if about else text


def _again(text: str) -> str:
    """TEXT in the reader's language, empty where it is not known."""
    for sentence, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found:
            facts = found.groupdict()
            if "what" in facts:
                facts["what"] = ", ".join(told(part) for part in facts["what"].split(", "))
            if "why" in facts:
                facts["why"] = told(facts["why"])
            if "verdict" in facts:
                facts["verdict"] = say(VERDICT_WORDS, facts["verdict"], "verdict")
            for name in _SIZES & facts.keys():
                facts[name] = size_of(facts[name])
            return _(sentence).format(**facts)
    return ""


@cache
def _patterns() -> Sequence[tuple[str, re.Pattern[str]]]:
    """The sentences as patterns, those that leave least open first."""
    ordered = sorted(SENTENCES, key=lambda sentence: -len(_PLACE.sub("", sentence)))
    return [(sentence, _pattern(sentence)) for sentence in ordered]


def _pattern(sentence: str) -> re.Pattern[str]:
    words = _PLACE.split(sentence)  # text and names of places in turn
    parts = [
        re.escape(word) if index % 2 == 0 else f"(?P<{word}>.+)" for index, word in enumerate(words)
    ]
    return re.compile("".join(parts), re.DOTALL)
