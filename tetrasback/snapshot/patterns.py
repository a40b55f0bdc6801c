"""What is left out: patterns as in rsync(1), "FILTER RULES", where most people know them from.

The first pattern that fits decides. ``- PATTERN`` (or the pattern alone) leaves an entry out, with
all that is below it; ``+ PATTERN`` keeps it. A leading ``/`` means the root of what is saved, a
trailing one directories only. A pattern with another ``/`` or with ``**`` is held against the end
of the whole path, any other against the name. ``*`` and ``?`` stop at a slash, ``**`` does not;
``[…]`` is a set of characters, and ``\\`` takes a character as it is. As to rsync, a character is a
byte.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

PATTERN_MAX: Final = 4096
PATTERNS_MAX: Final = 1000

_CLASSES: Final = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t-\r",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}


class BadPattern(ValueError):
    """It is no pattern; one line."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern, compiled."""

    keep: bool
    directories_only: bool
    whole: bool
    """It is held against the whole path with a slash before it, not against the name."""
    below: bool
    """It ends with ***, which for a directory may stand for the slash behind its name."""
    form: re.Pattern[str]

    def fits(self, path: str, directory: bool) -> bool:
        """Whether it is about the entry at PATH (as `_bytewise` gives it) below the root."""
        if self.directories_only and not directory:
            return False
        if self.below and directory:
            path += "/"
        subject = f"/{path}" if self.whole else path.rpartition("/")[2]
        return self.form.fullmatch(subject) is not None


class Patterns:
    """A list of rules, in their order; call it as `listing.Excluded`."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules

    def __call__(self, path: str, directory: bool) -> bool:
        """Whether the entry at PATH is left out."""
        path = _bytewise(path)
        for rule in self._rules:
            if rule.fits(path, directory):
                return not rule.keep
        return False


def _bytewise(text: str) -> str:
    """A character for each byte of TEXT."""
    return os.fsencode(text).decode("latin-1")


def read_patterns(texts: Iterable[str]) -> Patterns:
    """The patterns TEXTS, one each. Raises BadPattern."""
    rules = [read_pattern(text) for text in texts]
    if len(rules) > PATTERNS_MAX:
        raise BadPattern(f"at most {PATTERNS_MAX} patterns can be served")
    return Patterns(rules)


def read_pattern(text: str) -> Rule:
    """One pattern. Raises BadPattern."""
    keep, pattern = False, text
    if text[:2] in ("+ ", "- "):
        keep, pattern = text[0] == "+", text[2:]
    if not pattern.strip("/") or len(pattern) > PATTERN_MAX or "\0" in pattern:
        raise BadPattern(f"this is no pattern of a name: {text[:80]!r}")
    pattern = _bytewise(pattern)
    anchored = pattern.startswith("/")
    body = pattern.removeprefix("/")
    below = body.endswith("***")
    directories_only = body.endswith("/")
    if directories_only:
        body = body[:-1]
    whole = anchored or "/" in body or "**" in body
    form = _translate(body) if re.search(r"[*?\[]", body) else re.escape(body)
    if anchored:
        form = f"/{form}"
    elif whole and not body.startswith("**"):
        # What begins with ** begins anywhere, also within a name; anything else with a name.
        form = f".*/{form}"
    try:
        return Rule(keep, directories_only, whole, below, re.compile(form, re.DOTALL))
    except re.error as error:
        raise BadPattern(f"this is no pattern of a name: {text[:80]!r}") from error


def _translate(pattern: str) -> str:
    """PATTERN, which has wildcards, as a regular expression."""
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "*":
            stars = 1
            while pattern[position : position + 1] == "*":
                stars += 1
                position += 1
            parts.append(".*" if stars > 1 else "[^/]*")
        elif char == "?":
            parts.append("[^/]")
        elif char == "\\":
            if position == len(pattern):
                parts.append("(?!)")  # it takes nothing as it is: rsync matches no name with it
            parts.append(re.escape(pattern[position : position + 1]))
            position += 1
        elif char == "[":
            form, position = _set(pattern, position)
            parts.append(form)
        else:
            parts.append(re.escape(char))
    return "".join(parts)


def _set(pattern: str, position: int) -> tuple[str, int]:
    """The set that begins at POSITION, after its bracket, and where it ends."""
    negated = pattern[position : position + 1] in ("!", "^")
    position += negated
    items: list[str] = []
    start = position
    while True:
        char = pattern[position : position + 1]
        if not char:
            return "(?!)", len(pattern)  # without an end it fits nothing
        if char == "]" and position > start:
            break
        if char == "[" and pattern[position + 1 : position + 2] == ":":
            end = pattern.find(":]", position + 2)
            name = pattern[position + 2 : end] if end >= 0 else ""
            if name in _CLASSES:
                items.append(_CLASSES[name])
                position = end + 2
                continue
        char, position = _literal(pattern, position)
        if (
            pattern[position : position + 1] == "-"
            and pattern[position + 1 : position + 2] not in ("", "]")
        ):  # fmt: skip
            last, position = _literal(pattern, position + 1)
            if char <= last:
                items.append(f"{re.escape(char)}-{re.escape(last)}")
        else:
            items.append(re.escape(char))
    if "/" in pattern[start:position]:
        raise BadPattern("a set of characters in a pattern cannot hold a slash")
    position += 1
    inside = "".join(items)
    if negated:
        return f"[^/{inside}]", position
    return (f"(?!/)[{inside}]" if inside else "(?!)"), position


def _literal(pattern: str, position: int) -> tuple[str, int]:
    char = pattern[position : position + 1]
    if char == "\\" and position + 1 < len(pattern):
        return pattern[position + 1], position + 2
    return char, position + 1
