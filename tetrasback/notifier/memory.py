"""What was told in earlier sessions: a small file of the user's own."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tetrasback.host.atomic import replace
from tetrasback.notifier.told import MAX_TOLD, Told

log = logging.getLogger(__name__)

_SIZE_LIMIT: Final = 1 << 20
_OCCASION_LIMIT: Final = 300


def state_file(environment: Mapping[str, str]) -> Path | None:
    """Where the XDG base directories want it; None for a user without a home."""
    state, home = environment.get("XDG_STATE_HOME", ""), environment.get("HOME", "")
    if state.startswith("/"):
        return Path(state) / "tetras-back/notified.json"
    return Path(home) / ".local/state/tetras-back/notified.json" if home.startswith("/") else None


class Memory:
    """The file PATH (None: nothing is remembered). No failure is one of ours: it is only told."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def load(self) -> Told:
        """What was saved last; nothing where that makes no sense."""
        if self._path is None:
            return Told()
        try:
            with self._path.open("rb") as file:
                return Told(_checked(json.loads(file.read(_SIZE_LIMIT))))
        except FileNotFoundError:
            return Told()
        except (OSError, ValueError, RecursionError) as error:
            log.warning("%s cannot be used, and is written anew: %s", self._path, error)
            return Told()

    def save(self, told: Mapping[str, int]) -> None:
        """Keep TOLD from now on. It may block for as long as the disk does."""
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace(self._path, json.dumps({"told": told}, indent=1).encode(), 0o600, lambda: True)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path, error.strerror)


def _checked(content: Any) -> dict[str, int]:
    told = content.get("told") if isinstance(content, dict) else None
    if not isinstance(told, dict):
        raise ValueError("it is not of our making")
    fine = {
        occasion: at
        for occasion, at in told.items()
        if type(at) is int and len(occasion) <= _OCCASION_LIMIT
    }
    return dict(list(fine.items())[-MAX_TOLD:])
