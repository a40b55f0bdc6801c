"""The socket to the message bus: where it is, and the handshake.

The handshake is done here and not by the library, which spins for ever when the other side closes
in the middle of it, and which would let strangers send us file descriptors.
"""

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from tetrasback.errors import Unreachable

SYSTEM_BUS: Final = "unix:path=/run/dbus/system_bus_socket"
_LINE_LIMIT: Final = 1024


def system_address(environment: Mapping[str, str] = os.environ) -> str:
    """Address of the system bus, where DBUS_SYSTEM_BUS_ADDRESS can move it."""
    return environment.get("DBUS_SYSTEM_BUS_ADDRESS", SYSTEM_BUS)


def socket_names(address: str) -> list[str]:
    """Names of the Unix sockets in a D-Bus address, in the order to be tried. Raises Unreachable.

    Format: https://dbus.freedesktop.org/doc/dbus-specification.html#addresses
    """
    found = []
    for one in address.split(";"):
        transport, _, options = one.partition(":")
        values = dict(part.split("=", 1) for part in options.split(",") if "=" in part)
        if transport == "unix" and "path" in values:
            found.append(unquote(values["path"]))
        elif transport == "unix" and "abstract" in values:
            found.append("\0" + unquote(values["abstract"]))
    if not found:
        raise Unreachable(f"{address!r} is no address of a bus; say unix:path=SOCKET")
    return found


async def connect(address: str) -> socket.socket:
    """A socket that the bus has let in; what follows on it are messages. Raises Unreachable."""
    reason = ""
    for name in socket_names(address):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, name)
            await _authenticate(sock)
        except (OSError, EOFError) as error:
            sock.close()
            reason = getattr(error, "strerror", None) or str(error)
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise Unreachable(f"the system bus does not answer ({reason}); is dbus-daemon running?")


async def _authenticate(sock: socket.socket) -> None:
    """EXTERNAL: the kernel tells the bus who we are. Descriptors are not negotiated."""
    loop = asyncio.get_running_loop()
    identity = str(os.geteuid()).encode().hex()
    await loop.sock_sendall(sock, b"\0AUTH EXTERNAL " + identity.encode() + b"\r\n")
    # One byte at a time: what follows the line belongs to somebody else.
    line = b""
    while not line.endswith(b"\r\n"):
        data = await loop.sock_recv(sock, 1)
        if not data:
            raise EOFError("it hung up")
        line += data
        if len(line) > _LINE_LIMIT:
            raise EOFError("it speaks another language")
    if not line.startswith(b"OK "):
        raise EOFError("it does not let us in")
    await loop.sock_sendall(sock, b"BEGIN\r\n")
