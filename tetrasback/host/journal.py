"""Logging to standard error, which systemd gives to the journal."""

import logging
import os
from typing import Final

LEVELS: Final = ("debug", "info", "warning", "error")


def log_to_stderr(level: str) -> None:
    """Log what is of LEVEL or worse. For the journal a line carries its priority (sd-daemon(3));
    elsewhere its level's name."""
    handler = logging.StreamHandler()
    if "JOURNAL_STREAM" in os.environ:
        for value, priority in ((10, 7), (20, 6), (30, 4), (40, 3), (50, 2)):
            logging.addLevelName(value, f"<{priority}>")
        handler.setFormatter(logging.Formatter("%(levelname)s%(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
