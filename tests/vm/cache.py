"""What takes minutes to make is kept, until nobody has used it for some days."""

import fcntl
import shutil
import time
from collections.abc import Callable
from pathlib import Path

CACHE = Path("/var/cache/tetras-back-vm")
DAYS = 3


def kept(directory: Path, make: Callable[[Path], None]) -> Path:
    """DIRECTORY, made by MAKE (in another place) where there is none.

    Its name is KIND-KEY. Beside it, those of its kind go that were not used for `DAYS`: not at
    once, since another checkout of the project may be using them.
    """
    kind = directory.name.partition("-")[0]
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory.parent / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for old in directory.parent.glob(f"{kind}-*"):
            if time.time() - old.stat().st_mtime > DAYS * 86400:
                shutil.rmtree(old)
        if not directory.exists():
            part = directory.with_name(f"{kind}.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            make(part)
            part.rename(directory)
        directory.touch()
    return directory
