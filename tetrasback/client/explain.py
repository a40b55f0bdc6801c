"""Errors and verdicts for a person: which class, which sentence, which exit code."""

from collections.abc import Mapping
from typing import Final

from tetrasback import errors
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
from tetrasback.lang.i18n import N_, _
from tetrasback.lang.text import clean
from tetrasback.lang.told import told
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

NOT_RUNNING: Final = N_("the service is not running; start it with: systemctl start tetras-back")
DIED: Final = N_("the service ended before it answered; see: systemctl status tetras-back")
NOT_STARTED: Final = N_("the service could not be started; see: systemctl status tetras-back")
REFUSED_BY_BUS: Final = N_("the system bus refuses this call; is tetras-back installed completely?")
PASSWORD_NEEDED: Final = N_(
    "a password is needed; run this in a terminal without --no-ask-password, or as root"
)

MEANINGS: Final[Mapping[type[TetrasBackError], str]] = {
    TetrasBackError: N_("it failed"),
    errors.Failed: N_("it failed"),
    errors.InvalidArgs: N_("an argument is wrong"),
    errors.AccessDenied: N_("you may not do this; ask an administrator, or try as root"),
    errors.AuthorizationRequired: PASSWORD_NEEDED,
    errors.LimitsExceeded: N_("too much was asked for at once; try again later"),
    errors.UnknownObject: N_("there is no such object on the bus"),
    errors.UnknownInterface: N_("there is no such interface on the bus"),
    errors.UnknownMethod: N_("there is no such method on the bus"),
    errors.UnknownProperty: N_("there is no such property on the bus"),
    errors.PropertyReadOnly: N_("properties cannot be set"),
    errors.UnknownDisk: N_("no such disk is saved or plugged in"),
    errors.NotPlugged: N_("the disk is not plugged in"),
    errors.NoSuchDevice: N_("there is no such device"),
    errors.NotAFilesystem: N_("the device carries no file system that could be used"),
    errors.Busy: N_("something under way prevents it; try again later"),
    errors.Rejected: N_("the disk cannot be used as it is"),
    errors.UnknownScript: N_("there is no such script, or it may not be run"),
    errors.UnknownBackup: N_("there is no such backup"),
    errors.NotRunning: N_("there is no backup to cancel"),
    errors.NotAFifo: N_("this is no FIFO"),
    errors.NotYours: N_("this FIFO is not yours"),
    errors.CannotWrite: N_("the relay cannot write into this FIFO"),
    errors.UnknownClient: N_("this FIFO is not registered"),
    errors.HistoryError: N_("the history cannot be read or written"),
    errors.ConfigurationError: N_("the configuration has an error"),
    errors.Unreachable: N_("the service does not answer"),
}
"""What each error means, for one without a text, or with a text that is in no catalogue."""

VERDICT_EXIT_CODES: Final = {
    "success": EXIT_OK,
    "warning": EXIT_BACKUP_WARNING,
    "failed": EXIT_BACKUP_FAILED,
    "cancelled": EXIT_BACKUP_STOPPED,
    "interrupted": EXIT_BACKUP_STOPPED,
}


def error_from_wire(name: str, message: str) -> TetrasBackError:
    """The error of `errors` for a D-Bus error name and its text; Failed for a name not known.

    Its text is in the reader's language: what is not known in that follows what the name means.
    """
    if name in (DBUS_ERROR_PREFIX + "NoReply", DBUS_ERROR_PREFIX + "Disconnected"):
        return Unreachable(_(DIED))
    if name in _UNREACHABLE:
        return Unreachable(_(NOT_RUNNING))
    if name.startswith((_SPAWN, _SYSTEMD)):
        return Unreachable(_(NOT_STARTED))
    kind = BY_NAME.get(name, Failed)
    if kind is AccessDenied and message.startswith("Rejected send message"):
        return AccessDenied(_(REFUSED_BY_BUS))  # dbus-daemon's own words are for administrators
    return kind(told(clean(message).strip(), meaning(kind)))


def meaning(kind: type[TetrasBackError]) -> str:
    """What an error of this class means, in the reader's language."""
    return _(next(MEANINGS[base] for base in kind.__mro__ if base in MEANINGS))


def explain(error: TetrasBackError) -> str:
    """One line that says what happened and, where it is known, what to do."""
    if isinstance(error, AuthorizationRequired):
        return _(PASSWORD_NEEDED)
    return clean(str(error)).strip() or meaning(type(error))


def verdict_exit_code(verdict: str) -> int:
    """The exit code for a backup's verdict; 1 for a word not known (a newer daemon's)."""
    return VERDICT_EXIT_CODES.get(verdict, EXIT_ERROR)
