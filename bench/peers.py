"""The peers: Debian's firewalld and udisks2, on the private bus of a world."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.world import World
from tests.harness import HarnessError, wait_until
from tests.harness.process import Process

FIREWALLD = "org.fedoraproject.FirewallD1"
UDISKS = "org.freedesktop.UDisks2"

# In a network of its own there is no firewall to change but its own; likewise udisks' files.
_COMMANDS = {
    FIREWALLD: ["unshare", "--net", "--", "/usr/sbin/firewalld", "--nofork", "--nopid"],
    UDISKS: [
        *("unshare", "--mount", "--propagation=slave", "sh", "-c"),
        "mount -t tmpfs none /var/lib/udisks2 && exec /usr/libexec/udisks2/udisksd",
    ],
}


@contextmanager
def peer(world: World, name: str) -> Iterator[Process]:
    """The peer that owns NAME, ready to answer."""
    log = world.directory / f"{name}.log"
    process = Process(_COMMANDS[name], log=log, env=world.bus.environment)
    try:
        wait_until(
            lambda: not process.running or world.bus.has_owner(name), f"{name} on the bus", 60
        )
        if not process.running:
            raise HarnessError(f"{name} did not start: {process.tail()}")
        yield process
    finally:
        process.stop()
