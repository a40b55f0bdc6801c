"""Which tests may run beside which, where pytest-xdist runs them in several processes."""

from xdist.scheduler import LoadScopeScheduling

_IN_ORDER = ("tests/system/test_scripts_", "tests/system/test_snapshot", "tests/system/")
"""What one process runs, one after another: those of the scripts and of snapshots fill disks and
start servers, the rest of `tests/system` looks at the machine's processes and block devices, and
would see another test's."""


class SystemInOrder(LoadScopeScheduling):  # type: ignore[misc]
    """The parts of `tests/system` run in order, in one process each; the rest where it can."""

    def _split_scope(self, nodeid: str) -> str:
        return next((part for part in _IN_ORDER if nodeid.startswith(part)), nodeid)
