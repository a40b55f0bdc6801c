"""What the kernel says of a disk: on the machine's own log, and as journalctl tells it."""

from pathlib import Path

import pytest

from tests.harness import wait_until
from tetrasback.adapters import kernellog
from tetrasback.adapters.kernellog import KMSG, JournalLog, KernelLog


def say(text: str) -> None:
    with KMSG.open("w") as file:
        file.write(f"tetras-back test: {text}\n")


def test_errors_are_taken_from_the_log_before_they_are_overwritten() -> None:
    """Nobody asks before the script has ended, hours later."""
    log = kernellog.listen(["tetras0"])
    assert isinstance(log, KernelLog)
    try:
        say("tetras00: I/O error")
        assert not log.complained()
        say("tetras0: I/O error")
        wait_until(lambda: log._complained, "the error to be read without being asked for")
    finally:
        log.close()
    assert log.complained()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journalctl (there is no journald where the tests run) that shows what is in `said`, one
    line an entry, and knows the cursors ``cursor=1``, ``cursor=2``…"""
    program = tmp_path / "journalctl"
    program.write_text(
        """#!/bin/bash
cd -- "$(dirname -- "$0")" || exit
[[ $* != --sync ]] || { touch synced; exit; }
[[ -e synced && $* == '--dmesg --quiet --no-pager --output=cat '* ]] || exit
rm synced
last=${!#}
case $last in
    --show-cursor) tail -n 1 said; echo "-- cursor: cursor=$(wc -l <said)" ;;
    --after-cursor=cursor=*) tail -n "+$((${last##*=} + 1))" said ;;
    --since=@*) echo 'sdb1: I/O error of just now' ;;
esac
"""
    )
    program.chmod(0o755)
    return program


def test_journal_tells_errors_since_we_began_to_listen(journal: Path) -> None:
    said = journal.with_name("said")
    said.write_text("sdb1: I/O error of yesterday\nsda: I/O error\n")
    logs = [
        JournalLog(kernellog._about(names), str(journal)) for names in (["sdb", "sdb1"], ["sdc"])
    ]
    assert [log.complained() for log in logs] == [False, False]
    with said.open("a") as file:
        file.write("Buffer I/O error on dev sdb1, logical block 5, lost async page write\n")
    assert [log.complained() for log in logs] == [True, False]
    for log in logs:
        log.close()


def test_long_journal_is_not_read_to_its_end(journal: Path) -> None:
    journal.write_text("#!/bin/sh\ncase $* in *--since=*) exec yes sdb1: I/O error ;; esac\n")
    log = JournalLog(kernellog._about(["sdb1"]), str(journal))
    assert log.complained()


def test_without_a_log_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernellog, "JOURNALCTL", str(tmp_path / "none"))
    log = kernellog.listen(["tetras0"], tmp_path / "none")
    assert not log.complained()
    log.close()
