"""Messages to the service manager."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tetrasback.host import sdnotify


@pytest.fixture(params=["path", "abstract"])
def manager(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        abstract = request.param == "abstract"
        sock.bind("\0" + name if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name if abstract else name)
        yield sock


def test_messages(manager: socket.socket) -> None:
    sdnotify.ready()
    sdnotify.status("two\nlines")
    sdnotify.watchdog()
    sdnotify.extend_timeout(5)
    sdnotify.stopping()
    assert [manager.recv(1000) for _ in range(5)] == [
        b"READY=1",
        b"STATUS=two lines",
        b"WATCHDOG=1",
        b"EXTEND_TIMEOUT_USEC=5",
        b"STOPPING=1",
    ]


def test_a_manager_that_does_not_listen_is_no_error(manager: socket.socket) -> None:
    for _ in range(1000):  # its queue is full long before
        sdnotify.watchdog()
    manager.close()
    sdnotify.ready()


@pytest.mark.parametrize("value", ["", "relative", "@", "/no/such/socket", "/" + "x" * 200])
def test_an_odd_address_is_no_error(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", value)
    sdnotify.ready()


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_watchdog_interval(environment: dict[str, str], wanted: float | None) -> None:
    assert sdnotify.watchdog_interval(environment) == wanted
