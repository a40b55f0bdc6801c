"""What the kernel says of a disk, on the machine's own log."""

from pathlib import Path

from tests.harness import wait_until
from tetrasback.adapters.kernellog import KMSG, KernelLog


def say(text: str) -> None:
    with KMSG.open("w") as file:
        file.write(f"tetras-back test: {text}\n")


def test_errors_are_taken_from_the_log_before_they_are_overwritten() -> None:
    """Nobody asks before the script has ended, hours later."""
    log = KernelLog(["tetras0"])
    try:
        say("tetras00: I/O error")
        assert not log.complained()
        say("tetras0: I/O error")
        wait_until(lambda: log._complained, "the error to be read without being asked for")
    finally:
        log.close()
    assert log.complained()


def test_without_a_log_nothing_is_told(tmp_path: Path) -> None:
    log = KernelLog(["tetras0"], tmp_path / "none")
    assert not log.complained()
    log.close()
