"""Replace a file as a whole or not at all."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path


class Overtaken(Exception):
    """The file is no longer what the caller had read; nothing was written."""


def replace(path: Path, data: bytes, mode: int, unchanged: Callable[[], bool]) -> None:
    """Make DATA the content of PATH, so that a power cut leaves the old content or the new.

    Where PATH is a symlink its target is replaced. A file that is there keeps its owner and mode, a
    new one gets MODE. UNCHANGED is asked at the last moment before the old file goes: False raises
    Overtaken. Raises OSError as the system gives it; the old file is whole then, and nothing of
    ours is left beside it.
    """
    target = Path(os.path.realpath(path))
    # Always the same name: what a kill left here is cleared by the next write.
    name = f".{target.name}.new"
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o600, dir_fd=directory)
        try:
            _fill(descriptor, data, target, mode)
            if not unchanged():
                raise Overtaken
            os.rename(name, target.name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=directory)
            raise
        finally:
            os.close(descriptor)
        os.fsync(directory)
    finally:
        os.close(directory)


def _fill(descriptor: int, data: bytes, like: Path, mode: int) -> None:
    try:
        old = os.stat(like, follow_symlinks=False)
    except FileNotFoundError:
        os.fchmod(descriptor, mode)
    else:
        new = os.fstat(descriptor)
        if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
            # Not where it is ours anyway: a service's sandbox may forbid the call as such.
            os.fchown(descriptor, old.st_uid, old.st_gid)
        os.fchmod(descriptor, old.st_mode & 0o777)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)
