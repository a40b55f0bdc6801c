"""The disk image of a Debian 12 server without the package, kept for as long as its recipe.

The recipe is what lies in `RECIPE`; its hash names the directory in the cache.
"""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.harness.process import run
from tests.vm.cache import CACHE, kept

HERE = Path(__file__).parent
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
    made = kept(cache / f"debian-{_recipe()}", _make)
    return Image(made / "root.qcow2", made / "vmlinuz", made / "initrd.img")


def _recipe() -> str:
    digest = hashlib.sha256()
    for name in RECIPE:
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:16]


def _packages() -> str:
    lines = (HERE / "packages.txt").read_text().splitlines()
    return ",".join(word for line in lines if not line.startswith("#") for word in line.split())


def _make(directory: Path) -> None:
    tree, raw, hook = directory / "tree", directory / "root.raw", HERE / "customize.sh"
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
        shutil.copyfile((tree / name).resolve(), directory / name)
    run(["mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", tree, raw, SIZE], seconds=300)
    run(["qemu-img", "convert", "-O", "qcow2", raw, directory / "root.qcow2"], seconds=300)
    raw.unlink()
    shutil.rmtree(tree)
