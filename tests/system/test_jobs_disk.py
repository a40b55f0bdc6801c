"""A daemon killed in the middle of a script: its mounts die with it, the disk is free again."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.harness import LoopDisk, wait_until
from tests.harness.process import BASE_ENVIRONMENT, PROJECT, Process
from tests.system.jobs_support import have_marked

MARK = "tetras-back-test-disk-mark"

DAEMON = """
import asyncio, ctypes, sys
from pathlib import Path
from tests.harness import run
from tests.system.jobs_support import Bench
CLONE_NEWNS, MS_REC, MS_SLAVE = 0x20000, 0x4000, 1 << 19
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(CLONE_NEWNS) == 0
assert libc.mount(b"none", b"/", None, MS_REC | MS_SLAVE, None) == 0
async def main():
    bench = Bench(Path(sys.argv[1]))
    run(["mount", sys.argv[2], bench.mount])
    bench.script(sys.argv[3])
    await bench.jobs.run(bench.job(), print)
asyncio.run(main())
"""

SCRIPT = f"""
trap '' TERM
setsid bash -c "trap '' TERM; cd /; exec 9> '$1/held'; while :; do sleep 0.2; done" {MARK} &
while :; do echo x >> "$1/file"; sleep 0.1; done
"""


def _is_free(device: str) -> bool:
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_EXCL))
    except OSError:
        return False
    return True


def test_a_killed_daemon_leaves_the_disk_free(
    workspace: Path, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk("ext4", 32)
    device = disk.attach()
    assert _is_free(device)
    (workspace / "bench").mkdir()
    daemon = Process(
        [sys.executable, "-c", DAEMON, workspace / "bench", device, SCRIPT],
        log=workspace / "log",
        env={**BASE_ENVIRONMENT, "PYTHONPATH": str(PROJECT)},
    )
    try:
        wait_until(have_marked(MARK, 1), "the script to hold the disk")
        assert not _is_free(device)
    finally:
        daemon.kill()
    wait_until(lambda: _is_free(device), "the disk to be free", 3)
    assert have_marked(MARK, 0)()
