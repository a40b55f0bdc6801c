"""The key that seals manifests: a file with 32 bytes in hexadecimal, for its owner alone."""

import os
from contextlib import suppress
from pathlib import Path

from tetrasback.snapshot.manifest import KEY_BYTES
from tetrasback.snapshot.troubles import Refused, words


def read_key(path: Path) -> bytes:
    """The key in the file at PATH, made where there is none. Raises Refused."""
    try:
        if not path.exists():
            with suppress(FileExistsError):  # somebody else was quicker
                _make_key(path)
        key = bytes.fromhex(path.read_text("ascii").strip())
    except OSError as error:
        raise Refused(f"cannot read {path}: {words(error)}") from error
    except ValueError as error:
        raise Refused(f"{path} is no key: {KEY_BYTES} bytes in hexadecimal") from error
    if len(key) != KEY_BYTES:
        raise Refused(f"{path} is no key: {KEY_BYTES} bytes in hexadecimal")
    return key


def existing_key(path: Path) -> bytes | None:
    """The key in the file at PATH, None where there is none. Raises Refused."""
    try:
        present = path.exists()
    except OSError as error:
        raise Refused(f"cannot read {path}: {words(error)}") from error
    return read_key(path) if present else None


def _make_key(path: Path) -> None:
    """On the disk as a whole, before anything is sealed with it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(os.urandom(KEY_BYTES).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
    finally:
        os.unlink(fresh)
