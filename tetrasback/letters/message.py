"""A letter as a mail: RFC 5322 with MIME, complete but for ``To``, which whoever sends it adds.

The subject's and the header's words are the contract's, in English; filters are written for them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Final

from tetrasback.core.news import BackupEnded, DiskRefused, DisksStale, JobEnded, Letter
from tetrasback.letters.body import body
from tetrasback.letters.plain import line
from tetrasback.letters.sender import Sender

VERDICT_HEADER: Final = "X-Tetras-Back-Verdict"
REJECTED: Final = "rejected"
STALE: Final = "stale"
"""The words for letters that are about no backup."""

NAMES_MAX: Final = 3
"""Disks that are named in a subject."""

SUBJECT_MAX: Final = 400
_POLICY: Final = SMTP.clone(cte_type="7bit")  # not every relay takes 8-bit mail
_DOMAIN: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_WORD: Final = re.compile(r"[a-z]{1,20}")


@dataclass(frozen=True, slots=True)
class Mail:
    """``key`` tells what it is about, in letters, digits, dots and dashes; the same again for the
    same news. ``data`` has CRLF line ends."""

    key: str
    data: bytes


def compose(letter: Letter, sender: Sender, log: str = "") -> Mail:
    """LETTER as a mail from SENDER. LOG is that of the backup it is about."""
    domain = sender.domain if _DOMAIN.fullmatch(sender.domain) else "localhost"
    host = line(sender.host, 64).strip() or "localhost"
    word, name, key, at = _about(letter)
    word = word if _WORD.fullmatch(word) else "unknown"
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address("Tetras-back", "root", domain)
    message["Date"] = _date(at)
    message["Message-ID"] = f"<tetras-back.{key}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message[VERDICT_HEADER] = word
    message.set_content(body(letter, host, log), charset="utf-8")
    subject = _encoded(line(f"[Tetras-back] {host} {word}: {name}", SUBJECT_MAX))
    return Mail(key, b"Subject: " + subject + b"\r\n" + message.as_bytes())


def addressed(mail: bytes, to: Sequence[str]) -> bytes:
    """MAIL with its ``To``: the addresses of now, which may not be those of when it was written."""
    names = (line(address, 320) for address in to)
    return b"To: " + ",\r\n ".join(names).encode("utf-8", "replace") + b"\r\n" + mail


def _encoded(text: str) -> bytes:
    """TEXT as the rest of a Subject line, encoded (RFC 2047) only where it must be.

    Not by EmailMessage, which folds long ones before their first word, so that they gain a space.
    """
    if text.isascii() and "=?" not in text and text == text.strip():
        return text.encode()
    return Header(text, "utf-8", header_name="Subject").encode(linesep="\r\n").encode()


def _about(letter: Letter) -> tuple[str, str, str, int]:
    """Its word, the name for the subject, its key, and when it happened."""
    match letter:
        case BackupEnded(backup):
            at = backup.finished_at
            return str(backup.verdict), backup.name, f"backup-{backup.id}-{at}", at
        case JobEnded(job):
            at = job.finished_at
            return str(job.verdict), f"{job.task.kind} of {job.name}", f"job-{job.id}-{at}", at
        case DiskRefused(disk, at=at):
            key = re.sub(r"[^A-Za-z0-9-]", "-", f"{REJECTED}-{disk.uuid}-{at}")
            return REJECTED, disk.name, key, at
        case DisksStale(disks, at=at):
            names = ", ".join(disk.name for disk in disks[:NAMES_MAX])
            more = f" (+{len(disks) - NAMES_MAX})" if len(disks) > NAMES_MAX else ""
            return STALE, names + more, f"{STALE}-{at}", at


def _date(micros: int) -> str:
    try:
        return formatdate(micros / 1_000_000, localtime=True)
    except (OverflowError, ValueError, OSError):  # no calendar goes that far
        return formatdate(localtime=True)
