"""Private buses: a system bus with the machine's default policy and the project's own, and the
session bus of a user."""

import socket
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.process import BASE_ENVIRONMENT, PROJECT, HarnessError, Process, run, wait_until
from tests.harness.users import User, command_as

_POLICIES = sorted((PROJECT / "dbus").glob("*.conf"))
_POLKIT_POLICY = "/usr/share/dbus-1/system.d/org.freedesktop.PolicyKit1.conf"

# The default policy is that of Debian's own system.conf: method calls need a hole, made by the
# policy file of the service they are for.
_CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus"
           send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.freedesktop.DBus"
           send_interface="org.freedesktop.DBus.Properties"/>
  </policy>
  <policy user="root">
    <allow send_destination="org.freedesktop.DBus"
           send_interface="org.freedesktop.DBus.Monitoring"/>
  </policy>
{project}
  <include ignore_missing="yes">{polkit}</include>
{extra}
</busconfig>
"""

_SESSION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  {services}
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="root"/>
  </policy>
</busconfig>
"""


class Bus:
    """A dbus-daemon with the files NAME and NAME.conf in DIRECTORY; USER (None: root) runs it."""

    def __init__(
        self, directory: Path, name: str, configuration: str, user: User | None = None
    ) -> None:
        self.directory = directory
        self.socket = directory / name
        self.address = f"unix:path={self.socket}"
        self._user = user
        self._configuration = directory / f"{name}.conf"
        self._configuration.write_text(configuration)
        self.process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self) -> Process:
        self.socket.unlink(missing_ok=True)
        argv = ["dbus-daemon", f"--config-file={self._configuration}", "--nofork", "--nopidfile"]
        process = Process(
            self.as_owner(argv),
            log=self._configuration.with_suffix(".log"),
            env=BASE_ENVIRONMENT,
        )
        wait_until(lambda: self._listens() or not process.running, "the bus to start")
        if not process.running:
            raise HarnessError(f"the bus did not start: {process.tail()}")
        return process

    def _listens(self) -> bool:
        """The socket's file is there before anybody listens on it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            return client.connect_ex(str(self.socket)) == 0

    def as_owner(self, argv: Sequence[str | Path]) -> list[str]:
        """ARGV, run as whoever runs the bus."""
        return command_as(self._user, argv) if self._user else [str(word) for word in argv]

    def stop(self) -> None:
        self.process.stop(5)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()

    def restart(self) -> None:
        """A new bus at the same address; the old one is ended if it still runs."""
        self.stop()
        self.process = self._start()

    def pause(self) -> None:
        """Nothing is carried any more until `resume`."""
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def reload(self) -> None:
        """Have it read its configuration again, and look up the users named there."""
        run(
            [
                *("busctl", f"--address={self.address}", "call", "org.freedesktop.DBus"),
                *("/org/freedesktop/DBus", "org.freedesktop.DBus", "ReloadConfig"),
            ]
        )

    def has_owner(self, name: str) -> bool:
        """Whether somebody owns the bus name NAME."""
        answer = run(
            [
                *("busctl", f"--address={self.address}", "--timeout=5", "call"),
                *("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"),
                *("NameHasOwner", "s", name),
            ],
            check=False,
        )
        return answer.stdout.strip() == "b true"


class PrivateBus(Bus):
    """A system bus in DIRECTORY (which every user must be able to enter).

    EXTRA is more configuration for it, such as a `<policy>` that lets a test own a name.
    """

    def __init__(self, directory: Path, extra: str = "") -> None:
        super().__init__(
            directory,
            "bus",
            _CONFIGURATION.format(
                socket=directory / "bus",
                project="\n".join(f"  <include>{path}</include>" for path in _POLICIES),
                polkit=_POLKIT_POLICY,
                extra=extra,
            ),
        )
        self.environment = {**BASE_ENVIRONMENT, "DBUS_SYSTEM_BUS_ADDRESS": self.address}


class SessionBus(Bus):
    """The session bus of USER (None: root) in DIRECTORY, which must be theirs.

    It starts nothing by activation but what SERVICES, a directory of .service files, names. Root
    may look at it.
    """

    def __init__(
        self, directory: Path, user: User | None = None, services: Path | None = None
    ) -> None:
        servicedir = f"<servicedir>{services}</servicedir>" if services else ""
        super().__init__(
            directory,
            "session",
            _SESSION.format(socket=directory / "session", services=servicedir),
            user,
        )
        self.environment = {**BASE_ENVIRONMENT, "DBUS_SESSION_BUS_ADDRESS": self.address}
