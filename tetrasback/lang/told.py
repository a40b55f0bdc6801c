"""What the daemon says in English on the bus, said again in the reader's language.

Errors, alerts and a backup's message carry a code and a sentence. The code alone would lose what
the sentence says besides (which disk, how many files, which line of the configuration), so the
daemon's sentences stand here with a place for each fact, and `told` recognises them. One that
stands not here, from another version or a script, is shown as it is behind what its code says.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from tetrasback.lang.i18n import N_, _, translating
from tetrasback.lang.words import VERDICT_WORDS, say

SENTENCES: Final[Sequence[str]] = (
    # Alerts
    N_("and {count} more: see tetras-backctl disks"),
    N_("the configuration file is not in force: {why}"),
    N_("stopped for a backup and not started again: {units}: start them by hand"),
    N_("disk {disk} cannot be used: {why}"),
    N_("do not unplug disk {disk} yet: {why}"),
    N_("disk {disk} is plugged but not saved"),
    N_("disk {disk} may be unplugged"),
    N_("the last backup on disk {disk} ended as: {verdict}"),
    N_("disk {disk} holds no good backup yet"),
    N_("the last good backup on disk {disk} is {days} days old"),
    N_("the history cannot be written: {why}"),
    # Why a disk cannot be used
    N_("two devices have this UUID: unplug one of them"),
    N_(
        "its file system cannot hold owners, modes and links: format it as ext4"
        " (this erases it), then save it again"
    ),
    N_("it is encrypted: unlock it by hand, or use a disk that is not"),
    N_("it is mounted elsewhere: unmount it there"),
    N_("another program is using it: end that program"),
    N_("it is write-protected: move its switch"),
    N_("its file system is damaged: have it checked with fsck"),
    N_("it is not the disk that was seen: unplug it and plug it in again"),
    N_("it is a file that belongs to somebody else than root: use a real disk"),
    N_("this system runs from it"),
    N_("another partition of it is still to be backed up"),
    # How a backup ended
    N_("complete"),
    N_("the disk is full: use a larger one; the log has the figures"),
    N_("the disk did not take what was written: have it checked or replaced"),
    N_("the disk could not be unmounted"),
    N_("the disk was taken away before the backup had ended: plug it in again"),
    N_("{script} gave {count} warning"),
    N_("{script} gave {count} warnings"),
    N_("{script} did not run to its end"),
    N_("{script} was killed by signal {number}"),
    N_("{script} ended with status {status} but named no warning"),
    N_("{script} ended with status {status}"),
    N_("kept running although they were to be stopped: {units}"),
    N_("could not be started again: {units}"),
    N_("cancelled on request"),
    N_("unplugging was asked for"),
    N_("the disk was forgotten"),
    N_("the service was stopped"),
    N_("the service or the server ended in the middle of the backup"),
    N_("the service or the server ended before the backup had begun"),
    N_("no backup script is enabled: see tetras-backctl scripts, then enable one"),
    N_("waiting for the system to start"),
    # What was asked for cannot be done
    N_("disk {disk} is being backed up: cancel the backup first, or wait"),
    N_("{device} lies on a disk that this system runs from"),
    N_("the service is stopping"),
    N_("this disk is not plugged"),
    N_("disk {disk} is not plugged: plug it in"),
    N_("a backup of disk {disk} is already queued or running"),
    N_("two devices say they are disk {disk}: unplug one of them"),
    N_("no disk with this UUID is saved or plugged"),
    N_("no backup of this disk is queued or running"),
    N_("the backup is whole and only being finished: nothing left to cancel"),
    N_("no disk with this UUID is saved: see tetras-backctl disks"),
    N_("this disk is not saved: save it first, tetras-backctl save UUID=name"),
    N_("do not unplug {device} yet: a backup was asked for meanwhile"),
    N_("do not unplug {device} yet: {why}"),
    N_("the backup has already ended: see the history"),
    N_("the history has no backup {id}: see tetras-backctl history"),
    N_("the history cannot be read: {why}"),
    N_("there is no script {script}: see tetras-backctl scripts"),
)

_PLACE: Final = re.compile(r"\{(\w+)\}")


def told(text: str, about: str = "") -> str:
    """TEXT of the daemon in the reader's language.

    ABOUT says in that language what its code means: for a TEXT that is not known, which then
    follows it, and for none.
    """
    if not text:
        return about
    if not translating():
        return text
    again = _again(text)
    if again:
        return again
    return _("{about} ({text})").format(about=about, text=text) if about else text


def _again(text: str) -> str:
    """TEXT in the reader's language, empty where it is not known."""
    for sentence, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found:
            facts = found.groupdict()
            if "why" in facts:
                facts["why"] = told(facts["why"])
            if "verdict" in facts:
                facts["verdict"] = say(VERDICT_WORDS, facts["verdict"], "verdict")
            return _(sentence).format(**facts)
    return ""


@cache
def _patterns() -> Sequence[tuple[str, re.Pattern[str]]]:
    """The sentences as patterns, those that leave least open first."""
    ordered = sorted(SENTENCES, key=lambda sentence: -len(_PLACE.sub("", sentence)))
    return [(sentence, _pattern(sentence)) for sentence in ordered]


def _pattern(sentence: str) -> re.Pattern[str]:
    words = _PLACE.split(sentence)  # text and names of places in turn
    parts = [
        re.escape(word) if index % 2 == 0 else f"(?P<{word}>.+)" for index, word in enumerate(words)
    ]
    return re.compile("".join(parts), re.DOTALL)
