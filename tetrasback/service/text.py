"""Text that every D-Bus library, terminal and log can carry."""

import re
from typing import Final

STRING_LIMIT: Final = 4096
"""Bytes of one string on the bus."""

LOG_LIMIT: Final = 1 << 20
"""Bytes of a log on the bus."""

# Control characters (C0, DEL, C1), the halves of odd bytes (surrogates), and what turns the
# direction of text round or breaks a line.
_BAD: Final = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BAD_IN_LINES: Final = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def safe_text(text: str, limit: int = STRING_LIMIT) -> str:
    """TEXT in one line: what a bus cannot carry becomes ``?``, line ends and tabs a space.

    At most LIMIT bytes of UTF-8; what is cut off is shown by ``…``.
    """
    # A long text is cut before it is cleaned, so that the cost has a bound as well.
    clean = _BAD.sub(_one_line, text[: limit + 1])
    data = clean.encode("utf-8")
    if len(data) <= limit:
        return clean
    return data[: limit - 3].decode("utf-8", "ignore") + "…"


def safe_lines(text: str, limit: int = LOG_LIMIT) -> str:
    """The end of TEXT, at most LIMIT bytes of UTF-8; line ends and tabs stay, the rest as above."""
    clean = _BAD_IN_LINES.sub("?", text[-limit:])
    data = clean.encode("utf-8")
    return clean if len(data) <= limit else data[-limit:].decode("utf-8", "ignore")


def _one_line(match: re.Match[str]) -> str:
    return " " if match[0] in "\t\n\r\v\f\u2028\u2029" else "?"
