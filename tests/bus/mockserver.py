"""A notification server that does as it is told: python-dbusmock's, on a session bus of root's."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.harness import HarnessError, SessionBus, run, wait_until
from tests.harness.process import PYTHON, Process
from tetrasback.names import (
    NOTIFICATIONS_INTERFACE,
    NOTIFICATIONS_PATH,
    NOTIFICATIONS_SERVICE,
    NOTIFIER_NAME,
)

EVERYTHING = "actions body body-markup"


class Asked:
    """The arguments of one Notify."""

    def __init__(self, number: int, values: list[Any]) -> None:
        self.number = number
        self.replaces: int = values[1]
        self.summary: str = values[3]
        self.body: str = values[4]
        self.actions: list[str] = values[5]
        self.hints: dict[str, Any] = {key: hint["data"] for key, hint in values[6].items()}
        self.timeout: int = values[7]


class MockServer:
    """A server on SESSION with CAPABILITIES. It numbers notifications from 1."""

    def __init__(self, session: SessionBus, capabilities: str = EVERYTHING) -> None:
        self._session = session
        self.process = Process(
            self.command(capabilities),
            log=session.directory / "mock.log",
            env=session.environment,
        )
        wait_until(
            lambda: session.has_owner(NOTIFICATIONS_SERVICE) or not self.process.running,
            "the server to own its name",
        )
        if not self.process.running:
            raise HarnessError(f"dbusmock did not start: {self.process.tail()}")

    @staticmethod
    def command(capabilities: str = EVERYTHING) -> list[str]:
        """What starts one."""
        return [
            *(PYTHON, "-m", "dbusmock", "--session", "--template", "notification_daemon"),
            *("--parameters", json.dumps({"capabilities": capabilities})),
        ]

    def __enter__(self) -> "MockServer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.stop(5)

    def asked(self) -> list[Asked]:
        """All that it was asked to show."""
        return asked(self._session)

    def closed(self) -> list[int]:
        """All that it was asked to show no longer."""
        return [
            values[0] for member, values in _calls(self._session) if member == "CloseNotification"
        ]

    def wait(self, text: str, seconds: float = 60.0) -> Asked:
        """The newest one with TEXT in it, once it is asked for."""

        def found() -> list[Asked]:
            return [one for one in self.asked() if text in f"{one.summary}\n{one.body}"]

        return wait_until(found, f"a notification with {text!r}", seconds)[-1]

    def press(self, number: int, action: str) -> None:
        """Tell that a button was pressed."""
        self._emit("ActionInvoked", "us", "2", "u", str(number), "s", action)

    def close(self, number: int) -> None:
        """Tell that a person has closed it."""
        self._emit("NotificationClosed", "uu", "2", "u", str(number), "u", "2")

    def _emit(self, signal: str, signature: str, *values: str) -> None:
        _mock(
            self._session,
            "EmitSignal",
            "sssav",
            NOTIFICATIONS_INTERFACE,
            signal,
            signature,
            *values,
        )


def asked(session: SessionBus) -> list[Asked]:
    """All that the server of SESSION was asked to show."""
    found, count = [], 0
    for member, values in _calls(session):
        if member == "Notify":
            count += 1
            found.append(Asked(count, values))
    return found


def forge(session: SessionBus, signal: str, *values: str) -> None:
    """Send the notifier a server's SIGNAL, as another program of the session."""
    run(
        [
            *("dbus-send", f"--bus={session.address}", "--type=signal", f"--dest={NOTIFIER_NAME}"),
            *(NOTIFICATIONS_PATH, f"{NOTIFICATIONS_INTERFACE}.{signal}", *values),
        ]
    )


def _calls(session: SessionBus) -> list[tuple[str, list[Any]]]:
    (calls,) = _mock(session, "GetCalls")
    return [(member, [value["data"] for value in values]) for _, member, values in calls]


def _mock(session: SessionBus, member: str, *arguments: str) -> Any:
    done = run(
        [
            *("busctl", f"--address={session.address}", "--json=short", "call", "--"),
            *(NOTIFICATIONS_SERVICE, NOTIFICATIONS_PATH),
            *("org.freedesktop.DBus.Mock", member, *arguments),
        ]
    )
    return json.loads(done.stdout)["data"] if done.stdout.strip() else None


def activation(directory: Path) -> Path:
    """A directory of services in DIRECTORY by which a bus can start a server."""
    services = directory / "services"
    services.mkdir()
    words = " ".join(f"'{word}'" for word in MockServer.command("body"))
    (services / "notifications.service").write_text(
        f"[D-BUS Service]\nName={NOTIFICATIONS_SERVICE}\nExec={words}\n"
    )
    return services
