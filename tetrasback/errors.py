"""The errors a caller can meet, and nothing that knows a D-Bus library.

::

    TetrasBackError                 any failure with a sentence for a person
    ├── InvalidArgs                 the argument's form is wrong
    ├── AccessDenied                refused
    │   └── AuthorizationRequired   a password would help, but the caller did not allow asking
    ├── LimitsExceeded              the caller asks for too much at once
    ├── UnknownObject, UnknownInterface, UnknownMethod, UnknownProperty, PropertyReadOnly
    ├── UnknownDisk, NotPlugged, NoSuchDevice, NotAFilesystem, Busy, Rejected
    ├── UnknownScript, UnknownBackup, UnknownSnapshot, UnknownJob, NotRunning
    ├── NotAFifo, NotYours, CannotWrite, UnknownClient     the relay's
    ├── HistoryError                the history cannot be read or written
    ├── ConfigurationError          the file cannot be read, is broken, or cannot be written
    ├── Failed                      our own fault; the journal has the traceback
    └── Unreachable                 (clients only) the daemon does not answer

Each class owns its name on the wire (``dbus_name``) and the exit code that the command line gives
(``exit_code``, see EXIT_*). The text of an error is one line that says what to do.
"""

from typing import ClassVar, Final

from tetrasback.names import DBUS_ERROR_PREFIX, ERROR_PREFIX

EXIT_OK: Final = 0
EXIT_ERROR: Final = 1
EXIT_USAGE: Final = 2
EXIT_REFUSED: Final = 3
EXIT_UNKNOWN_DISK: Final = 4
EXIT_NOT_PLUGGED: Final = 5
EXIT_BACKUP_FAILED: Final = 6
EXIT_BACKUP_WARNING: Final = 7
EXIT_UNREACHABLE: Final = 8
EXIT_BACKUP_STOPPED: Final = 9


class TetrasBackError(Exception):
    """Any failure that a person is told about, in one line."""

    dbus_name: ClassVar[str] = DBUS_ERROR_PREFIX + "Failed"
    exit_code: ClassVar[int] = EXIT_ERROR


class Failed(TetrasBackError):
    """Our own fault, or one without a better name."""


class InvalidArgs(TetrasBackError):
    """The form of an argument is wrong."""

    dbus_name = DBUS_ERROR_PREFIX + "InvalidArgs"
    exit_code = EXIT_USAGE


class AccessDenied(TetrasBackError):
    """The caller may not do this."""

    dbus_name = DBUS_ERROR_PREFIX + "AccessDenied"
    exit_code = EXIT_REFUSED


class AuthorizationRequired(AccessDenied):
    """Authentication is possible, but the caller did not allow it to be asked for."""

    dbus_name = DBUS_ERROR_PREFIX + "InteractiveAuthorizationRequired"


class LimitsExceeded(TetrasBackError):
    """The caller has too many requests under way."""

    dbus_name = DBUS_ERROR_PREFIX + "LimitsExceeded"


class UnknownObject(TetrasBackError):
    """No object at this path."""

    dbus_name = DBUS_ERROR_PREFIX + "UnknownObject"


class UnknownInterface(TetrasBackError):
    """The object has no such interface."""

    dbus_name = DBUS_ERROR_PREFIX + "UnknownInterface"


class UnknownMethod(TetrasBackError):
    """The interface has no such method."""

    dbus_name = DBUS_ERROR_PREFIX + "UnknownMethod"


class UnknownProperty(TetrasBackError):
    """The interface has no such property."""

    dbus_name = DBUS_ERROR_PREFIX + "UnknownProperty"


class PropertyReadOnly(TetrasBackError):
    """Properties tell; only methods change things."""

    dbus_name = DBUS_ERROR_PREFIX + "PropertyReadOnly"


class UnknownDisk(TetrasBackError):
    """No disk with this UUID is saved or plugged."""

    dbus_name = ERROR_PREFIX + "UnknownDisk"
    exit_code = EXIT_UNKNOWN_DISK


class NotPlugged(TetrasBackError):
    """The disk is known, but not here."""

    dbus_name = ERROR_PREFIX + "NotPlugged"
    exit_code = EXIT_NOT_PLUGGED


class NoSuchDevice(TetrasBackError):
    """There is no such block device."""

    dbus_name = ERROR_PREFIX + "NoSuchDevice"


class NotAFilesystem(TetrasBackError):
    """The device carries no file system with a UUID."""

    dbus_name = ERROR_PREFIX + "NotAFilesystem"


class Busy(TetrasBackError):
    """Something under way prevents it; try again later."""

    dbus_name = ERROR_PREFIX + "Busy"


class Rejected(TetrasBackError):
    """The disk is here, but cannot be used as it is."""

    dbus_name = ERROR_PREFIX + "Rejected"


class UnknownScript(TetrasBackError):
    """No such script, or one that must not be run."""

    dbus_name = ERROR_PREFIX + "UnknownScript"


class UnknownBackup(TetrasBackError):
    """The history has no such backup."""

    dbus_name = ERROR_PREFIX + "UnknownBackup"


class UnknownJob(TetrasBackError):
    """There is no such job."""

    dbus_name = ERROR_PREFIX + "UnknownJob"


class UnknownSnapshot(TetrasBackError):
    """The disk holds no such backup."""

    dbus_name = ERROR_PREFIX + "UnknownSnapshot"


class NotRunning(TetrasBackError):
    """There is no backup to cancel."""

    dbus_name = ERROR_PREFIX + "NotRunning"


class NotAFifo(TetrasBackError):
    """There is no FIFO at this path."""

    dbus_name = ERROR_PREFIX + "NotAFifo"


class NotYours(TetrasBackError):
    """The FIFO, or a symbolic link on the way to it, belongs to somebody else."""

    dbus_name = ERROR_PREFIX + "NotYours"
    exit_code = EXIT_REFUSED


class CannotWrite(TetrasBackError):
    """The relay cannot reach the FIFO, or may not write into it."""

    dbus_name = ERROR_PREFIX + "CannotWrite"


class UnknownClient(TetrasBackError):
    """No FIFO is registered by this path."""

    dbus_name = ERROR_PREFIX + "UnknownClient"


class HistoryError(TetrasBackError):
    """The history cannot be opened, read or written. On the wire it has no name of its own."""


class ConfigurationError(TetrasBackError):
    """The configuration cannot be read, is broken, or cannot be written."""

    dbus_name = ERROR_PREFIX + "Configuration"


class Unreachable(TetrasBackError):
    """The daemon, or the bus, does not answer."""

    dbus_name = DBUS_ERROR_PREFIX + "ServiceUnknown"
    exit_code = EXIT_UNREACHABLE


def _tree(cls: type[TetrasBackError]) -> list[type[TetrasBackError]]:
    return [cls, *(found for sub in cls.__subclasses__() for found in _tree(sub))]


BY_NAME: Final[dict[str, type[TetrasBackError]]] = {
    cls.dbus_name: cls for cls in reversed(_tree(TetrasBackError))
}
"""Wire name → class; where two share a name (Failed and its base) the base comes last and wins."""
