"""The catalogues, built for a test wherever it wants them."""

from pathlib import Path

from tests.harness.process import PROJECT, run


def build_catalogues(directory: Path) -> Path:
    """The catalogues of `po/` in DIRECTORY, as they are now; it."""
    run(
        [
            *("make", "--silent", "--always-make", f"--directory={PROJECT}"),
            *("catalogues", f"LOCALE_DIR={directory}"),
        ]
    )
    return directory
