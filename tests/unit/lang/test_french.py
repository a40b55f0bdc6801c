"""What a reader of French gets: numbers, dates, plurals, words; also on a poor terminal."""

import io
import sys
from pathlib import Path

import pytest

from tetrasback.ctl.parser import parse
from tetrasback.ctl.sentences import disks_table, verdict_line, warnings
from tetrasback.lang import i18n
from tetrasback.lang.text import forgive_encoding
from tetrasback.lang.units import ago, duration, moment, percent, size
from tetrasback.lang.words import DISK_STATES, about, say
from tetrasback.wire import DiskView, HistoryEntry

NB = "\N{NO-BREAK SPACE}"
DAY = 86_400_000_000


@pytest.mark.usefixtures("french")
def test_sizes_shares_and_durations() -> None:
    assert [size(count) for count in (12, 4_700_000, 4 * 10**12)] == [
        f"12{NB}o",
        f"4,7{NB}Mo",
        f"4,0{NB}To",
    ]
    assert percent(0.124) == f"12{NB}%"
    assert duration(90_000) == "1 j 1 h"


@pytest.mark.usefixtures("french")
def test_dates_and_ages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert moment(1_764_000_840_000_000).startswith("24/11/2025 ")
    assert moment(0) == "jamais"
    assert ago(DAY, 2 * DAY) == "il y a 1 jour"
    assert ago(DAY, 4 * DAY) == "il y a 3 jours"


@pytest.mark.usefixtures("french")
def test_plurals_count_none_as_one() -> None:
    assert [warnings(count) for count in (0, 1, 2)] == [
        "0 avertissement",
        "1 avertissement",
        "2 avertissements",
    ]


@pytest.mark.usefixtures("french")
def test_sentences_and_titles() -> None:
    assert say(DISK_STATES, "safe-to-unplug") == "peut être débranché"
    entry = HistoryEntry(verdict="success", message="complete", bytes=4_700_000, files=2)
    text = "".join(cell if isinstance(cell, str) else cell[0] for cell in verdict_line("x", entry))
    assert text == f"x{NB}: réussie (4,7{NB}Mo dans 2 fichiers){NB}: complète"
    assert disks_table([DiskView()], full=True).columns[0].title == "Nom"


def test_help_is_french_to_its_last_word(
    catalogues: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(i18n, "OWN_CATALOGUES", catalogues)
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    with i18n.using(""):
        i18n.use_locale()
        for command in ([], ["save"], ["history"]):
            with pytest.raises(SystemExit):
                parse([*command, "--help"])
        with pytest.raises(SystemExit):
            parse(["nonsense"])
    i18n.use_english()
    shown = capsys.readouterr()
    assert shown.out.startswith(f"utilisation{NB}: tetras-backctl")
    for word in ("usage", "show", "default", " the ", "positional"):
        assert word not in shown.out
    assert "erreur" in shown.err
    assert "choose" not in shown.err


def test_english_stays_as_it_was() -> None:
    assert (size(4_700_000), percent(0.1), about("x", "y")) == ("4.7 MB", "10%", "x: y")
    assert [warnings(count) for count in (0, 1)] == ["0 warnings", "1 warning"]


def test_what_an_encoding_lacks_is_typewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    forgive_encoding()
    print(f"«{NB}blé{NB}»{NB}: l’œuf… 日\udcff", flush=True)
    assert raw.getvalue() == b'"ble" : l\'oeuf... \\u65e5\\udcff\n'
