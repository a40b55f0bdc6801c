"""Errors and verdicts for a person: which class, which sentence, which exit code."""

from typing import Final

from tetrasback.errors import (
    BY_NAME,
    EXIT_BACKUP_FAILED,
    EXIT_BACKUP_STOPPED,
    EXIT_BACKUP_WARNING,
    EXIT_ERROR,
    EXIT_OK,
    AccessDenied,
    AuthorizationRequired,
    Failed,
    TetrasBackError,
    Unreachable,
)
from tetrasback.lang.text import clean
from tetrasback.names import DBUS_ERROR_PREFIX

_UNREACHABLE: Final = frozenset(
    DBUS_ERROR_PREFIX + word
    for word in (
        "ServiceUnknown",
        "NameHasNoOwner",
        "NoReply",
        "Disconnected",
        "NoServer",
        "Timeout",
        "TimedOut",
    )
)
_SPAWN: Final = DBUS_ERROR_PREFIX + "Spawn."
_SYSTEMD: Final = "org.freedesktop.systemd1."

NOT_RUNNING: Final = "the service is not running; start it with: systemctl start tetras-back"
DIED: Final = "the service ended before it answered; see: systemctl status tetras-back"
NOT_STARTED: Final = "the service could not be started; see: systemctl status tetras-back"
REFUSED_BY_BUS: Final = "the system bus refuses this call; is tetras-back installed completely?"
PASSWORD_NEEDED: Final = (
    "a password is needed; run this in a terminal without --no-ask-password, or as root"
)
REFUSED: Final = "you may not do this; ask an administrator, or try as root"

VERDICT_EXIT_CODES: Final = {
    "success": EXIT_OK,
    "warning": EXIT_BACKUP_WARNING,
    "failed": EXIT_BACKUP_FAILED,
    "cancelled": EXIT_BACKUP_STOPPED,
    "interrupted": EXIT_BACKUP_STOPPED,
}


def error_from_wire(name: str, message: str) -> TetrasBackError:
    """The error of `errors` for a D-Bus error name and its text; Failed for a name not known."""
    if name in (DBUS_ERROR_PREFIX + "NoReply", DBUS_ERROR_PREFIX + "Disconnected"):
        return Unreachable(DIED)
    if name in _UNREACHABLE:
        return Unreachable(NOT_RUNNING)
    if name.startswith((_SPAWN, _SYSTEMD)):
        return Unreachable(NOT_STARTED)
    kind = BY_NAME.get(name, Failed)
    if kind is AccessDenied and message.startswith("Rejected send message"):
        return AccessDenied(REFUSED_BY_BUS)  # dbus-daemon's own words are for administrators
    return kind(message)


def explain(error: TetrasBackError) -> str:
    """One line that says what happened and, where it is known, what to do."""
    if isinstance(error, AuthorizationRequired):
        return PASSWORD_NEEDED
    text = clean(str(error)).strip()
    if text:
        return text
    if isinstance(error, AccessDenied):
        return REFUSED
    return (type(error).__doc__ or "it failed.").splitlines()[0].rstrip(".")


def verdict_exit_code(verdict: str) -> int:
    """The exit code for a backup's verdict; 1 for a word not known (a newer daemon's)."""
    return VERDICT_EXIT_CODES.get(verdict, EXIT_ERROR)
