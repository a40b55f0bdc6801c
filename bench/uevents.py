"""When the kernel, and then udevd, told of a device."""

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self

_PROTOCOL = 15
"""NETLINK_KOBJECT_UEVENT of linux/netlink.h, which Python does not name."""
_KERNEL, _UDEV = 1, 2
_UDEV_MAGIC = b"libudev\0"


class Uevents:
    """While it is entered: `first` tells when a `change` of a device first came, by whom.

    Groups and framing of netlink(7) NETLINK_KOBJECT_UEVENT: 1 is the kernel's messages,
    ``ACTION@DEVPATH\\0KEY=VALUE\\0…``, 2 udevd's, with a header of libudev's before the same pairs.
    Times are seconds of CLOCK_REALTIME, taken when the message was read.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[int, str], float] = {}
        self._sockets = [self._open(group) for group in (_KERNEL, _UDEV)]
        self._threads = [
            threading.Thread(target=self._listen, args=(number, group), daemon=True)
            for group, number in zip((_KERNEL, _UDEV), self._sockets, strict=True)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for item in self._sockets:
            with contextlib.suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()

    def forget(self) -> None:
        """Start anew, before a plug."""
        self._seen.clear()

    def kernel(self, device: str) -> float:
        """When the kernel first told of DEVICE, such as ``loop0``; 0.0 = it has not."""
        return self._seen.get((_KERNEL, device), 0.0)

    def udev(self, device: str) -> float:
        """When udevd had handled that event and passed it on."""
        return self._seen.get((_UDEV, device), 0.0)

    @staticmethod
    def _open(group: int) -> socket.socket:
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _PROTOCOL)
        made.bind((0, group))
        made.settimeout(0.5)
        return made

    def _listen(self, source: socket.socket, group: int) -> None:
        while source.fileno() >= 0:
            try:
                message = source.recv(65536)
            except TimeoutError:
                continue
            except OSError:  # closed
                return
            now = time.time()
            # The header ends with the place of the pairs: enough to look for the pairs themselves.
            pairs = message.split(b"\0")
            if b"ACTION=change" in pairs or message.startswith(_UDEV_MAGIC):
                for pair in pairs:
                    if pair.startswith(b"DEVPATH=") and b"/block/" in pair:
                        name = pair.rpartition(b"/")[2].decode()
                        self._seen.setdefault((group, name), now)
