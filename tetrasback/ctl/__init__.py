"""tetras-backctl, the command line: an ordinary client of the daemon."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: the process's own); its exit code."""
    from tetrasback.ctl.main import run

    return run(arguments)
