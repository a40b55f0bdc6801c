"""Completion in real shells on a terminal: what is inserted is exactly the disk's name."""

import os
import pty
import re
import select
import shlex
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.process import run

COMPLETION = Path(__file__).parents[3] / "tetrasback/ctl/completion"
NAMES = ("bleu", "l'été $(touch PWNED) x", "a:b=c d", 'tout "rouge"', "`touch PWNED`;z", "x!y\\z")
SNAPSHOT = "2026-11-25_11-00-00_Sauvegarde_web"
UUID = "0b5a9f3e-95f2-4d2f-a5a4-6ab9a5a4c4de"

PROGRAM = f"""#!/bin/sh
case $1 in
    __complete)
        case $2 in
            disks) cat names ;;
            unsaved | uuids) echo {UUID} ;;
            fifos) echo '/srv/été & fifo' ;;
            scripts) echo backup_x.sh ;;
            preparable) echo /dev/sdx ;;
            snapshots) grep -qxF "$3" names && echo 2026-11-25_11-00-00_Sauvegarde_web ;;
        esac ;;
    *)
        for word; do printf 'ARG<%s>\\n' "$word"; done
        echo END$#END ;;
esac
"""

SHELLS = {
    "bash": (
        ["bash", "--norc", "-i"],
        f". {COMPLETION}/tetras-backctl.bash; . {COMPLETION}/tetras-back.bash",
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        f"fpath=({COMPLETION} $fpath); autoload -U compinit; compinit -uD",
    ),
    "fish": (
        ["fish", "--private", "-N"],
        f"source {COMPLETION}/tetras-backctl.fish; source {COMPLETION}/tetras-back.fish",
    ),
}
TYPED = {
    "backup bl": [NAMES[0]],
    "backup l": [NAMES[1]],
    "history l\\'": [NAMES[1]],
    "backup 'l": [NAMES[1]],
    'backup "l': [NAMES[1]],
    "backup a": [NAMES[2]],
    "backup a:": [NAMES[2]],
    "backup a:b=c": [NAMES[2]],
    "cancel tou": [NAMES[3]],
    "hold tou": [NAMES[3]],
    "release bl": [NAMES[0]],
    "backup 'tou": [NAMES[3]],
    'backup "tou': [NAMES[3]],
    "backup \\`": [NAMES[4]],
    "unplug x": [NAMES[5]],
    "backup 'x": [NAMES[5]],
    **{f"pin {shlex.quote(name)} 20": [name, SNAPSHOT] for name in NAMES},
    "pin bl": [NAMES[0]],
    "verify 'bleu' 20": ["bleu", SNAPSHOT],
    "restore --to=/ bleu 20": ["--to=/", "bleu", SNAPSHOT],
    "browse bleu 20": ["bleu", SNAPSHOT],
    "diff bleu x 20": ["bleu", "x", SNAPSHOT],
    "restore bleu latest /dev/nul": ["bleu", "latest", "/dev/null"],
    "jobs tou": [NAMES[3]],
    "enable b": ["backup_x.sh"],
    "save 0": [f"{UUID}="],
    "prepare /d": ["/dev/sdx"],
}
ORIGINAL_TYPED = {
    "--sav\t0": ["--save", f"{UUID}="],
    "-s 0": ["-s", f"{UUID}="],
    "--forget 0": ["--forget", UUID],
    "-l /": ["-l", "/srv/été & fifo"],
    "--plug /dev/nul": ["--plug", "/dev/null"],
    "--register /dev/nul": ["--register", "/dev/null"],
}


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, argv: list[str], directory: Path) -> None:
        environment = {
            "PATH": f"{directory}:/usr/bin:/bin",
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "TERM": "xterm" if argv[0] == "fish" else "dumb",
        }
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execvpe(argv[0], argv, environment)

    def type(self, text: str, until: str) -> str:
        """What appears after TEXT was typed, up to the first match of UNTIL."""
        os.write(self.descriptor, text.encode())
        shown = b""
        end = time.monotonic() + 20
        while not re.search(until, shown.decode(errors="replace")):
            assert time.monotonic() < end, shown.decode(errors="replace")
            if select.select([self.descriptor], [], [], 0.2)[0]:
                shown += os.read(self.descriptor, 65536)
        return shown.decode(errors="replace")

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.descriptor)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    argv, load = SHELLS[request.param]
    assert shutil.which(argv[0]), f"apt-get install {argv[0]}"
    (tmp_path / "names").write_text("\n".join(NAMES) + "\n")
    for name in ("tetras-backctl", "tetras-back"):
        program = tmp_path / name
        program.write_text(PROGRAM)
        program.chmod(0o755)
    terminal = Terminal(argv, tmp_path)
    try:
        terminal.type(f"{load}; echo REA''DY\n", "READY")
        yield terminal
    finally:
        terminal.close()


def test_what_is_completed_is_exactly_the_name(shell: Terminal, tmp_path: Path) -> None:
    for typed, expected in TYPED.items():
        shown = shell.type(f"tetras-backctl {typed}\t\n", r"END\d+END")
        words = re.findall(r"ARG<(.*?)>\r?\n", shown)
        assert words[1:] == expected, typed
    assert not (tmp_path / "PWNED").exists()


def test_the_originals_flags_are_completed(shell: Terminal) -> None:
    for typed, expected in ORIGINAL_TYPED.items():
        shown = shell.type(f"tetras-back {typed}\t\n", r"END\d+END")
        assert re.findall(r"ARG<(.*?)>\r?\n", shown) == expected, typed


@pytest.mark.parametrize("program", ["tetras-backctl", "tetras-back"])
def test_completions_are_well_formed(program: str) -> None:
    run(["shellcheck", COMPLETION / f"{program}.bash"])
    run(["zsh", "-n", COMPLETION / f"_{program}"])
    run(["fish", "-n", COMPLETION / f"{program}.fish"])


def test_manual_page_is_well_formed() -> None:
    page = Path(__file__).parents[3] / "man/tetras-backctl.1"
    assert run(["mandoc", "-T", "lint", page]).stdout == ""
    assert run(["groff", "-man", "-ww", "-z", page]).stderr == ""
