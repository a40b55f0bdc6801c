"""What of a workspace is still there after its end; nothing, if all went well."""

import os
import pwd
from collections.abc import Iterable
from pathlib import Path

from tests.harness.process import run, users_of
from tests.harness.relay import forgotten_users


def traces(workspace: Path, users: Iterable[str] = ()) -> list[str]:
    """Processes, mounts, loop devices, udev rules and files of WORKSPACE, and those of USERS."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    lines = Path("/proc/mounts").read_text(errors="backslashreplace").splitlines()
    loops = run(["losetup", "--list", "--noheadings", "--output=NAME,BACK-FILE"]).stdout
    rules = Path("/run/udev/rules.d")
    return [
        *(f"process {pid}" for pid in users_of(workspace)),
        *(f"mount {line.split(' ')[1]}" for line in lines if workspace.name in line),
        *(f"loop device {line}" for line in loops.splitlines() if workspace.name in line),
        *(f"udev rule {path}" for path in rules.glob(f"*{workspace.name}*")),
        *(f"user {name}" for name in users if name in known),
        *(f"user {name}" for name in forgotten_users()),
        *([f"directory {workspace}"] if os.path.lexists(workspace) else []),
    ]
