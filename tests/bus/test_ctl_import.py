"""`tetras-backctl import-config` against stand-ins of the daemon and the relay on a real bus."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bus.standin import Ctl, StandIn, standing_in
from tests.harness import PrivateBus
from tetrasback.perl import NOTHING_NEW, client_remark


@pytest.fixture
async def daemon(bus: PrivateBus) -> AsyncIterator[StandIn]:
    async with standing_in(bus) as running:
        yield running


@pytest.fixture
def ctl(bus: PrivateBus) -> Ctl:
    return Ctl(bus)


def written(directory: Path, clients: str = "", latin: bool = False) -> str:
    """Path of a configuration of the original."""
    text = f"# café\n%CFG = (SCRIPTS => {{}}, CLIENTS => {{{clients}}});\n" + "#" * 200_000
    path = directory / "old.pl"
    path.write_text(text, encoding="latin-1" if latin else "utf-8")
    return str(path)


@pytest.mark.parametrize("latin", [False, True])
async def test_the_whole_file_is_sent_and_remarks_are_printed(
    daemon: StandIn, ctl: Ctl, tmp_path: Path, latin: bool
) -> None:
    daemon.remarks = ["script x is left out"]
    ended = await ctl("import-config", written(tmp_path, latin=latin))
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [*daemon.remarks, "imported, with the remarks above"]
    name, (text,), _ = daemon.calls[-1]
    assert name == "ImportConfiguration"
    assert text.startswith("# café\n")
    assert len(text) > 200_000


async def test_what_was_imported_before_is_told(daemon: StandIn, ctl: Ctl, tmp_path: Path) -> None:
    daemon.remarks = ["script x is left out", NOTHING_NEW]
    file = written(tmp_path)
    ended = await ctl("import-config", file)
    assert ended.code == 0
    assert ended.out.splitlines()[0] == "script x is left out"
    assert ended.out.splitlines()[1].startswith("nothing has changed")
    found = json.loads((await ctl("import-config", "--json", file)).out)
    assert found == {
        "changed": False,
        "remarks": ["script x is left out"],
        "registered": [],
        "not_registered": [],
    }


async def test_without_a_relay_the_rest_is_imported_and_the_exit_code_tells(
    daemon: StandIn, ctl: Ctl, tmp_path: Path
) -> None:
    daemon.remarks = [client_remark("/run/web"), client_remark("tl-client")]
    file = written(tmp_path, "'/run/web' => 1, 'tl-client' => 2")
    ended = await ctl("import-config", file)
    assert (ended.code, ended.err) == (8, "")
    assert [line.partition(" is not")[0] for line in ended.out.splitlines()[:2]] == [
        "/run/web",
        "/tl-client",
    ]
    assert "relay" in ended.out
    found = json.loads((await ctl("import-config", "--json", file)).out)
    assert (found["changed"], found["remarks"], found["registered"]) == (True, [], [])
    assert [item["path"] for item in found["not_registered"]] == ["/run/web", "/tl-client"]


async def test_a_file_that_is_none_is_refused_without_a_call(
    daemon: StandIn, ctl: Ctl, tmp_path: Path
) -> None:
    file = tmp_path / "old.pl"
    for text in ("#" * 300_000, "%CFG = (CLIENTS => `id`);", "language = 'fr'"):
        file.write_text(text)
        ended = await ctl("import-config", str(file))
        assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert (await ctl("import-config", str(tmp_path / "none"))).code == 1
    assert (await ctl("import-config", str(tmp_path))).code == 1
    assert "ImportConfiguration" not in [name for name, _, _ in daemon.calls]
