"""What a person can do about each reason, in one line. English, as everything on the bus."""

from collections.abc import Mapping
from typing import Final

from tetrasback.core.devices import Reason

EXPLANATIONS: Final[Mapping[str, str]] = {
    Reason.DUPLICATE_UUID: "two devices have this UUID: unplug one of them",
    Reason.UNSUPPORTED_FILESYSTEM: "its file system cannot hold owners, modes and links: "
    "forget it, then make it ext4 with tetras-backctl prepare (this erases it)",
    Reason.ENCRYPTED: "it is encrypted: unlock it by hand, or use a disk that is not",
    Reason.MOUNTED_ELSEWHERE: "it is mounted elsewhere: unmount it there",
    Reason.IN_USE: "another program is using it: end that program",
    Reason.READ_ONLY: "it is write-protected: move its switch",
    Reason.DAMAGED: "its file system is damaged: have it checked with fsck",
    Reason.IDENTITY: "it is not the disk that was seen: unplug it and plug it in again",
    Reason.FOREIGN_FILE: "it is a file that belongs to somebody else than root: use a real disk",
    Reason.SYSTEM_DISK: "this system runs from it",
    Reason.OTHER_PARTITION: "another partition of it is still to be backed up",
    Reason.JOB: "its backups are being read",
}
