"""What ``tetras-back-snapshot list`` prints, read with distrust: the names come from a disk."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tetrasback.core.task import Proof, Snapshot

MOST: Final = 1000
"""Backups of one disk that are heeded, the newest."""
CAPTURE: Final = 2 << 20
"""Bytes of output that so many may take."""
NAME_MAX: Final = 255
_LARGEST: Final = 2**63 - 1


def read(output: bytes) -> tuple[Sequence[Snapshot], Sequence[str]]:
    """The backups in OUTPUT, newest first, and the lines that are none."""
    found: list[Snapshot] = []
    others: list[str] = []
    *lines, _ = output.split(b"\n")  # what has no end was cut off
    for line in lines:
        text = line.decode("utf-8", "replace")
        snapshot = parse(text)
        if snapshot is None:
            others.append(text)
        elif len(found) < MOST:
            found.append(snapshot)
    return sorted(found, key=lambda item: (item.started, item.snapshot), reverse=True), others


def parse(line: str) -> Snapshot | None:
    """One line, None if it is not of this form."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or not is_folder(values.get("snapshot")):
        return None
    return Snapshot(
        snapshot=values["snapshot"],
        started=_number(values, "started"),
        host=_text(values, "host"),
        ours=values.get("ours") is True,
        original=values.get("original") is True,
        pinned=values.get("pinned") is True,
        files=_number(values, "files"),
        bytes=_number(values, "bytes"),
        manifest=values.get("manifest") is True,
        proof=_proof(values),
    )


def written(snapshots: Sequence[Snapshot]) -> str:
    """SNAPSHOTS as `parse` reads them, a line each."""
    return "".join(
        json.dumps({name: getattr(item, name) for name in Snapshot.__dataclass_fields__}) + "\n"
        for item in snapshots
    )


def is_folder(name: object) -> bool:
    """Whether NAME can be that of a backup's folder."""
    return (
        isinstance(name, str)
        and 0 < len(name.encode("utf-8", "replace")) <= NAME_MAX
        and name.isprintable()
        and "/" not in name
        and name[0] not in ".-"
    )


def _proof(values: Mapping[str, Any]) -> str:
    value = values.get("proof")
    return value if isinstance(value, str) and value in set(Proof) else ""


def _number(values: Mapping[str, Any], key: str) -> int:
    value = values.get(key)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return max(0, min(int(value), _LARGEST)) if is_number and value is not None else 0


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    return value[:NAME_MAX] if isinstance(value, str) else ""
