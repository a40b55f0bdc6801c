"""A file is lost and got back, as a person does it: tetras-backctl, the real programs, a disk."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bus.contract import PlainBus
from tests.bus.terminal import converse
from tests.harness import Daemon, LoopDisk, PrivateBus, run, wait_until

CONFIGURATION = """\
[backup]
scripts = ["backup_nocloud.sh"]
source = "{source}"
verify_minutes = 0
[scripts."backup_nocloud.sh"]
args = ["--data", "--config"]
"""


@pytest.fixture
def plain_bus(workspace: Path) -> Iterator[PrivateBus]:
    with PlainBus(workspace) as running:
        yield running


@pytest.fixture
def source(workspace: Path) -> Path:
    """A small server."""
    made = workspace / "server"
    for path, text in (("home/anna/letter", "dear\n"), ("etc/fstab", "#\n")):
        (made / path).parent.mkdir(parents=True)
        (made / path).write_text(text)
    return made


@pytest.fixture
def daemon(plain_bus: PrivateBus, workspace: Path, source: Path) -> Iterator[Daemon]:
    with Daemon(plain_bus, workspace, CONFIGURATION.format(source=source)) as running:
        yield running


def test_a_lost_file_is_got_back(
    daemon: Daemon, source: Path, workspace: Path, loop_disk: Callable[..., LoopDisk]
) -> None:
    def ctl(code: int, *words: str) -> str:
        done = run(daemon.ctl(*words), env=daemon.client_environment, check=False)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return str(done.stdout)

    disk = loop_disk("ext4", 64)
    letter, back = source / "home/anna/letter", workspace / "back"
    ctl(0, "plug", disk.attach())
    ctl(0, "save", f"{disk.uuid}=bleu")
    ctl(0, "backup", "bleu")
    disk.detach()
    letter.write_text("overwritten\n")

    ctl(0, "hold", "bleu")
    ctl(0, "plug", disk.attach())
    (seen,) = json.loads(ctl(0, "snapshots", "bleu", "--json"))["snapshots"]
    assert (seen["ours"], seen["manifest"]) == (True, True)
    assert "verification of bleu: success" in ctl(0, "verify", "bleu")

    shown = Path(ctl(0, "browse", "bleu").strip())
    assert (shown / "Donnees/anna/letter").read_text() == "dear\n"
    assert ctl(0, "browse", "--close").endswith("bleu is safe to unplug\n")
    assert not shown.exists()

    said = ctl(0, "restore", "bleu", "latest", "/home/anna/letter", "--to", str(back))
    assert (back / "home/anna/letter").read_text() == "dear\n"
    assert said.endswith("bleu is safe to unplug\n")
    assert letter.read_text() == "overwritten\n"
    # What is there already is not replaced, and that is said.
    ctl(6, "restore", "bleu", "latest", "/home/anna/letter", "--to", str(back))

    words = ("restore", "bleu", "latest", "/home/anna/letter", "--in-place")
    question = "To go on, type yes:"
    code, shown = converse(daemon.ctl(*words), daemon.client_environment, "no\n", question)
    assert (code, letter.read_text()) == (2, "overwritten\n"), shown
    code, shown = converse(daemon.ctl(*words), daemon.client_environment, "yes\n", question)
    assert (code, letter.read_text()) == (0, "dear\n"), shown

    assert len(json.loads(ctl(0, "history", "--json"))["history"]) == 1
    ctl(0, "release", "bleu")

    def verdicts() -> list[str]:
        return [row["verdict"] for row in json.loads(ctl(0, "history", "--json"))["history"]]

    wait_until(lambda: verdicts() == ["success"] * 2, "the backup that waited", 60)
    wait_until(lambda: "safe to unplug" in ctl(0, "disks"), "the disk to be let go of")
    (source / "home/anna/answer").write_text("dear too\n")
    ctl(0, "backup", "bleu")
    found = ctl(0, "diff", "bleu", seen["snapshot"], "latest").splitlines()
    assert "+ /home/anna/answer" in found
    assert "+ /home/anna/letter" not in found
