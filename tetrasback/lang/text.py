"""Text of strangers (names, labels, models, messages, logs) made fit for a terminal."""

import codecs
import sys
import unicodedata
from collections.abc import Mapping
from typing import Final

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
NO_BREAK_SPACE: Final = "\N{NO-BREAK SPACE}"

_TYPEWRITTEN: Final[Mapping[str, str]] = {
    "«\N{NO-BREAK SPACE}": '"',
    "\N{NO-BREAK SPACE}»": '"',
    "\N{NO-BREAK SPACE}": " ",
    "’": "'",
    "“": '"',
    "”": '"',
    "œ": "oe",
    "…": "...",
}
"""What a terminal without these characters gets."""


def forgive_encoding() -> None:
    """Let standard output and error take any text, whatever their encoding lacks.

    Typography and accents become what a typewriter has, the rest is escaped, as in ``\\u65e5``.
    """
    codecs.register_error("tetras-back", _typewritten)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="tetras-back")  # type: ignore[union-attr]


def _typewritten(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    for fine, plain in _TYPEWRITTEN.items():
        text = text.replace(fine, plain)
    return "".join(map(_in_ascii, text)), error.end


def _in_ascii(char: str) -> str:
    base = unicodedata.normalize("NFKD", char)[0]
    return base if base.isascii() else char.encode("ascii", "backslashreplace").decode()


def is_safe(char: str) -> bool:
    """Whether a terminal only shows it."""
    return char.isprintable() or char == NO_BREAK_SPACE


def clean(text: str, limit: int = 1000) -> str:
    """TEXT as one line of at most LIMIT characters that no terminal obeys.

    Control, formatting (bidirectional overrides too) and unassigned characters and lone
    surrogates become U+FFFD, white space a blank, but for the no-break space, which French needs;
    what is cut off leaves an ellipsis.
    """
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isprintable():
        return text
    return "".join(
        char if is_safe(char) else " " if char.isspace() else REPLACEMENT for char in text
    )


def clean_lines(text: str) -> str:
    """TEXT of several lines, each made safe as by `clean` but not cut; tabs stay."""
    return "\n".join(
        "\t".join(clean(part, len(part) + 1) for part in line.split("\t"))
        for line in text.split("\n")
    )
