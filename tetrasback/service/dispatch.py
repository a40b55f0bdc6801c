"""The only way in: every call is matched against the contract here, and all else is refused."""

import logging
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from dbus_next.message import Message

from tetrasback import names
from tetrasback.errors import (
    Failed,
    InvalidArgs,
    PropertyReadOnly,
    TetrasBackError,
    UnknownInterface,
    UnknownMethod,
    UnknownObject,
)
from tetrasback.service import bodies
from tetrasback.service.connection import INTERNAL, Connection
from tetrasback.service.contract import Contract, joined
from tetrasback.service.gate import SIGNAL, Head, Malformed
from tetrasback.service.guard import Guard
from tetrasback.service.introspect import STANDARD_METHODS, Introspection
from tetrasback.service.managed import Managed
from tetrasback.service.published import Published
from tetrasback.service.text import safe_text

log = logging.getLogger(__name__)

_EVERYWHERE: Final = (
    names.PEER_INTERFACE,
    names.INTROSPECTABLE_INTERFACE,
    names.PROPERTIES_INTERFACE,
)
MACHINE_ID_FILES: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


class Dispatcher:
    """Answers what can be answered at once, and hands the contract's own methods to the guard."""

    def __init__(
        self,
        contract: Contract,
        published: Published,
        guard: Guard,
        machine_id_files: Sequence[Path] = MACHINE_ID_FILES,
    ) -> None:
        self._contract = contract
        self._signatures = _signatures(contract)
        self._branches = _branches(contract)
        self._introspection = Introspection(contract)
        self._published = published
        self._managed = Managed(published)
        self._guard = guard
        self._machine_id_files = machine_id_files

    def admit(self, head: Head, frame: bytes) -> None:
        """Raise UnknownObject, UnknownInterface, UnknownMethod, InvalidArgs or PropertyReadOnly
        for a call that is not in the contract. FRAME is the whole of it."""
        self._resolve(head.path, head.interface, head.member, head.signature)
        if "a" in head.signature:
            try:
                bodies.check(frame, head.signature)
            except Malformed as error:
                raise InvalidArgs(str(error)) from error

    def handle(self, connection: Connection, message: Message) -> None:
        """Answer a call, now or later. Never raises."""
        try:
            # Again: the object may have gone while the call waited.
            interface = self._resolve(
                message.path, message.interface or "", message.member, message.signature
            )
            if interface == self._contract.interface:
                self._guard.begin(connection, message, self._contract.methods[message.member])
            elif interface == names.OBJECT_MANAGER_INTERFACE:
                self._managed.answer(connection, message)
            else:
                connection.reply(message, *self._standard(message))
        except TetrasBackError as error:
            connection.refuse(message, error)
        except Exception:
            # The library would send the text and the traceback to the caller.
            log.exception("%s failed", message.member)
            connection.refuse(message, INTERNAL)

    def hears(self, head: Head, frame: bytes) -> bool:
        """Only the bus's own news of who comes and goes."""
        return head.kind == SIGNAL and (head.sender, head.member, head.signature) == (
            names.DBUS_SERVICE,
            "NameOwnerChanged",
            "sss",
        )

    def heard(self, message: Message) -> None:
        """A caller who has gone is waited for no more."""
        name, _, owner = message.body
        if not owner:
            self._guard.left(name)

    def _resolve(self, path: str, interface: str, member: str, signature: str) -> str:
        """The interface that the call is for; where none is named, the one that has the member."""
        here = self._interfaces(path)
        if here is None and interface != names.PEER_INTERFACE:
            raise UnknownObject(f"there is no object {safe_text(path, 256)}; it may have gone")
        if not interface:
            having = [name for name in here or () if member in self._signatures[name]]
            if len(having) != 1:
                raise UnknownMethod(f"name the interface of {safe_text(member, 256)}")
            interface = having[0]
        elif here is not None and interface not in here:
            raise UnknownInterface(f"there is no interface {safe_text(interface, 256)} here")
        known = self._signatures[interface].get(member)
        if known is None:
            raise UnknownMethod(f"{interface} has no method {safe_text(member, 256)}")
        if signature != known:
            raise InvalidArgs(f'{member} takes arguments of the type "{known}"')
        if (interface, member) == (names.PROPERTIES_INTERFACE, "Set"):
            # Refused before it is decoded: a variant can hold anything.
            raise PropertyReadOnly("no property can be set; methods change things")
        return interface

    def _interfaces(self, path: str) -> tuple[str, ...] | None:
        """Names of the interfaces at PATH; None where nothing is."""
        if path == self._contract.root:
            manages = (names.OBJECT_MANAGER_INTERFACE,) if self._contract.collections else ()
            return (self._contract.interface, *manages, *_EVERYWHERE)
        if path in self._published.objects:
            return (self._published.objects[path][0], *_EVERYWHERE)
        return _EVERYWHERE if path in self._branches else None

    def _standard(self, message: Message) -> tuple[str, list[Any], int]:
        """Signature, body and size of the answer to a method of the standard interfaces."""
        match message.member:
            case "Ping":
                return "", [], 64
            case "GetMachineId":
                return "s", [self._machine_id()], 128
            case "Introspect":
                text = self._introspection.document(
                    self._interfaces(message.path) or (), self._children(message.path)
                )
                return "s", [text], len(text)
            case "Get":
                return "v", [self._published.get(message.path, *message.body)], 512
            case _:
                return "a{sv}", [self._published.get_all(message.path, *message.body)], 1024

    def _children(self, path: str) -> list[str]:
        """Last elements of the paths directly below PATH."""
        prefix = path.rstrip("/") + "/"
        below = {self._contract.root, *self._branches, *self._published.objects} - {"/"}
        return sorted({p[len(prefix) :].split("/")[0] for p in below if p.startswith(prefix)})

    def _machine_id(self) -> str:
        for file in self._machine_id_files:
            if file.is_file():
                return safe_text(file.read_text(encoding="ascii", errors="replace").strip())
        raise Failed("this machine has no machine id; systemd-machine-id-setup makes one")


def _signatures(contract: Contract) -> dict[str, dict[str, str]]:
    """Interface → method → signature of its arguments: all that there is."""
    return {
        **{
            interface: {member: joined(arguments) for member, arguments, _ in members}
            for interface, members in STANDARD_METHODS.items()
        },
        **{kind.interface: {} for kind in contract.collections},
        contract.interface: {m.name: m.signature for m in contract.methods.values()},
    }


def _branches(contract: Contract) -> frozenset[str]:
    """Paths above objects, without one of their own: introspected, so that a tree can be walked."""
    paths = [contract.root, *(kind.path("x") for kind in contract.collections)]
    above = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    return frozenset(above) - {contract.root}
