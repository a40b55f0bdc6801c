"""`sudo make demo WEB=1`: the page for Cockpit, on loopback, with the demo's disk.

Nobody logs in there, so whoever reaches the port of this machine is who the page runs as: a user
made for it, in the group tetras-back, who may run backups and take the disk away. WEB=root is root
instead, who may do everything, also in Cockpit's terminal.
"""

import os
import signal
from contextlib import ExitStack
from pathlib import Path

from tests.demo.show import command, say, title
from tests.harness import Cockpit, HarnessError, LoopDisk, PrivateBus, User

_SERVER = Path("/usr/lib/cockpit/cockpit-ws")


def wanted() -> str:
    """How the page was asked for; empty = not at all. Raises HarnessError for a senseless way."""
    how = os.environ.get("WEB", "")
    if how not in ("", "1", "root"):
        raise HarnessError(f"WEB is 1 or root, not {how}")
    if how and not _SERVER.exists():
        raise HarnessError("Cockpit is not there: run it as: sudo make demo WEB=1")
    return how


def serve(
    stack: ExitStack, bus: PrivateBus, workspace: Path, disk: LoopDisk, users: list[str]
) -> None:
    """Serve the page until a signal ends the demo."""
    title("The page in Cockpit, until Ctrl-C")
    person = None
    if wanted() != "root":
        person = stack.enter_context(User(("tetras-back",), prefix="tb-demo-"))
        users.append(person.name)
        # The bus and polkit know the members of groups that there were when they last looked.
        bus.reload()
        say(f"for {person.name}, who is in the group tetras-back and may run backups")
    else:
        say("for root: whoever reaches this port of this machine may do everything on it")
    cockpit = stack.enter_context(Cockpit(bus, workspace, person))
    print(f"open: {cockpit.shell}", flush=True)
    say("in another terminal, to take the disk away and to bring it back:")
    command(["losetup", "--detach", disk.device])
    command(["losetup", "--find", "--show", disk.image])
    signal.pause()
