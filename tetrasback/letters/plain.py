"""Text of strangers made fit for a mail or a console: nothing breaks a line or steers a terminal.

Unlike `lang.text.clean` it keeps the joiners that Persian, Indian scripts and emoji are written
with: a disk's name is to be found again in the subject as it was given.
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

from tetrasback.lang.text import REPLACEMENT

LENGTH: Final = 300
"""Characters in a line that a stranger wrote."""

_JOINERS: Final = frozenset("\u200c\u200d")
# Controls, formats (bidirectional ones too), surrogates, and what breaks a line.
_REFUSED: Final = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def line(text: str, limit: int = LENGTH) -> str:
    """TEXT as one line of at most LIMIT characters; what is cut off leaves an ellipsis."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return "".join(_fit(char) for char in text.replace("\t", " "))


def _fit(char: str) -> str:
    if char in _JOINERS or unicodedata.category(char) not in _REFUSED:
        return char
    return REPLACEMENT


def lines(texts: Iterable[str], limit: int = LENGTH) -> list[str]:
    """Each of TEXTS as a line, indented."""
    return [f"  {line(text, limit)}" for text in texts]
