"""Mails to a reader of French."""

import email
import email.policy
import re
from dataclasses import replace

import pytest

from tests.unit.letters.samples import DISK, NOON, done, ended, refused, stale
from tetrasback.core.devices import Reason
from tetrasback.core.news import DiskSafe, Letter
from tetrasback.core.state import Code, Finding, Verdict
from tetrasback.core.task import JobCode, Kind
from tetrasback.letters.console import called_out
from tetrasback.letters.message import compose
from tetrasback.letters.sender import Sender

NB = "\N{NO-BREAK SPACE}"
pytestmark = pytest.mark.usefixtures("french")


def mailed(letter: Letter, log: str = "") -> tuple[str, str]:
    """Subject and text, as the reader's mail program shows them."""
    data = compose(letter, Sender("serveur", "example.org"), log).data
    message = email.message_from_bytes(data, policy=email.policy.default)
    body = message.get_body()
    assert body is not None
    return str(message["Subject"]), str(body.get_content()).replace("\r\n", "\n")


def english_in(text: str) -> list[str]:
    """Words that no French sentence has; what stands in a command is none."""
    joined = re.sub(r"(?<=\S)\n(?=\S)", " ", text)
    plain = re.sub(r"(tetras-backctl|systemctl|journalctl) \w+", "", joined)
    words = r"the|was|were|not|of|and|with|could|cannot|this|it|is|disk|backup|warnings?|ago"
    return re.findall(rf"\b(?:{words})\b", plain)


@pytest.mark.parametrize(
    "letter",
    [
        ended(bytes_done=4_700_000, files_done=2, snapshot="2026-11-25", notes=2),
        *(ended("failed", str(code)) for code in [*Code, *Reason] if code),
        *(ended(verdict) for verdict in ("warning", "cancelled", "interrupted", "newer")),
        *(
            done(kind, str(verdict), "daemon-stopped", warnings=1, files_done=2)
            for kind in (Kind.RESTORE, Kind.VERIFY)
            for verdict in [*Verdict, "newer"]
        ),
        *(done(Kind.VERIFY, "failed", str(code)) for code in JobCode),
        *(refused(str(reason), "ext4") for reason in Reason),
        refused(),
        stale("bleu", "vert"),
        stale("bleu"),
        stale("bleu", none_since=NOON - 30 * 86_400_000_000),
    ],
)
def test_body_is_french_and_the_subject_the_contracts(letter: Letter) -> None:
    if hasattr(letter, "backup"):
        letter = replace(letter, backup=replace(letter.backup, message="the service was stopped"))
    subject, text = mailed(letter)
    assert re.match(r"\[Tetras-back\] serveur [a-z]+: (verify of |restore of )?", subject)
    assert english_in(text) == []


def test_what_the_daemon_and_the_scripts_say_is_french() -> None:
    letter = ended(
        "failed",
        "disk-full",
        warnings=2,
        warned=("the disk is full: no room for etc", "the reader's own script says this"),
        pruned=("2026-11-24_Sauvegarde_serveur, 1.2GiB, to make room",),
    )
    findings = (Finding(Verdict.FAILED, "script-failed", "a.sh ended with status 4"),)
    letter = replace(letter, backup=replace(letter.backup, findings=findings))
    _subject, text = mailed(letter, "what the log says\n")
    assert "  le disque est plein" in text
    assert "  the reader's own script says this\n" in text
    assert f"  2026-11-24_Sauvegarde_serveur, 1,2{NB}Gio, pour faire de la place\n" in text
    assert "  a.sh s’est terminé avec le code 4\n" in text
    assert "  what the log says\n" in text
    assert f"2 avertissements{NB}:\n" in text


def test_dates_and_sizes_are_french() -> None:
    _subject, text = mailed(ended(bytes_done=4_700_000, files_done=1))
    assert f"4,7{NB}Mo dans 1 fichier\n" in text
    assert f"400{NB}Go sur 1,0{NB}To\n" in text
    assert re.search(r"25/11/2026 \d\d:\d\d \(en 7 min 12 s\)", text)


def test_console_is_french() -> None:
    safe = called_out(DiskSafe(uuid=DISK.uuid, name="bleu"))
    assert safe == f"Tetras-back{NB}: le disque «{NB}bleu{NB}» peut être débranché"
    for call in (refused(), ended("failed", "disk-full"), ended("interrupted", "disk-gone")):
        assert english_in(called_out(call)) == []
