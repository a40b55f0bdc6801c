"""Stands in for tetras-back-snapshot, in the daemon's copy of the package, where a test wants it to
hang, to fail or to warn. What it was asked for it notes in ``asked`` beside itself, one JSON list a
line; ``behave`` there says how a verification or a restore goes.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def say(line: str) -> None:
    os.write(int(os.environ["TETRAS_BACK_PROGRESS_FD"]), f"{line}\n".encode())


def backups(mount: Path) -> list[Path]:
    return sorted((item for item in mount.iterdir() if "_Sauvegarde_" in item.name), reverse=True)


def described(mount: Path, folder: Path) -> dict[str, object]:
    return {
        "snapshot": folder.name,
        "started": 1_700_000_000_000_000 + int(folder.name[:4]),
        "host": "serveur",
        "ours": True,
        "original": False,
        "pinned": (mount / ".tetras-back/pins" / folder.name).exists(),
        "files": 3,
        "bytes": 5,
        "manifest": not folder.name.endswith("_bare"),
        "proof": "unsealed" if folder.name.endswith("_bare") else "sealed",
    }


def main(words: list[str]) -> int:
    with (HERE / "asked").open("a") as file:
        file.write(json.dumps(words) + "\n")
    command, *rest = words
    if command == "list":
        for folder in backups(Path(rest[0])):
            print(json.dumps(described(Path(rest[0]), folder)))
        return 0
    if command in ("pin", "unpin"):
        pin = Path(rest[0], ".tetras-back/pins", rest[1])
        pin.parent.mkdir(parents=True, exist_ok=True)
        pin.touch() if command == "pin" else pin.unlink()
        return 0
    return behave(json.loads((HERE / "behave").read_text()))


def behave(how: dict[str, object]) -> int:
    place = next(word for word in sys.argv if "_Sauvegarde_" in word and word.startswith("/"))
    print(f"writable: {os.access(place, os.W_OK)}", flush=True)
    for line in how.get("say", ()):  # type: ignore[attr-defined]
        say(line)
    if how.get("hang"):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        while True:
            time.sleep(60)
    return int(how.get("exit", 0))  # type: ignore[call-overload]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
