"""The disk image of a Debian 12 server without the package, kept for as long as its recipe.

The recipe is what lies in `RECIPE`; its hash names the directory in the cache, and images of
other recipes are removed from there.
"""

import fcntl
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.harness.process import run

HERE = Path(__file__).parent
CACHE = Path("/var/cache/tetras-back-vm")
RECIPE = ("packages.txt", "customize.sh", "agent.py", "image.py")
SIZE = "4G"
SUITE = "bookworm"


@dataclass(frozen=True)
class Image:
    """A disk image, and the kernel that boots it."""

    disk: Path
    kernel: Path
    initrd: Path


def image(cache: Path = CACHE) -> Image:
    """The image in CACHE, made first where there is none of this recipe (two minutes or more)."""
    wanted = cache / f"debian-{_recipe()}"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.exists():
            for old in cache.glob("debian-*"):
                shutil.rmtree(old)
            _make(wanted)
    return Image(wanted / "root.qcow2", wanted / "vmlinuz", wanted / "initrd.img")


def _recipe() -> str:
    digest = hashlib.sha256()
    for name in RECIPE:
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:16]


def _packages() -> str:
    lines = (HERE / "packages.txt").read_text().splitlines()
    return ",".join(word for line in lines if not line.startswith("#") for word in line.split())


def _make(directory: Path) -> None:
    work = directory.with_suffix(".part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    tree, raw, hook = work / "tree", work / "root.raw", HERE / "customize.sh"
    run(
        [
            *("mmdebstrap", "--quiet", "--mode=root", "--variant=apt", "--format=directory"),
            f"--include={_packages()}",
            f'--extract-hook={hook} early "$1"',
            f'--customize-hook={hook} late "$1"',
            # Nobody reads these there, and a smaller image is a quicker one.
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*",
            *(SUITE, tree),
        ],
        seconds=1200,
    )
    for name in ("vmlinuz", "initrd.img"):
        shutil.copyfile((tree / name).resolve(), work / name)
    run(["mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", tree, raw, SIZE], seconds=300)
    run(["qemu-img", "convert", "-O", "qcow2", raw, work / "root.qcow2"], seconds=300)
    raw.unlink()
    shutil.rmtree(tree)
    work.rename(directory)
