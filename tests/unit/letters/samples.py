"""Letters to look at, and letters of every odd kind."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tetrasback.core.devices import BlockDevice, Reason
from tetrasback.core.news import BackupEnded, DiskRefused, DisksStale, JobEnded, Letter
from tetrasback.core.state import (
    Backup,
    Code,
    Disk,
    DiskJob,
    Finding,
    Progress,
    Trigger,
    Verdict,
)
from tetrasback.core.task import Kind, Task

UUID = "0b5a9f3e-5b0c-4a7e-9a51-3d1c8f0e2b17"
NOON = 1_795_608_000_000_000
"""2026-11-25 12:00 UTC."""

DISK = Disk(
    UUID,
    "bleu",
    saved=True,
    model="Elements",
    serial="WX1",
    fstype="ext4",
    size=10**12,
    free=4 * 10**11,
    saved_at=NOON - 40 * 86_400_000_000,
    last_success=NOON - 86_400_000_000,
)


def ended(verdict: str = "success", code: str = "", **said: Any) -> BackupEnded:
    """A backup that took seven minutes."""
    backup = Backup(
        12,
        UUID,
        "bleu",
        Trigger.PLUG,
        started_at=NOON - 432_000_000,
        finished_at=NOON,
        verdict=verdict,
        code=code,
        message="complete" if verdict == "success" else "what the service says",
        earlier=Progress(**said),
    )
    return BackupEnded(backup, DISK)


def done(kind: Kind, verdict: str = "success", code: str = "", **said: Any) -> JobEnded:
    """A restore to /srv/back, or a verification, that took seven minutes."""
    job = DiskJob(
        13,
        Task(kind, UUID, destination="/srv/back"),
        "bleu",
        BlockDevice("/sys/x", "/dev/sdb1", UUID),
        snapshot="2026-11-25_03-04-05_Sauvegarde_serveur",
        started_at=NOON - 432_000_000,
        finished_at=NOON,
        verdict=verdict,
        code=code,
        message="complete" if verdict == "success" else "the service was stopped",
        progress=Progress(**said),
    )
    return JobEnded(job, DISK)


def refused(reason: str = "unsupported-filesystem", fstype: str = "exfat") -> DiskRefused:
    return DiskRefused(replace(DISK, fstype=fstype), "/dev/sdb1", reason, NOON, "mark")


def stale(*names: str, none_since: int = 0) -> DisksStale:
    disks = tuple(replace(DISK, name=name, last_success=0) for name in names or ("bleu",))
    return DisksStale(disks, none_since, NOON)


# Everything that could get into a letter, however it got there.
_text = st.text(st.characters(), max_size=60) | st.sampled_from(
    ["a\r\nBcc: x@example.org\r\n\r\nbody", "=?utf-8?q?x?=", "\udc80", "\u202eevil", "{host}", ""]
)
_number = st.integers(0, 2**64)
_time = st.integers(0, 2**63) | st.just(NOON)
_progress = st.builds(
    Progress,
    bytes_done=_number,
    files_done=_number,
    warnings=_number,
    notes=_number,
    snapshot=_text,
    warned=st.lists(_text, max_size=5).map(tuple),
    pruned=st.lists(_text, max_size=5).map(tuple),
)
_disk = st.builds(
    Disk,
    uuid=_text,
    name=_text,
    model=_text,
    serial=_text,
    fstype=_text,
    size=_number,
    free=_number,
    saved_at=_time,
    last_success=_time,
)
_backup = st.builds(
    Backup,
    id=_number,
    uuid=_text,
    name=_text,
    trigger=st.sampled_from(Trigger),
    started_at=_time,
    finished_at=_time,
    earlier=_progress,
    current=_progress,
    findings=st.lists(
        st.builds(Finding, verdict=st.sampled_from(Verdict), code=_text, message=_text), max_size=3
    ).map(tuple),
    verdict=st.sampled_from([*Verdict, "", "new-word", "a\nb"]),
    code=st.sampled_from([*map(str, Code), *map(str, Reason), "odd"]) | _text,
    message=_text,
)
_job = st.builds(
    DiskJob,
    id=_number,
    task=st.builds(
        Task,
        kind=st.sampled_from(Kind),
        uuid=_text,
        snapshot=_text,
        percent=_number,
        destination=_text,
        in_place=st.booleans(),
        database=_text,
    ),
    name=_text,
    device=st.just(BlockDevice("", "", "")),
    snapshot=_text,
    started_at=_time,
    finished_at=_time,
    progress=_progress,
    verdict=st.sampled_from([*Verdict, "", "new-word", "a\nb"]),
    code=_text,
    message=_text,
)
LETTERS: st.SearchStrategy[Letter] = st.one_of(
    st.builds(BackupEnded, backup=_backup, disk=st.none() | _disk),
    st.builds(JobEnded, job=_job, disk=st.none() | _disk),
    st.builds(DiskRefused, disk=_disk, node=_text, reason=_text, at=_time, mark=_text),
    st.builds(
        DisksStale,
        disks=st.lists(_disk, max_size=4).map(tuple),
        none_since=_time,
        at=_time,
    ),
)
TEXTS = _text
