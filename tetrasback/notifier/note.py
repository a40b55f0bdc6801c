"""What is to be shown, before any server is asked: notes, their buttons and what those do."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

STAYS: Final = 0
AS_THE_SERVER_LIKES: Final = -1


class Urgency(IntEnum):
    """As the specification numbers them."""

    LOW = 0
    NORMAL = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Save:
    """Save the disk UUID under NAME."""

    uuid: str
    name: str


@dataclass(frozen=True, slots=True)
class BackUp:
    """Make a backup onto the disk UUID now."""

    uuid: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the backup on the disk UUID."""

    uuid: str


Command = Save | BackUp | Cancel


@dataclass(frozen=True, slots=True)
class Button:
    """A button that says LABEL; KEY is its name between the server and us."""

    key: str
    label: str
    command: Command


@dataclass(frozen=True, slots=True)
class Note:
    """One notification, in the reader's language, of clean text in lines of bounded length.

    ``key``: its place; a new note takes the place of the old one with the same key. A disk's UUID,
    or empty for what is about no one disk. ``occasion``: what makes it news; a person who has seen
    it and closed it is not shown it again. ``lasting``: the same, for a later session to know it
    by. ``besides``: what else need not be told once this was.
    """

    key: str
    occasion: str
    title: str
    lines: tuple[str, ...] = ()
    urgency: Urgency = Urgency.NORMAL
    timeout: int = STAYS
    """In ms."""
    progress: int | None = None
    """Per cent."""
    icon: str = "drive-removable-media"
    category: str = "device"
    buttons: tuple[Button, ...] = ()
    beside_buttons: str = ""
    """A line that makes sense only with them."""
    instead_of_buttons: str = ""
    """The line that stands in for them where a server has none."""
    lasting: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
