"""Mails about restores and verifications."""

from dataclasses import replace

import pytest

from tests.unit.letters.samples import done
from tetrasback.core.task import Kind
from tetrasback.letters.body import body
from tetrasback.letters.message import compose
from tetrasback.letters.sender import Sender

SENDER = Sender("serveur", "example.org")


@pytest.mark.parametrize("kind", [Kind.RESTORE, Kind.VERIFY])
def test_subject_has_the_verdict_and_what_it_was(kind: Kind) -> None:
    mail = compose(done(kind, "failed", "job-failed"), SENDER).data
    assert mail.startswith(f"Subject: [Tetras-back] serveur failed: {kind} of bleu\r\n".encode())
    assert b"X-Tetras-Back-Verdict: failed\r\n" in mail


def test_damage_is_named() -> None:
    letter = done(
        Kind.VERIFY, "warning", "content-damaged", warnings=2, warned=("home/a: changed",)
    )
    text = body(letter, "serveur", "")
    assert "is DAMAGED" in text
    assert "2 warnings:\n  home/a: changed\n  … and 1 more\n" in text
    assert "tetras-backctl log --job 13\n" in text


def test_failed_restore_tells_where_to_and_how_the_log_ends() -> None:
    text = body(done(Kind.RESTORE, "failed", "job-failed"), "serveur", "one\nno room in /srv\n")
    assert "FAILED" in text
    assert "Restored to: /srv/back\n" in text
    assert "  no room in /srv\n" in text


def test_place_of_a_restore_in_place_and_of_dumps() -> None:
    letter = done(Kind.RESTORE)
    for changes, where in (
        ({"in_place": True}, "where it came from"),
        ({"database": "mysql"}, "mysql"),
    ):
        task = replace(letter.job.task, **changes)  # type: ignore[arg-type]
        text = body(replace(letter, job=replace(letter.job, task=task)), "serveur", "")
        assert f"Restored to: {where}\n" in text
