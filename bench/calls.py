"""How long a method call takes, beside udisks2's."""

import json
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Row, Sample, growth, kept, ratio, times
from bench.peers import UDISKS, peer
from bench.world import DISK, World
from tests.harness import run
from tests.harness.process import PYTHON
from tetrasback import names

_CALLER = Path(__file__).with_name("caller.py")
_PROPERTIES = "org.freedesktop.DBus.Properties"
_THEIRS = "/org/freedesktop/UDisks2/Manager"

_Call = Sequence[object]


def measure(empty: World, full: World, count: int) -> list[Row]:
    """A row for each kind of call, COUNT calls of every kind in turn, all by one client."""
    disk, manager = names.disk_path(DISK), names.MANAGER_INTERFACE
    ours = {
        "Get Version": (names.ROOT_PATH, _PROPERTIES, "Get", "ss", [manager, "Version"]),
        "GetAll of the root object": (names.ROOT_PATH, _PROPERTIES, "GetAll", "s", [manager]),
        "Get State of a disk": (disk, _PROPERTIES, "Get", "ss", [names.DISK_INTERFACE, "State"]),
        "GetAll of a disk": (disk, _PROPERTIES, "GetAll", "s", [names.DISK_INTERFACE]),
        "GetHistory, 10 rows": (names.ROOT_PATH, manager, "GetHistory", "stu", ["", 0, 10]),
    }
    theirs = {
        "Get": (_THEIRS, _PROPERTIES, "Get", "ss", [f"{UDISKS}.Manager", "Version"]),
        "GetAll": (_THEIRS, _PROPERTIES, "GetAll", "s", [f"{UDISKS}.Manager"]),
    }
    with empty.running(), full.running(), peer(empty, UDISKS):
        taken = _ask(
            [
                *((empty.bus.address, UDISKS, *call) for call in theirs.values()),
                *((empty.bus.address, names.BUS_NAME, *call) for call in ours.values()),
                *((full.bus.address, names.BUS_NAME, *call) for call in ours.values()),
            ],
            count,
            empty,
        )
    peers = dict(zip(theirs, taken, strict=False))
    small = taken[len(theirs) : len(theirs) + len(ours)]
    large = taken[len(theirs) + len(ours) :]
    rows = []
    for what, one, many in zip(ours, small, large, strict=True):
        beside = peers.get(what.split(" ")[0])
        rows.append(
            Row(
                f"call: {what}",
                one.show("µs"),
                many.show("µs"),
                growth(one, many),
                f"udisks2 {beside.show('µs')}: {times(ratio(one, beside))}" if beside else "",
                "growth ≤ 1.5 ×",
                kept(ratio(many, one) <= 1.5),
            )
        )
    return rows


def _ask(targets: list[_Call], count: int, world: World) -> list[Sample]:
    done = run(
        [PYTHON, "-I", _CALLER, str(count)],
        env=world.daemon.client_environment,
        text_input=json.dumps(targets),
        seconds=300,
    )
    return [Sample(values) for values in json.loads(done.stdout)]
