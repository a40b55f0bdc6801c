"""What is backed up: real files of the machine, and trees of many small ones."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

TAKEN = ("/usr/share", "/usr/lib/python3", "/usr/include")
_LINKED, _LISTED, _ATTRIBUTED = 500, 1000, 1000


def real_files(directory: Path, most: int) -> Path:
    """A copy of the first MOST entries of TAKEN in the new DIRECTORY, each with the directories
    that it lies in; with hard links, ACLs and attributes added."""
    directory.mkdir()
    taken = itertools.islice(_entries(TAKEN), most)
    subprocess.run(
        [
            "xargs",
            "-0",
            "cp",
            "-a",
            "--parents",
            "--reflink=never",
            f"--target-directory={directory}",
        ],
        input=b"\0".join(os.fsencode(path.lstrip("/")) for path in taken),
        check=True,
        cwd="/",
    )
    files = list(regular_files(directory))
    links = directory / "links"
    links.mkdir()
    for number, path in enumerate(files[:: max(1, len(files) // _LINKED)]):
        os.link(path, links / str(number))
    for number, path in enumerate(files[1 :: max(1, len(files) // _ATTRIBUTED)]):
        os.setxattr(path, "user.number", str(number).encode())
    listed = files[2 :: max(1, len(files) // _LISTED)]
    subprocess.run(
        ["xargs", "-0", "setfacl", "-m", "u:daemon:r"],
        input=b"\0".join(os.fsencode(path) for path in listed),
        check=True,
    )
    return directory


def _entries(directories: Iterable[str]) -> Iterator[str]:
    """What is below DIRECTORIES but for directories, in a fixed order, from each in turn."""
    walks = [_below(directory) for directory in directories]
    for several in itertools.zip_longest(*walks):
        yield from (path for path in several if path is not None)


def _below(directory: str) -> Iterator[str]:
    for top, directories, names in os.walk(directory):
        directories.sort()
        yield from (os.path.join(top, name) for name in sorted(names))


def regular_files(directory: Path) -> Iterator[Path]:
    """The regular files below DIRECTORY, in a fixed order."""
    for top, directories, names in os.walk(directory):
        directories.sort()
        for name in sorted(names):
            path = Path(top, name)
            if path.is_file() and not path.is_symlink():
                yield path


def change(directory: Path, turn: int) -> int:
    """One file in a hundred gets another content, other ones in each TURN; how many did."""
    changed = 0
    for number, path in enumerate(regular_files(directory)):
        if number % 100 == turn % 100:
            with path.open("ab") as file:
                file.write(b"changed\n")
            changed += 1
    return changed


def small_files(directory: Path, count: int) -> Path:
    """COUNT files of up to 200 bytes in directories of a thousand, in the new DIRECTORY."""
    for start in range(0, count, 1000):
        below = directory / f"{start // 100_000:03}" / f"{start // 1000 % 100:03}"
        below.mkdir(parents=True)
        for number in range(start, min(start + 1000, count)):
            (below / f"file-{number}").write_bytes(b"%d\n" % number * (1 + number % 20))
    return directory


def warm(directory: Path) -> None:
    """Read everything once, so that whoever comes first has no disk to wait for."""
    for path in regular_files(directory):
        with path.open("rb") as file:
            while file.read(1 << 20):
                pass


def clear(directory: Path) -> None:
    """Away with it."""
    shutil.rmtree(directory, ignore_errors=True)
