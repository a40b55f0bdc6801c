"""A desktop without a desk: a session bus, a screen in memory, and dunst to show notifications."""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from tests.harness.bus import SessionBus
from tests.harness.process import BASE_ENVIRONMENT, HarnessError, Process, run, wait_until
from tests.harness.users import User

_NAME: Final = "org.freedesktop.Notifications"

_DUNSTRC: Final = """\
[global]
font = DejaVu Sans 11
width = 500
height = 300
origin = top-right
offset = 16x16
padding = 14
horizontal_padding = 16
gap_size = 10
frame_width = 0
corner_radius = 6
progress_bar_height = 8
progress_bar_min_width = 468
progress_bar_max_width = 468
progress_bar_frame_width = 0
icon_position = left
icon_path = /usr/share/icons/Adwaita/48x48/devices:/usr/share/icons/Adwaita/48x48/legacy
min_icon_size = 40
max_icon_size = 40
text_icon_padding = 14
markup = full
format = "<b>%s</b>\\n%b"
word_wrap = yes
sort = no
show_age_threshold = -1
show_indicators = no
idle_threshold = 0
always_run_script = true
dmenu = {directory}/choose

[urgency_low]
background = "#2e3440"
foreground = "#eceff4"
highlight = "#5e81ac"
timeout = 300

[urgency_normal]
background = "#2e3440"
foreground = "#eceff4"
highlight = "#5e81ac"
timeout = 300

[urgency_critical]
background = "#8f2d2d"
foreground = "#ffffff"

[record]
summary = "*"
script = {directory}/record
"""

# A record has seven lines ended by NUL; dunst starts one of these for each notification it shows.
_RECORD: Final = """\
#!/bin/sh
printf '%s\\0' "$DUNST_TIMESTAMP" "$DUNST_ID" "$DUNST_URGENCY" "$DUNST_TIMEOUT" \\
    "$DUNST_PROGRESS" "$DUNST_SUMMARY" "$DUNST_BODY" >>{directory}/shown
"""

# In place of a menu: the line that holds what `press` has written down.
_CHOOSE: Final = """\
#!/bin/sh
tee {directory}/menu.new | grep -F -f {directory}/choice
mv {directory}/menu.new {directory}/menu
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """What dunst has put on the screen. ``timeout`` in ms, 0 = it stays; ``progress`` in per
    cent, -1 = none; ``body`` with its markup."""

    id: int
    urgency: str
    timeout: int
    progress: int
    summary: str
    body: str


class Screen:
    """An X server that draws into memory; its files are in DIRECTORY."""

    def __init__(self, directory: Path, size: str = "800x600") -> None:
        log = directory / "screen.log"
        # -ac: any user of this machine may draw, as the desktop's user and root both must.
        self.process = Process(
            ["Xvfb", "-displayfd", "1", "-screen", "0", f"{size}x24", "-ac", "-nolisten", "tcp"],
            log=log,
            env=BASE_ENVIRONMENT,
            death_signal="TERM",  # it then removes its socket
        )
        wait_until(lambda: not self.process.running or _number(log), "Xvfb to open a display")
        if not self.process.running:
            raise HarnessError(f"Xvfb did not start: {self.process.tail()}")
        self.display = f":{_number(log)}"

    def __enter__(self) -> "Screen":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.stop(5)

    def picture(self, path: Path) -> None:
        """Write what is on the screen to PATH, cut to what is not background."""
        run(
            ["import", "-window", "root", "-trim", "+repage", path],
            env={**BASE_ENVIRONMENT, "DISPLAY": self.display},
        )


def _number(log: Path) -> str:
    """The display's number, which Xvfb has printed as a line of its own; empty before."""
    lines = log.read_text(errors="backslashreplace").split("\n")[:-1]
    return next((line for line in lines if line.isdecimal()), "")


class Desktop:
    """The session of USER (None: root), with files in DIRECTORY: a bus, a screen, a dunst.

    `environment` is for the programs of that session.
    """

    def __init__(self, directory: Path, user: User | None = None, size: str = "800x600") -> None:
        self.directory = directory / "desktop"
        self.directory.mkdir(mode=0o755)
        if user is not None:
            os.chown(self.directory, user.uid, user.gid)
        with ExitStack() as stack:
            self.bus = stack.enter_context(SessionBus(self.directory, user))
            self.screen = stack.enter_context(Screen(directory, size))
            self._stack = stack.pop_all()
        self.environment = {**self.bus.environment, "DISPLAY": self.screen.display}
        (self.directory / "dunstrc").write_text(_DUNSTRC.format(directory=self.directory))
        for name, text in (("record", _RECORD), ("choose", _CHOOSE)):
            script = self.directory / name
            script.write_text(text.format(directory=self.directory))
            script.chmod(0o755)
        self.dunst = self.start_dunst()

    def __enter__(self) -> "Desktop":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.dunst.stop(5)
        self._stack.close()

    def start_dunst(self) -> Process:
        """Start dunst (again, after `dunst.stop()`): it has forgotten everything."""
        argv = ["dunst", "-config", self.directory / "dunstrc"]
        self.dunst = Process(
            self.bus.as_owner(argv), log=self.directory / "dunst.log", env=self.environment
        )
        wait_until(
            lambda: not self.dunst.running or self.bus.has_owner(_NAME), "dunst to own its name"
        )
        if not self.dunst.running:
            raise HarnessError(f"dunst did not start: {self.dunst.tail()}")
        return self.dunst

    def shown(self) -> list[Shown]:
        """All that has been put on the screen, each update as another one, in their order."""
        try:
            fields = (self.directory / "shown").read_text().split("\0")[:-1]
        except FileNotFoundError:
            return []
        rows = sorted(zip(*[iter(fields)] * 7, strict=False), key=lambda row: int(row[0]))
        return [
            Shown(int(row[1]), row[2].lower(), int(row[3]), _progress(row[4]), row[5], row[6])
            for row in rows
        ]

    def on_screen(self) -> int:
        """How many notifications are on the screen now."""
        return int(self._dunstctl("count", "displayed"))

    def press(self, label: str) -> None:
        """Press the button LABEL of a notification on the screen."""
        menu = self.directory / "menu"
        menu.unlink(missing_ok=True)
        (self.directory / "choice").write_text(label + "\n")
        self._dunstctl("context")
        wait_until(menu.exists, f"a menu of buttons with {label}")
        if label not in menu.read_text():
            raise HarnessError(f"there is no button {label}, only:\n{menu.read_text()}")

    def dismiss(self) -> None:
        """Close the notifications on the screen as a person does."""
        self._dunstctl("close-all")

    def _dunstctl(self, *words: str) -> str:
        done = run(self.bus.as_owner(["dunstctl", *words]), env=self.environment)
        return done.stdout.strip()


def _progress(text: str) -> int:
    return int(text) if text else -1
