"""What a mail says."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.letters.samples import DISK, LETTERS, NOON, TEXTS, ended, refused, stale
from tetrasback.core.devices import Reason
from tetrasback.core.news import BackupEnded, DiskRefused, DiskSafe, DisksStale, JobEnded, Letter
from tetrasback.core.state import Code, Finding, Verdict
from tetrasback.lang import i18n, words
from tetrasback.letters import advice
from tetrasback.letters.body import body
from tetrasback.letters.console import called_out
from tetrasback.letters.pieces import LIST_MAX, LOG_LINES
from tetrasback.letters.plain import LENGTH

DAY = 86_400_000_000


def text_of(letter: Letter, log: str = "") -> str:
    return body(letter, "serveur", log)


def facts(letter: Letter) -> dict[str, str]:
    """What stands behind each label."""
    pairs = (line.partition(":") for line in text_of(letter).splitlines() if ": " in line)
    return {label: value.strip() for label, _, value in pairs}


def test_success_says_what_when_how_much_and_what_is_left() -> None:
    letter = ended(
        bytes_done=4_700_000, files_done=11_891, snapshot="2026_Sauvegarde_serveur", notes=2
    )
    assert text_of(letter).startswith("The backup of serveur onto disk bleu is complete.\n")
    found = facts(letter)
    assert found["Disk"] == "bleu"
    assert found["UUID"] == DISK.uuid
    assert found["Model"] == "Elements, serial number WX1"
    assert found["Saved"] == "4.7 MB in 11891 files"
    assert found["Folder"] == "2026_Sauvegarde_serveur"
    assert found["Room left"] == "400 GB of 1.0 TB"
    assert found["Ended"].endswith("(it took 7 min 12 s)")
    assert found["Started by"] == "the disk was plugged in"
    assert found["Notes"] == "2, in the log"
    assert found["The whole log"] == "tetras-backctl log 12"
    assert "What happened" not in text_of(letter)


@pytest.mark.parametrize("code", [code for code in Code if code] + list(Reason))
def test_everything_but_a_success_says_why_and_what_to_do(code: str) -> None:
    text = " ".join(text_of(ended("failed", code)).split())
    assert f"What happened: {advice.WHY[code]}"[:60] in text
    assert "what the service says" in text
    assert "What to do: " in text
    assert "{" not in text


def test_every_code_has_advice() -> None:
    assert set(advice.CODES) == {str(code) for code in Code if code}


def test_advice_quotes_the_name_for_a_shell() -> None:
    assert advice.on_backup("script-failed", "a b; rm", "").endswith("backup 'a b; rm'")


def test_every_finding_is_told_once() -> None:
    letter = ended("failed", "script-failed")
    findings = (
        Finding(Verdict.FAILED, "script-failed", "what the service says"),
        Finding(Verdict.WARNING, "units-not-started", "could not be started again: db.service"),
    )
    text = text_of(replace(letter, backup=replace(letter.backup, findings=findings)))
    assert text.count("what the service says") == 1
    assert "  could not be started again: db.service\n" in text


def test_warnings_are_named_and_the_rest_is_counted() -> None:
    letter = ended("warning", "source-unreadable", warnings=250, warned=("a", "b"))
    text = text_of(letter)
    assert "250 warnings:\n  a\n  b\n  … and 248 more\n" in text
    many = tuple(f"file {number}" for number in range(LIST_MAX + 50))
    text = text_of(ended("warning", "source-unreadable", warnings=len(many), warned=many))
    assert f"file {LIST_MAX - 1}\n  … and 50 more\n" in text
    assert "1 warning:\n  a\n" in text_of(ended("warning", "", warnings=1, warned=("a",)))


def test_what_was_removed_is_named() -> None:
    pruned = ("2026_Sauvegarde_a, 1.2 GB, to make room", "old two")
    wanted = f"Older backups that were removed:\n  {pruned[0]}\n  old two\n"
    assert wanted in text_of(ended(pruned=pruned))


@pytest.mark.parametrize("verdict", ["failed", "interrupted"])
def test_failure_ends_with_the_end_of_the_log(verdict: str) -> None:
    log = "".join(f"line {number}\n\n" for number in range(1000))
    text = text_of(ended(verdict, "script-failed"), log)
    assert f"The end of the log:\n  line {1000 - LOG_LINES}\n" in text
    assert "line 999\n" in text
    assert "end of the log" not in text_of(ended("success"), log)
    assert "end of the log:" not in text_of(ended(verdict, "disk-full"), "")


def test_backup_that_never_began_and_one_that_the_service_died_in() -> None:
    letter = ended("cancelled", "cancelled")
    assert facts(replace(letter, backup=replace(letter.backup, started_at=0)))["Began"] == (
        "it had not begun yet"
    )
    found = facts(ended("interrupted", "daemon-died"))
    assert "Noticed" in found
    assert "Ended" not in found


def test_backup_whose_disk_nobody_knows_any_more() -> None:
    text = text_of(replace(ended("cancelled", "forgotten"), disk=None))
    assert "bleu" in text
    assert DISK.uuid in text


def test_refusal_says_why_and_what_to_do() -> None:
    text = " ".join(text_of(refused()).split())
    assert text.startswith("Disk bleu was plugged into serveur and cannot be used")
    assert "its file system (exfat) cannot hold" in text
    assert "format it with ext4" in text
    assert facts(refused())["Device"] == "/dev/sdb1"


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_a_sentence(reason: str) -> None:
    found = DiskRefused(DISK, "/dev/sdb1", reason, NOON, "")
    assert words.REASONS[reason][:30] in " ".join(text_of(found).split())


def test_stale_disks_are_listed_with_how_long() -> None:
    old = replace(DISK, name="rouge", last_success=NOON - 20 * DAY)
    text = text_of(DisksStale((stale().disks[0], old), none_since=0, at=NOON))
    assert text.startswith("2 disks of serveur have not had a good backup for too long.\n")
    assert "  bleu: no good backup yet, saved " in text
    assert "(40 days ago)" in text
    assert "  rouge: last good backup " in text
    assert "(20 days ago)" in text


def test_no_good_backup_at_all_says_so_first() -> None:
    text = text_of(stale("bleu", "rouge", none_since=NOON - 40 * DAY))
    assert text.startswith("No disk of serveur has had a good backup for 40 days.\n")


def test_many_stale_disks_are_bounded() -> None:
    text = text_of(stale(*(f"disk {number}" for number in range(LIST_MAX + 7))))
    assert "  … and 7 more\n" in text


@settings(deadline=None, max_examples=400)
@given(LETTERS, TEXTS, st.text(max_size=2000))
def test_whatever_it_is_a_text_comes_of_it(letter: Letter, host: str, log: str) -> None:
    text = body(letter, host, log)
    text.encode()
    assert text.endswith("\n")
    assert not set(text) & set("\r\x1b\0\u202e\u2028\x85")
    assert max(map(len, text.splitlines())) < 2 * LENGTH + 300
    assert len(text) < 200_000


@settings(deadline=None)
@given(
    st.one_of(
        LETTERS.filter(lambda letter: not isinstance(letter, DisksStale | JobEnded)),
        st.builds(DiskSafe, uuid=TEXTS, name=TEXTS),
    )
)
def test_whatever_is_called_out_is_one_line(call: BackupEnded | DiskRefused | DiskSafe) -> None:
    text = called_out(call)
    assert len(text.splitlines()) == 1
    assert "\x1b" not in text


def test_language_is_the_one_that_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fr/LC_MESSAGES").mkdir(parents=True)
    source = "The backup of {host} onto disk {name} is complete."
    compiled = mo({source: "La sauvegarde de {host} sur le disque {name} est complète."})
    (tmp_path / "fr/LC_MESSAGES/tetras-back.mo").write_bytes(compiled)
    monkeypatch.setattr(i18n, "OWN_CATALOGUES", tmp_path)
    with i18n.using("fr_FR.UTF-8"):
        assert text_of(ended()).startswith("La sauvegarde de serveur sur le disque bleu est")
    assert text_of(ended()).startswith("The backup of serveur")


def mo(sentences: dict[str, str]) -> bytes:
    """A catalogue as msgfmt makes it (GNU gettext manual, "The Format of GNU MO Files")."""
    pairs = sorted({"": "Content-Type: text/plain; charset=UTF-8\n", **sentences}.items())
    count, start = len(pairs), 28
    position = start + 16 * count
    tables, texts = [b"", b""], b""
    for which in (0, 1):
        for pair in pairs:
            data = pair[which].encode()
            tables[which] += len(data).to_bytes(4, "little") + position.to_bytes(4, "little")
            texts += data + b"\0"
            position += len(data) + 1
    numbers = (0x950412DE, 0, count, start, start + 8 * count, 0, 0)
    head = b"".join(number.to_bytes(4, "little") for number in numbers)
    return head + tables[0] + tables[1] + texts
