"""Text of strangers (names, labels, models, messages, logs) made fit for a terminal."""

from typing import Final

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def clean(text: str, limit: int = 1000) -> str:
    """TEXT as one line of at most LIMIT characters that no terminal obeys.

    Control, formatting (bidirectional overrides too) and unassigned characters and lone
    surrogates become U+FFFD, other white space a blank; what is cut off leaves an ellipsis.
    """
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else " " if char.isspace() else REPLACEMENT for char in text
    )


def clean_lines(text: str) -> str:
    """TEXT of several lines, each made safe as by `clean` but not cut; tabs stay."""
    return "\n".join(
        "\t".join(clean(part, len(part) + 1) for part in line.split("\t"))
        for line in text.split("\n")
    )
