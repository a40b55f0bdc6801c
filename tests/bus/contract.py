"""The daemon as a stranger to its inside meets it: for the tests named `test_contract_…`.

::

    PlainBus     a dbus-daemon that lets everybody do everything, without the project's policy
    LoneDaemon   the daemon in namespaces of its own, where no udevd is heard of
    Caller       a client: calls with their exact error names, and every signal in its order
    Mirror       what a client knows that only listens
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from dbus_next import BusType, Message, MessageType, Variant
from dbus_next.aio import MessageBus

from tests.harness import Daemon, PrivateBus
from tests.harness.process import OWN_MOUNTS, Process
from tetrasback import names

PLAIN = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""

# A network namespace of its own hears no uevents, and with /run/udev hidden no udevd is seen.
_ALONE = (*OWN_MOUNTS, "--net", "sh", "-c")
_HIDE = '! test -d /run/udev || mount -t tmpfs none /run/udev; exec "$@"'

SCRIPTS = {
    "ok.sh": 'echo hello\necho data >"$1/data"\n',
    "warn.sh": 'echo "warning /secret/file cannot be read" >&"$TETRAS_BACK_PROGRESS_FD"\n',
    "three.sh": "exit 3\n",
    "fail.sh": "exit 5\n",
    "hang.sh": 'echo "progress 0.5 half" >&"$TETRAS_BACK_PROGRESS_FD"\nexec sleep 600\n',
}
"""What the scripts of `LoneDaemon` do."""


class PlainBus(PrivateBus):
    """A bus that keeps nobody from anything: the daemon has to."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.stop()
        Path(self._configuration).write_text(PLAIN.format(socket=self.socket))
        self.process = self._start()


class LoneDaemon(Daemon):
    """`tetras-backd` with the scripts `SCRIPTS`; disks are named to it by Plug alone."""

    def __init__(self, bus: PrivateBus, directory: Path, config_text: str | None = None) -> None:
        self.scripts = directory / "scripts"
        self.scripts.mkdir(mode=0o755)
        for name, text in SCRIPTS.items():
            self.script(name, text)
        super().__init__(bus, directory, config_text, [self.scripts])

    def start(self, *, wait: bool = True, seconds: float = 60.0) -> Process:
        if self.argv[0] != _ALONE[0]:
            self.argv = [*_ALONE, _HIDE, "sh", *self.argv]
        return super().start(wait=wait, seconds=seconds)

    def script(self, name: str, text: str, mode: int = 0o755) -> Path:
        """A new script; its path."""
        path = self.scripts / name
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(mode)
        return path


class Refused(Exception):
    """The daemon answered with an error, ``name`` without the usual prefixes."""

    def __init__(self, name: str, message: str) -> None:
        self.full_name = name
        self.name = name.rpartition(".")[2]
        self.message = message
        super().__init__(f"{name}: {message}")


