"""What systemd runs for us ends with our unit, where we are in one."""

from pathlib import Path

import pytest

from tetrasback.adapters.outside import Outside


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/tetras-back.service\n", "tetras-back.service"),
        ("9:pids:/x\n1:name=systemd:/system.slice/tetras-back.service\n", "tetras-back.service"),
        ("0::/\n", ""),
        # A user's manager has services too, of which that of the system knows nothing.
        ("0::/user.slice/user-0.slice/user@0.service/app.slice/x.service\n", ""),
        ("0::/user.slice/user-0.slice/session-1.scope\n", ""),
        ("", ""),
    ],
)
def test_bound_to_our_unit(tmp_path: Path, cgroup: str, unit: str) -> None:
    (tmp_path / "cgroup").write_text(cgroup)
    outside = Outside(-1, systemd=True, cgroup=tmp_path / "cgroup")
    assert outside.bound() == ([f"--property=BindsTo={unit}"] if unit else [])
    assert Outside(-1, systemd=True, cgroup=tmp_path / "none").bound() == []
