"""The registrations, kept over a restart: a file of JSON that only the relay may read."""

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tetrasback.errors import Failed, InvalidArgs
from tetrasback.host.atomic import replace
from tetrasback.relay.fifo import Registration
from tetrasback.relay.forms import check_format, check_path

log = logging.getLogger(__name__)

_SIZE_LIMIT: Final = 8 << 20


class Store:
    """The file in DIRECTORY, which is made where it is not there."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = directory / "clients.json"

    def load(self) -> list[Registration]:
        """What was saved last. A file that makes no sense is put aside, and nothing is registered:
        whoever still wants to be told registers again."""
        try:
            with self._path.open("rb") as file:
                data = file.read(_SIZE_LIMIT)
        except FileNotFoundError:
            return []
        try:
            return [_registration(item) for item in json.loads(data)["clients"]]
        except (ValueError, TypeError, KeyError, AttributeError, InvalidArgs) as error:
            aside = self._path.with_suffix(".broken")
            log.error("%s makes no sense (%s); it is now %s", self._path, error, aside)
            os.replace(self._path, aside)
            return []

    def save(self, registrations: Iterable[Registration]) -> None:
        """Keep these from now on. Raises Failed; then those from before are still kept."""
        data = json.dumps({"clients": [asdict(one) for one in registrations]}, indent=1)
        try:
            replace(self._path, data.encode(), 0o600, lambda: True)
        except OSError as error:
            raise Failed(f"{self._path} cannot be written: {error.strerror}") from error


def _registration(item: Any) -> Registration:
    uid, owner = item["uid"], item["owner"]
    if type(uid) is not int or not (owner is None or type(owner) is int):
        raise ValueError("a user's number is none")
    return Registration(check_path(item["path"]), check_format(item["format"]), uid, owner)
