"""Looking at a disk comes to an end, whatever becomes of the disk."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.unit.core.world import UUIDS, device
from tetrasback.adapters import destination
from tetrasback.core.events import JobRequested
from tetrasback.core.state import Disk, DiskJob, State
from tetrasback.core.task import Kind, Task
from tetrasback.engine import Engine
from tetrasback.errors import NotPlugged
from tetrasback.retrieval import Retrieval, check


class Leaving:
    """An engine whose disk, which nobody has saved, leaves while it is waited for: with it goes
    all that was known of it. SOON: even before its job is seen."""

    def __init__(self, soon: bool) -> None:
        self.state = State(disks={UUIDS[0]: Disk(UUIDS[0])})
        self.ports = self
        self.history = self
        self._soon = soon

    async def request(self, event: JobRequested) -> None:
        job = DiskJob(self.state.next_id, event.task, "", device())
        self.state = replace(self.state, next_id=2, jobs={} if self._soon else {job.id: job})

    async def until(self, condition: Callable[[], bool]) -> None:
        self.state = replace(self.state, jobs={})
        assert condition()

    async def shown(self) -> None:
        pass

    async def snapshots(self, uuid: str) -> None:
        pass


@pytest.mark.parametrize("soon", [False, True])
async def test_disk_that_leaves_while_it_is_looked_at(soon: bool) -> None:
    retrieval = Retrieval(cast(Engine, Leaving(soon)))
    with pytest.raises(NotPlugged, match="taken away"):
        await retrieval.list_snapshots(UUIDS[0])
    with pytest.raises(NotPlugged, match="taken away"):
        await retrieval.browse(UUIDS[0], "", 0)


@pytest.mark.parametrize("paths", [(), ("/",), ("//",), ("/./",), ("/etc", "/.")])
def test_everything_in_place_is_everywhere_that_is_written_to(paths: Sequence[Any]) -> None:
    task = Task(Kind.RESTORE, UUIDS[0], paths=paths, in_place=True)
    assert {"/home", "/etc", "/root"} <= {str(path) for path in destination.targets(task, "/")}


@pytest.mark.parametrize("options", [{"in-place": True}, {"database": "mysql"}])
def test_who_authorises_sees_that_a_restore_is_unproved(options: dict[str, Any]) -> None:
    def asked(**more: bool) -> str:
        order = UUIDS[0], "", [], "", {**options, **more}
        return check("Restore", order)["destination"]

    assert asked(unproved=True) == f"{asked()} (UNPROVED: not proved to be this server's)"
    assert asked(unproved=False) == asked()
