"""tetras-backctl for a reader of French, on a machine that has no French locale of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bus.standin import UUID, Ctl, Ended, StandIn, standing_in
from tests.bus.terminal import converse
from tests.harness import PrivateBus, install_tree
from tests.harness.process import PYTHON
from tetrasback import errors
from tetrasback.wire import (
    Alert,
    BackupView,
    DiskView,
    HistoryEntry,
    JobEntry,
    JobView,
    ManagerView,
    ScriptView,
)

NB = "\N{NO-BREAK SPACE}"
ENDED = 1_764_000_840_000_000


class FrenchCtl(Ctl):
    """The installed command, run by somebody who speaks French."""

    def __init__(self, bus: PrivateBus, workspace: Path) -> None:
        super().__init__(bus)
        self.environment |= {"PYTHONPATH": str(install_tree(workspace)), "LC_ALL": "fr_FR.UTF-8"}


@pytest.fixture
async def daemon(bus: PrivateBus) -> AsyncIterator[StandIn]:
    async with standing_in(bus) as running:
        running.add(
            DiskView(
                uuid=UUID,
                name="bleu",
                saved=True,
                device="/dev/null",
                state="rejected",
                reason="read-only",
                size=2 * 10**12,
                last_success=ENDED,
            )
        )
        running.manager = ManagerView(
            version="9.9",
            scripts=(ScriptView("backup_nocloud.sh", True, "/usr/lib/x"),),
            alerts=(
                Alert(
                    "rejected",
                    UUID,
                    1,
                    "disk bleu cannot be used: it is mounted elsewhere: unmount it there",
                ),
                Alert("newer", "", 1, "something new"),
            ),
        )
        running.history = [
            HistoryEntry(
                id=7,
                uuid=UUID,
                name="bleu",
                trigger="plug",
                verdict="failed",
                code="script-failed",
                started_at=ENDED - 61_000_000,
                finished_at=ENDED,
                bytes=4_700_000,
                files=2,
                message="ok.sh ended with status 4",
            )
        ]
        yield running


@pytest.fixture
def ctl(bus: PrivateBus, workspace: Path) -> FrenchCtl:
    return FrenchCtl(bus, workspace)


async def test_status(daemon: StandIn, ctl: Ctl) -> None:
    done = await ctl("status")
    assert done.out.splitlines()[0].startswith(
        f"erreur     le disque «{NB}bleu{NB}» n’est pas utilisable{NB}: il est monté ailleurs"
    )
    assert "attention  newer (something new) (il y a " in done.out
    assert (
        f"dernière   bleu{NB}: ÉCHEC (4,7{NB}Mo dans 2 fichiers, 1 min 01 s)"
        f"{NB}: ok.sh s’est terminé avec le code 4 [script-failed] (il y a "
    ) in done.out


async def test_tables(daemon: StandIn, ctl: Ctl) -> None:
    disks = (await ctl("disks")).out
    assert disks.split()[:2] == ["NOM", "ÉTAT"]
    assert "inutilisable" in disks
    assert f"2,0{NB}To" in disks
    assert "24/11/2025 16:14" in disks
    history = (await ctl("history")).out
    assert "RÉSULTAT" in history
    assert "branchement" in history
    assert "échec" in history
    assert "oui" in (await ctl("scripts")).out


async def test_progress_names_the_steps(daemon: StandIn, ctl: Ctl) -> None:
    daemon.backups[8] = BackupView(
        id=8, uuid=UUID, state="running", step="home", fraction=0.5, bytes_done=1, bytes_total=2000
    )
    daemon.history.insert(0, HistoryEntry(id=8, uuid=UUID, name="bleu"))
    shown = (await ctl("status")).out
    assert (
        f"sauvegarde sur «{NB}bleu{NB}»{NB}: dossiers personnels, 50{NB}%, 1{NB}o sur 2,0{NB}ko"
        in shown
    )


@pytest.mark.parametrize("name", sorted(errors.BY_NAME))
async def test_an_error_is_said_in_french_and_its_facts_are_kept(
    daemon: StandIn, ctl: Ctl, name: str
) -> None:
    daemon.errors["Reload"] = (name, "line 3: odd")
    said = (await ctl("reload")).err
    assert said.startswith("tetras-backctl: ")
    kind = errors.BY_NAME[name]
    if kind not in (errors.Unreachable, errors.AuthorizationRequired):
        assert said.endswith(" (line 3: odd)\n")
    assert " the " not in said


async def test_what_is_replaced_is_asked_for_and_answered_in_french(
    daemon: StandIn, ctl: Ctl
) -> None:
    words = ("restore", "bleu", "2025-11-24_16-14-00_Sauvegarde_web", "--in-place", "--no-wait")
    argv = [PYTHON, "-m", "tetrasback.ctl", *words]
    daemon.jobs[9] = JobView(id=9, kind="restore", uuid=UUID)
    environment = {**ctl.environment, "PYTHONIOENCODING": "utf-8"}
    for typed, code in (("y\n", 2), ("oui\n", 0)):
        question = f"Pour continuer, tapez oui{NB}:"
        ended, shown = await asyncio.to_thread(converse, argv, environment, typed, question)
        assert ended == code
        assert "sera remplacé" in shown
    daemon.entries = [JobEntry(id=9, kind="verify", uuid=UUID, code="content-damaged")]
    shown = (await ctl("jobs")).out
    assert "vérification" in shown
    assert "n’est pas tel" in shown


async def test_a_known_error_is_said_in_whole_sentences(daemon: StandIn, ctl: Ctl) -> None:
    busy = errors.Busy.dbus_name
    daemon.errors["ForgetDisk"] = (
        busy,
        "disk bleu is being backed up: cancel the backup first, or wait",
    )
    assert (await ctl("forget", "bleu")).err == (
        f"tetras-backctl: une sauvegarde est en cours sur le disque «{NB}bleu{NB}»{NB}:"
        " annulez-la d’abord, ou attendez\n"
    )


async def test_programs_read_the_same_in_every_language(daemon: StandIn, ctl: Ctl) -> None:
    english = await ctl("disks", "--json", LC_ALL="C.UTF-8")
    french = await ctl("disks", "--json")
    assert french == english
    missing: Ended = await ctl("forget", "x", "--json")
    assert "no disk is called x" in json.loads(missing.out)["error"]["message"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
async def test_a_poor_terminal_is_no_crash(daemon: StandIn, ctl: Ctl, encoding: str) -> None:
    process = await ctl.start("--help", PYTHONIOENCODING=encoding)
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"utilisation")
    process = await ctl.start("status", PYTHONIOENCODING=encoding)
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert b"bleu" in out
