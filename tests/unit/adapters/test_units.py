"""Units stopped and started again. `systemctl` is a stand-in: no systemd runs where tests do."""

import logging
from pathlib import Path

import pytest

from tetrasback.adapters.units import Units

# Units are files in $0.d: their content is their state, or how they misbehave.
SYSTEMCTL = """\
#!/bin/sh
verb=$1; shift
while [ "$1" != -- ]; do shift; done
unit="$0.d/$2"
record="$0.d/../stopped-units"
echo "$verb $2" >> "$0.calls"
state=$(cat "$unit" 2>/dev/null)
case $verb in
is-active) [ "$state" = active ] || [ "$state" = stuck ] || [ "$state" = broken ] ;;
stop) grep -qx -- "$2" "$record" || exit 9
    [ "$state" != stuck ] || exec sleep 60
    [ "$state" = broken ] || echo inactive > "$unit" ;;
start) [ "$state" != broken ] && echo active > "$unit" ;;
esac
"""


class System:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.systemctl = directory / "systemctl"
        self.systemctl.write_text(SYSTEMCTL)
        self.systemctl.chmod(0o755)
        (directory / "systemctl.d").mkdir()
        self.record = directory / "stopped-units"
        self.units = Units(
            self.record,
            systemctl=str(self.systemctl),
            booted=directory,
            change=0.5,
        )

    def put(self, name: str, state: str) -> None:
        (self.directory / "systemctl.d" / name).write_text(state + "\n")

    def state(self, name: str) -> str:
        return (self.directory / "systemctl.d" / name).read_text().strip()


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


async def test_stop_records_first_and_leaves_inactive_ones_alone(system: System) -> None:
    system.put("a.service", "active")
    system.put("b.service", "inactive")
    assert await system.units.stop(["a.service", "b.service", "-h.service"]) == ()
    assert system.state("a.service") == "inactive"
    assert system.record.read_text() == "a.service\n"
    assert await system.units.restore() == ()
    assert system.state("a.service") == "active"
    assert system.state("b.service") == "inactive"
    assert system.record.read_text() == ""


async def test_restore_is_done_by_the_next_daemon(system: System) -> None:
    system.put("a.service", "active")
    await system.units.stop(["a.service"])
    again = Units(system.record, systemctl=str(system.systemctl), booted=system.directory)
    assert await again.restore() == ()
    assert system.state("a.service") == "active"


async def test_a_unit_that_hangs_is_given_up_and_named(system: System) -> None:
    system.put("a.service", "stuck")
    assert await system.units.stop(["a.service"]) == ("a.service",)
    assert system.record.read_text() == "a.service\n"


async def test_a_unit_that_does_not_start_stays_recorded(system: System) -> None:
    system.put("a.service", "active")
    system.put("b.service", "active")
    await system.units.stop(["a.service", "b.service"])
    system.put("a.service", "broken")
    assert await system.units.restore() == ("a.service",)
    assert system.record.read_text() == "a.service\n"


async def test_without_a_record_nothing_is_stopped(system: System) -> None:
    system.put("a.service", "active")
    units = Units(
        system.directory / "none/stopped-units",
        systemctl=str(system.systemctl),
        booted=system.directory,
    )
    assert await units.stop(["a.service"]) == ("a.service",)
    assert system.state("a.service") == "active"


async def test_without_systemd_nothing_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    units = Units(tmp_path / "stopped", systemctl="/no/systemctl", booted=tmp_path / "none")
    with caplog.at_level(logging.WARNING):
        assert await units.stop(["a.service"]) == ()
    assert "a.service" in caplog.text
    assert await units.restore() == ()


async def test_without_systemctl_recorded_units_are_named(tmp_path: Path) -> None:
    (tmp_path / "stopped").write_text("a.service\n")
    units = Units(tmp_path / "stopped", systemctl="/no/systemctl", booted=tmp_path)
    assert await units.restore() == ("a.service",)
