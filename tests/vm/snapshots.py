"""Machines that stand still, to go on from in a second: booted, and with the package installed.

They are kept beside the image that they come from, and go with it.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.harness.process import HarnessError, run
from tests.vm.cache import kept
from tests.vm.image import image
from tests.vm.machine import QEMU, Machine, Snapshot

PACKAGES = ("tetras-back", "tetras-back-notify", "tetras-back-cockpit")


def booted() -> Snapshot:
    """A Debian that has booted, without the package."""
    found = image()
    off = Snapshot(found.disk, found.kernel, found.initrd)
    # Memory that one QEMU wrote is for no other one.
    version = run([QEMU, "--version"]).stdout
    return _kept("booted", version.encode(), off, Machine.boot)


def installed(packages: Sequence[Path]) -> Snapshot:
    """The same, after `apt install` of PACKAGES as an administrator does it."""

    def prepare(machine: Machine) -> None:
        machine.restore()
        install(machine, packages)

    content = b"".join(package.read_bytes() for package in packages)
    return _kept("installed", content, booted(), prepare)


def packages(directory: Path) -> list[Path]:
    """The package files in DIRECTORY, which `make deb` has put there."""
    found = [path for name in PACKAGES for path in sorted(directory.glob(f"{name}_*.deb"))]
    if len(found) < len(PACKAGES):
        raise HarnessError(f"there is no package in {directory}; make deb makes it")
    return found


def install(machine: Machine, packages: Sequence[Path]) -> str:
    """Install the files PACKAGES with apt, without a question; what apt said."""
    paths = [f"/var/tmp/{package.name}" for package in packages]
    for package, path in zip(packages, paths, strict=True):
        machine.send(package, path)
    return machine.shell(
        f"DEBIAN_FRONTEND=noninteractive apt-get install -y {' '.join(paths)} 2>&1", seconds=1500
    )


def _kept(what: str, key: bytes, base: Snapshot, prepare: Callable[[Machine], None]) -> Snapshot:
    """BASE after PREPARE, made where none is kept for KEY."""

    def make(directory: Path) -> None:
        with Machine(directory, base) as machine:
            prepare(machine)
            machine.save(directory / "memory")

    name = hashlib.sha256(key).hexdigest()[:16]
    directory = kept(base.disk.parent / f"{what}-{name}", make)
    return Snapshot(directory / "root.qcow2", base.kernel, base.initrd, directory / "memory")
