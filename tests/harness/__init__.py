"""Real parts for the tests, the benches and the demo, each a context manager.

::

    Workspace     a directory; whatever still uses it at the end is ended, unmounted, detached
    PrivateBus    a dbus-daemon of its own, with the project's bus policy
    Polkitd       a real polkitd on that bus, with the project's actions and rules
    UdevDaemon    the machine's udevd: found running, or started and shared
    TagRule       a udev rule that makes our loop devices candidates, and only ours
    LoopDisk      a file system on a loop device, to plug in and pull out
    Desktop       a session bus, a screen in memory and dunst, for a user
    User          an unprivileged user, made and removed
    SmtpSink      an SMTP server on loopback, and a real sendmail that leads to it
    Cockpit       Cockpit's web server and bridge, with the page of this checkout, for one person
    CockpitLogin  the same for who logs in, with a name and a password
    Daemon        the daemon under test, from a root-owned copy of the tree
    Notifier      the desktop notifier under test
    Relay         the FIFO relay under test, run as its own user

All need root. Nothing here knows pytest; nothing of the machine's own is changed but what a user
or a udev rule in /run must change, and that is taken back. The machine's system bus is never
touched.
"""

from tests.harness.bus import PrivateBus, SessionBus
from tests.harness.cockpit import Cockpit, CockpitLogin
from tests.harness.daemon import Daemon, install_tree
from tests.harness.desktop import Desktop
from tests.harness.disks import LoopDisk
from tests.harness.notifier import Notifier
from tests.harness.polkit import Polkitd
from tests.harness.process import HarnessError, run, wait_until
from tests.harness.relay import Relay
from tests.harness.smtp import SmtpSink
from tests.harness.udevd import TagRule, UdevDaemon, settle
from tests.harness.users import User, run_as
from tests.harness.workspace import Workspace

__all__ = [
    "Cockpit",
    "CockpitLogin",
    "Daemon",
    "Desktop",
    "HarnessError",
    "LoopDisk",
    "Notifier",
    "Polkitd",
    "PrivateBus",
    "Relay",
    "SessionBus",
    "SmtpSink",
    "TagRule",
    "UdevDaemon",
    "User",
    "Workspace",
    "install_tree",
    "run",
    "run_as",
    "settle",
    "wait_until",
]
