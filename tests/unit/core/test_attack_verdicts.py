"""Ways to a wrong verdict, or to none, that were once open."""

import pytest

from tests.unit.core.world import SECOND, UUIDS, World, config, device
from tetrasback.core import events
from tetrasback.core.speech import Listener
from tetrasback.core.state import Code, Script, Verdict
from tetrasback.core.verdict import of_script


@pytest.mark.parametrize("status", [0, 3])
@pytest.mark.parametrize("code", ["disk-full", "disk-error"])
def test_trouble_of_the_disk_is_a_failure_whatever_the_status(status: int, code: str) -> None:
    listener = Listener()
    listener.feed(f"warning {code}: one folder is missing\nwarning source-unreadable: x\n".encode())
    finding = of_script(Script("a.sh"), status, "", "", listener.progress)
    assert finding is not None
    assert (finding.verdict, finding.code) == (Verdict.FAILED, code)


def test_a_clock_that_is_set_back_does_not_stretch_the_grace() -> None:
    world = World(config(UUIDS[0])).start()
    world.happen(events.DeviceSeen(device()))

    def fails(effect: object) -> object:
        world.now -= 3600 * SECOND
        return events.DiskClosed(effect.backup_id, Code.DISK_ERROR, "lost")  # type: ignore[attr-defined]

    world.settle(
        SyncDisk=lambda effect: events.DiskSynced(effect.backup_id, Code.DISK_ERROR, "lost"),
        CloseDisk=fails,
    )
    (seconds,) = [value for key, value in world.timers.items() if key.startswith("grace")]
    assert seconds <= 10
