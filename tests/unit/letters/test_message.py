"""The mail around a letter: what filters look at, and that nothing can get into its headers."""

import unicodedata
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.letters.samples import LETTERS, NOON, TEXTS, UUID, ended, refused, stale
from tetrasback.config.forms import check_disk_name
from tetrasback.core.news import BackupEnded, Letter
from tetrasback.core.state import Verdict
from tetrasback.errors import InvalidArgs
from tetrasback.letters.message import addressed, compose
from tetrasback.letters.sender import Sender

US = Sender("serveur", "mail.example.org")
HEADERS = [
    "Subject",
    "From",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Tetras-Back-Verdict",
    "Content-Type",
    "Content-Transfer-Encoding",
    "MIME-Version",
]


def parsed(data: bytes) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(data, policy=default))


def named(name: str) -> BackupEnded:
    letter = ended()
    return replace(letter, backup=replace(letter.backup, name=name))


@pytest.mark.parametrize("verdict", Verdict)
def test_subject_and_header_say_the_verdict(verdict: str) -> None:
    mail = parsed(compose(ended(verdict), US).data)
    assert mail["Subject"] == f"[Tetras-back] serveur {verdict}: bleu"
    assert mail["X-Tetras-Back-Verdict"] == verdict


def test_letters_about_no_backup_have_words_of_their_own() -> None:
    mail = parsed(compose(refused(), US).data)
    assert mail["Subject"] == "[Tetras-back] serveur rejected: bleu"
    assert mail["X-Tetras-Back-Verdict"] == "rejected"
    mail = parsed(compose(stale("bleu", "rouge"), US).data)
    assert mail["Subject"] == "[Tetras-back] serveur stale: bleu, rouge"
    assert mail["X-Tetras-Back-Verdict"] == "stale"
    mail = parsed(compose(stale(*"abcde"), US).data)
    assert mail["Subject"] == "[Tetras-back] serveur stale: a, b, c (+2)"


def test_the_other_headers() -> None:
    mail = parsed(compose(ended(), US).data)
    assert mail["From"] == "Tetras-back <root@mail.example.org>"
    assert mail["Date"].datetime.timestamp() == NOON / 1_000_000
    assert mail["Message-ID"] == f"<tetras-back.backup-12-{NOON}@mail.example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content_charset() == "utf-8"


@pytest.mark.parametrize(
    "name",
    [
        "bleu",
        "Sauvegarde d'été à l'œuvre",
        "μπλε",
        "青い外付けディスク",
        "القرص الأزرق",
        "می‌خواهم",
        "👩‍💻 disk",
        "x" * 64,
        "é" * 64,
        'a, b; c <d@e> (f) "g" \\ {host} %s',
        "=?utf-8?q?a=0ABcc:_x?=",
        " a  b ",
    ],
)
def test_a_name_in_any_script_is_found_again_in_the_subject(name: str) -> None:
    data = compose(named(name), US).data
    assert parsed(data)["Subject"] == f"[Tetras-back] serveur success: {name}"
    assert data.isascii()
    assert name in parsed(data).get_content()


@settings(deadline=None, max_examples=300)
@given(st.text(min_size=1, max_size=64))
def test_every_name_a_disk_may_have_is_found_again(name: str) -> None:
    try:
        check_disk_name(name)
    except InvalidArgs:
        return
    if any(unicodedata.category(char) == "Cf" for char in name):
        return  # said so that it steers no terminal
    data = compose(named(name), US).data
    assert data.isascii()
    assert parsed(data)["Subject"] == f"[Tetras-back] serveur success: {name}"


@pytest.mark.parametrize("domain", ["", "a b", "a\r\nBcc: x", "-x", "é.example", "x" * 300])
def test_a_host_without_a_good_name_still_writes(domain: str) -> None:
    mail = parsed(compose(ended(), Sender("", domain)).data)
    assert mail["From"] == "Tetras-back <root@localhost>"
    assert mail["Subject"] == "[Tetras-back] localhost success: bleu"


@settings(deadline=None, max_examples=400)
@given(LETTERS, TEXTS, TEXTS, st.text(max_size=300))
def test_nothing_gets_into_the_headers(letter: Letter, host: str, domain: str, log: str) -> None:
    mail = compose(letter, Sender(host, domain), log)
    data = addressed(mail.data, ["root", "admin@example.org"])
    assert data.isascii()
    assert all(len(text) <= 998 for text in data.split(b"\r\n"))
    assert b"\n" not in data.replace(b"\r\n", b"")
    head, _, _body = data.partition(b"\r\n\r\n")
    names = [text.partition(b":")[0].decode() for text in head.split(b"\r\n") if text[:1] != b" "]
    assert names == ["To", *HEADERS]
    found = parsed(data)
    assert found["To"] == "root, admin@example.org"
    assert found["Subject"].startswith("[Tetras-back] ")
    assert "\n" not in found["Subject"]
    assert not found.defects
    assert not found["Subject"].defects
    found.get_content()


@given(LETTERS)
@settings(deadline=None)
def test_the_key_is_a_file_name(letter: Letter) -> None:
    key = compose(letter, US).key
    assert key.replace("-", "").isalnum()
    assert key.isascii()
    assert len(key) < 150


def test_the_same_news_have_the_same_key_and_id() -> None:
    one, two = compose(ended(), US, "a"), compose(ended(), Sender("other", "mail.example.org"), "b")
    assert one.key == two.key
    assert parsed(one.data)["Message-ID"] == parsed(two.data)["Message-ID"]


def test_addresses_are_those_given_last() -> None:
    data = addressed(compose(ended(), US).data, ["a@example.org"] * 40)
    mail = message_from_bytes(data, policy=SMTP)
    assert [address.addr_spec for address in mail["To"].addresses] == ["a@example.org"] * 40
    assert all(len(text) < 100 for text in data.split(b"\r\n"))


def test_the_uuid_in_a_key_of_a_refusal() -> None:
    assert compose(refused(), US).key == f"rejected-{UUID}-{NOON}"
