"""Every name that appears on a bus, once: services, paths, interfaces, actions, errors.

Nothing here knows a D-Bus library; both the daemon and its clients import this file.
"""

from typing import Final

BUS_NAME: Final = "org.tetraslibre.Back"
ROOT_PATH: Final = "/org/tetraslibre/Back"
DISKS_PATH: Final = ROOT_PATH + "/disks"
BACKUPS_PATH: Final = ROOT_PATH + "/backups"
JOBS_PATH: Final = ROOT_PATH + "/jobs"

MANAGER_INTERFACE: Final = "org.tetraslibre.Back"
DISK_INTERFACE: Final = "org.tetraslibre.Back.Disk"
BACKUP_INTERFACE: Final = "org.tetraslibre.Back.Backup"
JOB_INTERFACE: Final = "org.tetraslibre.Back.Job"

RELAY_NAME: Final = "org.tetraslibre.Back.Relay"
RELAY_PATH: Final = "/org/tetraslibre/Back/Relay"
RELAY_INTERFACE: Final = "org.tetraslibre.Back.Relay"
RELAY_USER: Final = "tetras-back-relay"

PROPERTIES_INTERFACE: Final = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER_INTERFACE: Final = "org.freedesktop.DBus.ObjectManager"
INTROSPECTABLE_INTERFACE: Final = "org.freedesktop.DBus.Introspectable"
PEER_INTERFACE: Final = "org.freedesktop.DBus.Peer"

DBUS_SERVICE: Final = "org.freedesktop.DBus"
DBUS_PATH: Final = "/org/freedesktop/DBus"
DBUS_INTERFACE: Final = "org.freedesktop.DBus"

POLKIT_SERVICE: Final = "org.freedesktop.PolicyKit1"
POLKIT_PATH: Final = "/org/freedesktop/PolicyKit1/Authority"
POLKIT_INTERFACE: Final = "org.freedesktop.PolicyKit1.Authority"

LOGIND_SERVICE: Final = "org.freedesktop.login1"
LOGIND_PATH: Final = "/org/freedesktop/login1"
LOGIND_INTERFACE: Final = "org.freedesktop.login1.Manager"

NOTIFIER_NAME: Final = "org.tetraslibre.Back.Notify"
"""On the session bus: whoever owns it shows the notifications of this session."""

NOTIFICATIONS_SERVICE: Final = "org.freedesktop.Notifications"
NOTIFICATIONS_PATH: Final = "/org/freedesktop/Notifications"
NOTIFICATIONS_INTERFACE: Final = "org.freedesktop.Notifications"

ACTION_PREFIX: Final = "org.tetraslibre.back."
ERROR_PREFIX: Final = "org.tetraslibre.Back.Error."
DBUS_ERROR_PREFIX: Final = "org.freedesktop.DBus.Error."

UDEV_TAG: Final = "tetras-back"
UDEV_DISK_TAG: Final = "tetras-back-disk"

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


def escape(text: str) -> str:
    """TEXT as one element of an object path.

    Every byte outside ``[A-Za-z0-9]`` becomes ``_xx``, its lower-case hexadecimal code; a leading
    digit stays (systemd would escape it, the contract does not). Text that UTF-8 cannot hold
    raises UnicodeEncodeError.
    """
    return "".join(
        chr(byte) if chr(byte) in _PLAIN else f"_{byte:02x}" for byte in text.encode("utf-8")
    )


def disk_path(uuid: str) -> str:
    """Object path of the disk whose file system has this (normalised) UUID."""
    return f"{DISKS_PATH}/{escape(uuid)}"


def backup_path(backup_id: int) -> str:
    """Object path of a backup, by its id in the history."""
    return f"{BACKUPS_PATH}/{backup_id}"


def job_path(job_id: int) -> str:
    """Object path of a job, by its id."""
    return f"{JOBS_PATH}/{job_id}"
