"""A real polkitd on a private bus.

polkitd reads its actions and rules from fixed places, so it runs in a mount namespace of its own
in which the project's are bound over them; the machine's stay untouched.
"""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from tests.harness.bus import PrivateBus
from tests.harness.process import OWN_MOUNTS, PROJECT, HarnessError, Process, run, wait_until

_POLKITD = "/usr/lib/polkit-1/polkitd"
_NAME = "org.freedesktop.PolicyKit1"

# $1 and $2 stand for the prepared directories; polkitd takes the place of the shell.
_ENTER = (
    'mount --bind "$1" /usr/share/polkit-1 && mount --bind "$2" /etc/polkit-1 &&'
    f" exec {_POLKITD} --no-debug"
)

_AT_THE_USUAL_PLACE = """\
mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/dbus &&
ln -s "$1" /run/dbus/system_bus_socket && shift && exec "$@"
"""


def at_the_usual_place(bus: PrivateBus, argv: Sequence[str]) -> list[str]:
    """ARGV run where BUS is found at the system bus's own place: polkit's set-uid helper, which
    checks passwords, clears its environment."""
    return [
        *OWN_MOUNTS,
        *("sh", "-c", _AT_THE_USUAL_PLACE),
        *("sh", str(bus.socket), *argv),
    ]


class Polkitd:
    """polkitd on BUS, with the project's actions and rules and those in EXTRA_RULES (JavaScript).

    The extra rules are asked first. For a machine without polkit simply start none; for one that
    hangs, `pause` it.
    """

    def __init__(
        self, bus: PrivateBus, extra_rules: str = "", policies: Iterable[Path] = ()
    ) -> None:
        self.bus = bus
        share, etc = bus.directory / "polkit-share", bus.directory / "polkit-etc"
        for place in (share / "actions", share / "rules.d", etc / "rules.d"):
            place.mkdir(parents=True)
        own = sorted((PROJECT / "polkit").glob("*.policy"))
        for policy in (*own, *policies):
            shutil.copy(policy, share / "actions")
        for rules in (PROJECT / "polkit").glob("*.rules"):
            shutil.copy(rules, share / "rules.d")
        (etc / "rules.d/10-extra.rules").write_text(extra_rules)
        self.process = self._start()

    def __enter__(self) -> "Polkitd":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        for name in ("polkit-share", "polkit-etc"):
            shutil.rmtree(self.bus.directory / name)

    def _start(self) -> Process:
        places = [self.bus.directory / "polkit-share", self.bus.directory / "polkit-etc"]
        process = Process(
            [*OWN_MOUNTS, "sh", "-c", _ENTER, "sh", *places],
            log=self.bus.directory / "polkitd.log",
            env=self.bus.environment,
        )
        wait_until(
            lambda: not process.running or self.bus.has_owner(_NAME), "polkitd to own its name"
        )
        if not process.running:
            raise HarnessError(f"polkitd did not start: {process.tail()}")
        return process

    def stop(self) -> None:
        self.process.stop(5)

    def restart(self) -> None:
        """A new polkitd with the same rules, after `stop` or after the bus was restarted."""
        self.stop()
        self.process = self._start()

    def pause(self) -> None:
        """It keeps its name but answers nothing until `resume`."""
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def actions(self) -> set[str]:
        """The ids of all actions that it knows."""
        return set(run(["pkaction"], env=self.bus.environment).stdout.split())
