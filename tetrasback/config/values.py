"""The values of the configuration, one function a form: the value comes back, or Wrong is raised.

Each takes what a TOML parser makes of a value. A boolean is no number here, though Python says so.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from tetrasback.config.forms import check_disk_name, check_script_name, has_control, shown
from tetrasback.config.model import MAIL_WORDS, TAKES
from tetrasback.errors import InvalidArgs
from tetrasback.snapshot.patterns import BadPattern, read_pattern
from tetrasback.snapshot.retention import BadRule, read_within

LIST_MAX: Final = 256
TEXT_MAX: Final = 4096
COUNT_MAX: Final = 100_000
PATTERN_MAX: Final = 400
"""Characters: a list of them fits into one variable of a script's environment (128 KiB)."""

_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}([_-][A-Za-z0-9]{2,8})*(\.[A-Za-z0-9-]+)?(@[a-z]+)?")
_UNIT: Final = re.compile(
    r"(?!-)[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\-]+)?\.(service|socket|timer|path|target|mount|scope|slice)"
)
_OURS: Final = frozenset({"tetras-back.service", "dbus.service", "dbus.socket"})


class Wrong(Exception):
    """A value that cannot be. `faults`: where below the value (such as ``[1]``), and why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.faults: list[tuple[str, str]] = [("", message)]

    @classmethod
    def all(cls, faults: list[tuple[str, str]]) -> Self:
        """Several at once."""
        wrong = cls(faults[0][1])
        wrong.faults = faults
        return wrong


def kind(value: Any) -> str:
    """What VALUE is, in the words of a message."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    if isinstance(value, Mapping):
        return "a table"
    return names.get(type(value), "a date or time")


def string(value: Any) -> str:
    """A string that a program can be given."""
    if not isinstance(value, str):
        raise Wrong(f"must be a string, not {kind(value)}")
    if len(value) > TEXT_MAX:
        raise Wrong(f"is longer than {TEXT_MAX} characters")
    if "\0" in value:
        raise Wrong("holds a NUL character")
    return value


def boolean(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Wrong(f"must be true or false, not {kind(value)}")
    return value


def number(value: Any) -> float:
    """A finite number, whole or not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"must be a number, not {kind(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise Wrong("must be a finite number")
    return value


def nice(value: Any) -> int:
    """A scheduling priority, -20 to 19."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(f"must be a whole number, not {kind(value)}")
    if not -20 <= value <= 19:
        raise Wrong("must be between -20 and 19")
    return value


def hours(value: Any) -> float:
    """A time limit in hours, at most a year."""
    hours = number(value)
    if not 0 < hours <= 8760:
        raise Wrong("must be more than 0 and at most 8760 hours")
    return hours


def minutes(value: Any) -> float:
    """A number of minutes, at most a day; 0 = none."""
    minutes = number(value)
    if not 0 <= minutes <= 1440:
        raise Wrong("must be 0 (not at all) or a number of minutes, at most 1440")
    return minutes


def days(value: Any) -> float:
    """A number of days; 0 = never."""
    days = number(value)
    if not 0 <= days <= 36_500:
        raise Wrong("must be 0 (never) or a number of days, at most 36500")
    return days


def count(value: Any) -> int:
    """How many; 0 = none."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(f"must be a whole number, not {kind(value)}")
    if not 0 <= value <= COUNT_MAX:
        raise Wrong(f"must be between 0 and {COUNT_MAX}")
    return value


def length_of_time(value: Any) -> str:
    """Years, months, weeks, days and hours, such as ``1y6m``; empty = not said."""
    text = string(value)
    if text:
        try:
            read_within(text)
        except BadRule as error:
            raise Wrong(str(error)) from error
    return text


def part_of_one(value: Any) -> float:
    """A part, from 0 (nothing) to 1 (all)."""
    part = number(value)
    if not 0 <= part <= 1:
        raise Wrong("must be between 0 and 1")
    return part


def pattern(value: Any) -> str:
    """A pattern of names as in rsync(1)."""
    text = string(value)
    if has_control(text) or len(text) > PATTERN_MAX:
        raise Wrong(f"{shown(text)} is not a pattern of names")
    try:
        read_pattern(text)
    except BadPattern as error:
        raise Wrong(str(error)) from error
    return text


def absolute(value: Any) -> str:
    """An absolute path."""
    path = string(value)
    if not path.startswith("/"):
        raise Wrong(f'{shown(path)} must be an absolute path, beginning with "/"')
    return path


def language(value: Any) -> str:
    """A locale as POSIX writes it (``fr_FR.UTF-8``), or the start of one; empty = not said."""
    text = string(value)
    if text and not _LANGUAGE.fullmatch(text):
        raise Wrong(f'{shown(text)} is no language; write it like "fr" or "pt_BR"')
    return text


def address(value: Any) -> str:
    """A mail address that sendmail takes as an argument."""
    text = string(value)
    # It goes onto sendmail's command line, where "-" would begin an option.
    if not text or text.startswith("-") or has_control(text) or " " in text or len(text) > 320:
        raise Wrong(f"{shown(text)} is not a mail address")
    return text


def mail_word(value: Any) -> str:
    """One of MAIL_WORDS."""
    text = string(value)
    if text not in MAIL_WORDS:
        raise Wrong(f"{shown(text)} is not one of {', '.join(MAIL_WORDS)}")
    return text


def argument(value: Any) -> str:
    """One argument of a script."""
    return string(value)


def takes(value: Any) -> str:
    """One of TAKES."""
    text = string(value)
    if text not in TAKES:
        raise Wrong(f'{shown(text)} must be "mount" or "device"')
    return text


def unit(value: Any) -> str:
    """The full name of a systemd unit that can be stopped."""
    text = string(value)
    if len(text) > 255 or not _UNIT.fullmatch(text):
        raise Wrong(f'{shown(text)} is not a systemd unit; write it like "apache2.service"')
    if text in _OURS:
        raise Wrong(f"{text} cannot be stopped for a backup; it makes the backup")
    return text


def disk_name(value: Any) -> str:
    """The name of a disk; see `forms.check_disk_name`."""
    try:
        return check_disk_name(string(value))
    except InvalidArgs as error:
        raise Wrong(str(error)) from error


def script_name(value: Any) -> str:
    """A script's file name; see `forms.check_script_name`."""
    try:
        return check_script_name(string(value))
    except InvalidArgs as error:
        raise Wrong(str(error)) from error


def list_of(form: Callable[[Any], str]) -> Callable[[Any], tuple[str, ...]]:
    """The form of a list whose every entry has FORM; all that are wrong are told at once."""

    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise Wrong(f"must be a list, not {kind(value)}")
        if len(value) > LIST_MAX:
            raise Wrong(f"has {len(value)} entries; at most {LIST_MAX} are allowed")
        found: list[str] = []
        faults: list[tuple[str, str]] = []
        for index, item in enumerate(value):
            try:
                found.append(form(item))
            except Wrong as wrong:
                faults += [(f"[{index}]{below}", message) for below, message in wrong.faults]
        if faults:
            raise Wrong.all(faults)
        return tuple(found)

    return read


def script_names(value: Any) -> tuple[str, ...]:
    """A list of plain file names, none of them twice."""
    names = list_of(script_name)(value)
    faults = [
        (f"[{index}]", f"{shown(name)} is listed twice")
        for index, name in enumerate(names)
        if name in names[:index]
    ]
    if faults:
        raise Wrong.all(faults)
    return names