class Caller:
    """A connection to the bus that hears everything the daemon says."""

    def __init__(self, connection: MessageBus) -> None:
        self._connection = connection
        self.heard: list[Message] = []
        self._news = asyncio.Event()
        connection.add_message_handler(self._hear)

    def _hear(self, message: Message) -> None:
        ours = str(message.path).startswith(names.ROOT_PATH)
        if message.message_type is MessageType.SIGNAL and ours:
            self.heard.append(message)
            self._news.set()

    async def send(self, message: Message) -> Message:
        """A message to anybody; the answer, whatever it is."""
        answer = await asyncio.wait_for(self._connection.call(message), 30)
        assert answer is not None
        return answer

    async def call(
        self,
        member: str,
        signature: str = "",
        *arguments: Any,
        path: str = names.ROOT_PATH,
        interface: str | None = names.MANAGER_INTERFACE,
    ) -> Any:
        """Call the daemon; the one value it answers with, None where there is none."""
        answer = await self.send(
            Message(
                destination=names.BUS_NAME,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(arguments),
            )
        )
        if answer.message_type is MessageType.ERROR:
            raise Refused(str(answer.error_name), str(answer.body[0]))
        return plain(answer.body[0]) if answer.body else None

    async def error(self, member: str, signature: str = "", *arguments: Any, **where: Any) -> str:
        """The short name of the error that a call must end with; its message is fit for people."""
        try:
            answer = await self.call(member, signature, *arguments, **where)
        except Refused as refused:
            text = refused.message
            assert text
            assert not any(word in text for word in ("\n", "Traceback", "Errno", "Error:"))
            return refused.name
        raise AssertionError(f"{member} was not refused but gave {answer!r}")

    async def property(self, name: str, path: str = names.ROOT_PATH) -> Any:
        """One property of the root object."""
        interface = names.MANAGER_INTERFACE
        return await self.call(
            "Get", "ss", interface, name, path=path, interface=names.PROPERTIES_INTERFACE
        )

    async def objects(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Every object: path → interface → property → value."""
        found: dict[str, Any] = await self.call(
            "GetManagedObjects", interface=names.OBJECT_MANAGER_INTERFACE
        )
        return found

    async def everything(self) -> dict[str, dict[str, dict[str, Any]]]:
        """The same, with the root object."""
        own = await self.call(
            "GetAll", "s", names.MANAGER_INTERFACE, interface=names.PROPERTIES_INTERFACE
        )
        return {names.ROOT_PATH: {names.MANAGER_INTERFACE: own}, **await self.objects()}

    async def disk(self, uuid: str) -> dict[str, Any]:
        """The properties of a disk; empty where there is none."""
        found = (await self.objects()).get(names.disk_path(uuid), {})
        return found.get(names.DISK_INTERFACE, {})

    async def backup(self, number: int) -> dict[str, Any]:
        """The properties of a backup; empty where there is none."""
        found = (await self.objects()).get(names.backup_path(number), {})
        return found.get(names.BACKUP_INTERFACE, {})

    def signals(self) -> list[tuple[Any, ...]]:
        """Those of the manager's own interface so far: (name, argument, …)."""
        return [
            (message.member, *map(plain, message.body))
            for message in self.heard
            if message.interface == names.MANAGER_INTERFACE
        ]

    async def hear(self, name: str, count: int = 1, seconds: float = 60.0) -> tuple[Any, ...]:
        """The COUNTth signal NAME since the last `forget`, waited for; its arguments."""

        def found() -> list[tuple[Any, ...]]:
            return [signal[1:] for signal in self.signals() if signal[0] == name]

        await self.until(lambda: len(found()) >= count, f"{count} × {name}", seconds)
        return found()[count - 1]

    async def until(self, true: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Wait until something heard makes a condition TRUE."""
        try:
            async with asyncio.timeout(seconds):
                while not true():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"waited in vain for {what}; heard {self.signals()}") from None

    def forget(self) -> None:
        """What was heard so far does not count any more."""
        self.heard.clear()


@contextlib.asynccontextmanager
async def caller(bus: PrivateBus) -> AsyncIterator[Caller]:
    """A caller as root that listens already."""
    async with asyncio.timeout(10):
        connection = await MessageBus(bus_address=bus.address, bus_type=BusType.SYSTEM).connect()
    try:
        made = Caller(connection)
        await made.send(
            Message(
                destination=names.DBUS_SERVICE,
                path=names.DBUS_PATH,
                interface=names.DBUS_INTERFACE,
                member="AddMatch",
                signature="s",
                body=[f"type='signal',sender='{names.BUS_NAME}'"],
            )
        )
        yield made
    finally:
        connection.disconnect()
        with contextlib.suppress(EOFError):
            await asyncio.wait_for(connection.wait_for_disconnect(), 5)
        # The library only shuts its socket down.
        connection._stream.close()
        connection._sock.close()


class Mirror:
    """Every object as somebody knows it who read it once, FIRST, and has only listened since."""

    def __init__(self, first: dict[str, dict[str, dict[str, Any]]]) -> None:
        self.objects = {
            path: {name: dict(values) for name, values in interfaces.items()}
            for path, interfaces in first.items()
        }

    def follow(self, heard: list[Message]) -> "Mirror":
        """Do what the signals say. Objects come and go by signals of the root object alone."""
        for message in heard:
            body = [plain(value) for value in message.body]
            match message.member:
                case "InterfacesAdded":
                    assert message.path == names.ROOT_PATH
                    assert body[0] not in self.objects
                    self.objects[body[0]] = body[1]
                case "InterfacesRemoved":
                    assert message.path == names.ROOT_PATH
                    assert set(body[1]) == set(self.objects.pop(body[0]))
                case "PropertiesChanged":
                    changed = self.objects[str(message.path)][body[0]]
                    assert changed.keys() >= body[1].keys()
                    assert body[2] == []
                    assert all(changed[key] != value for key, value in body[1].items())
                    changed.update(body[1])
        return self


def plain(value: Any) -> Any:
    """VALUE without the library's variants."""
    if isinstance(value, Variant):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
