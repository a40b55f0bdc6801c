"""A note → what a server is asked to show, within what it can do."""

from html import escape
from typing import Any, Final

from tetrasback.client.notifications import Form
from tetrasback.notifier.note import Note, Urgency

DESKTOP_ENTRY: Final = "tetras-back-notify"


def form(note: Note, capabilities: frozenset[str], *, update: bool = False) -> Form:
    """NOTE for a server with CAPABILITIES. UPDATE: it only goes on, in its own place.

    Names come from strangers' disks: where a server reads markup they are escaped, elsewhere they
    stand as they are. A title never has markup.
    """
    urgency = note.urgency
    if update and note.progress is not None and urgency is Urgency.NORMAL:
        urgency = Urgency.LOW  # GNOME pops the banner up for each update of a more urgent one
    lines = [*note.lines]
    buttons = note.buttons if "actions" in capabilities else ()
    lines.append(note.beside_buttons if buttons else note.instead_of_buttons)
    body = "\n".join(filter(None, lines))
    summary = note.title
    if "body" not in capabilities and body:
        summary, body = f"{note.title}: {' '.join(body.splitlines())}", ""
    if "body-markup" in capabilities:
        body = escape(body, quote=False)
    hints: dict[str, tuple[str, Any]] = {
        "urgency": ("y", int(urgency)),
        "category": ("s", note.category),
        "desktop-entry": ("s", DESKTOP_ENTRY),
    }
    if note.progress is not None:
        hints["value"] = ("i", note.progress)  # a server that knows it not passes over it
    return Form(
        summary,
        body,
        note.icon,
        tuple((button.key, button.label) for button in buttons),
        hints,
        note.timeout,
    )
