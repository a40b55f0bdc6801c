"""Machines that stand still, to go on from in a second: booted, and with the package installed."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.harness.process import HarnessError, run
from tests.vm.image import image
from tests.vm.machine import QEMU, Machine, Snapshot


def booted() -> Snapshot:
    """A Debian that has booted, without the package; kept beside its image."""
    found = image()
    off = Snapshot(found.disk, found.kernel, found.initrd)
    # Memory that one QEMU wrote is for no other one.
    version = run([QEMU, "--version"]).stdout.split(")")[0].split("version ")[1]
    directory = found.disk.with_name(f"booted-{version.replace(' ', '')}")
    memory = directory / "memory"
    if not memory.exists():
        shutil.rmtree(directory, ignore_errors=True)
        with Machine(directory, off) as machine:
            machine.boot()
            part = memory.with_suffix(".part")
            machine.save(part)
            part.rename(memory)
    return Snapshot(directory / "root.qcow2", found.kernel, found.initrd, memory)


def installed(directory: Path, packages: Sequence[Path]) -> Snapshot:
    """The same, after `apt install` of PACKAGES as an administrator does it; in DIRECTORY."""
    with Machine(directory, booted()) as machine:
        machine.restore()
        install(machine, packages)
        return machine.save(directory / "memory")


def packages(directory: Path) -> list[Path]:
    """The package files in DIRECTORY, which `make deb` has put there."""
    found = sorted(directory.glob("tetras-back*.deb"))
    if not found:
        raise HarnessError(f"there is no package in {directory}; make deb makes it")
    return found


def install(machine: Machine, packages: Sequence[Path]) -> str:
    """Install the files PACKAGES with apt, without a question; what apt said."""
    paths = [f"/var/tmp/{package.name}" for package in packages]
    for package, path in zip(packages, paths, strict=True):
        machine.send(package, path)
    return machine.shell(
        f"DEBIAN_FRONTEND=noninteractive apt-get install -y {' '.join(paths)} 2>&1"
    )
